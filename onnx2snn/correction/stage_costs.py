"""The cost of correcting a layer, for a bar that is to tell the time left."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx2snn.correction.weights_to_fit import find_linear_map
from onnx2snn.graph import dims_of, known_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.correction.stages import Stage

__all__ = ["estimate_costs"]

_NEURON = 200
"""Multiply-accumulates that take as long as one step of a neuron, and its current in memory."""


def estimate_costs(networks: NetworkPair, stages: Iterable[Stage]) -> list[float]:
    """Return the cost of each stage, in multiply-accumulates of one step of a sample.

    Each neuron counts for the weights of its layer that it reads, and for itself; where the size
    of an activation is not known, for one neuron.
    """
    return [_estimate_cost(networks, stage) for stage in stages]


def _estimate_cost(networks: NetworkPair, stage: Stage) -> float:
    weights = sum(map(_weights_of_an_output, stage.weighted_nodes))
    if stage.neuron is None:
        return weights + 1
    activation = networks.activations[stage.neuron]
    dims = dims_of(activation) or ()
    sizes = known_sizes(dims[1:])
    neurons = 1 if sizes is None else math.prod(sizes)
    return float(neurons * (weights + _NEURON))


def _weights_of_an_output(node: ir.Node) -> float:
    """Return how many weights make one output of a node; 0 where that is not known."""
    linear_map = find_linear_map(node)
    if linear_map is None:
        return 0
    dims = dims_of(node.outputs[0])
    channels = None if dims is None else dims[linear_map.channel_axis]
    if not isinstance(channels, int):
        return 0
    return math.prod(linear_map.weights_shape) / max(1, channels)

"""Neurons whose input is the same in every step: they know all of it before the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, constant, display_name
from onnx2snn.ops.predicates import sends_weighted_spikes
from onnx2snn.schedules.loops import silence_like
from onnx2snn.schedules.spike_weights import SpikeWeightValues, spike_weights_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["give_whole_inputs", "share_at_once"]


def share_at_once(weights: SpikeWeights, time_steps: int) -> float:
    """Return the potential that holds an input of T steps, as a multiple of that of one.

    It grows by the leak before the first spike: with k the leak, it is ``(1 + ... + k^(1-T)) / k``.
    """
    return weights.total(time_steps) / weights.leak


def give_whole_inputs(
    graph: ir.Graph, body: Iterable[ir.Node], count: ir.Value
) -> None:
    """Let neurons of weighted spikes start with their whole input, where it does not change.

    Args:
        graph: A single-step graph; it is to be sorted at the end.
        body: The nodes of it that run in every step.
        count: T.
    """
    inputs = _WholeInputs(graph, count)
    nodes = list(body)
    varying = {value for node in nodes for value in node.outputs}
    for node in nodes:
        if sends_weighted_spikes(node) and node.inputs[0] not in varying:
            inputs.give(node)


class _WholeInputs:
    """Lets neurons start with their whole input.

    A neuron that gets it step by step would have to send the first digit before it has the input
    that the digits behind it are to be made of.

    Args:
        graph: The graph that gets the nodes, at its end.
        count: T.
    """

    def __init__(self, graph: ir.Graph, count: ir.Value) -> None:
        self._graph = graph
        self._count = count
        self._builder = NodeBuilder(graph)
        self._shares: dict[tuple[SpikeWeights, ir.DataType], ir.Value] = {}

    def give(self, neuron: ir.Node) -> None:
        """Let ``neuron`` start with its input, and hear nothing in the steps."""
        current = neuron.inputs[0]
        assert current is not None
        name = display_name(neuron)
        operands = [current, self._share(neuron, current)]
        whole = self._builder.add("Mul", operands, f"{name}.whole_input", like=current)
        neuron.replace_input_with(0, silence_like(self._graph, current))
        neuron.replace_input_with(1, whole)

    def _share(self, neuron: ir.Node, current: ir.Value) -> ir.Value:
        """Return the factor between an input and the potential that holds it in all steps."""
        weights = spike_weights_of(neuron)
        dtype = current.dtype or ir.DataType.FLOAT
        key = weights, dtype
        if key not in self._shares:
            values = SpikeWeightValues.write(self._graph, weights, dtype, self._count)
            leak = np.array(weights.leak, dtype.numpy())
            factor = constant(self._graph, "T.leak", leak)
            operands = [values.total, factor]
            share = self._builder.add("Div", operands, "T.share", like=values.total)
            self._shares[key] = share
        return self._shares[key]

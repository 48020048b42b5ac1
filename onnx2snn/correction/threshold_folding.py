"""Thresholds taken into the weights that multiply spikes.

    W (theta s) = (W theta) s

Weights then multiply spikes, which are whole numbers, and not the values they stand for.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, has_one_reader, is_constant, is_op, rewire
from onnx2snn.graph.affine_weights import (
    has_plain_weights,
    scale_inputs,
    scale_per_input,
)
from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.loops import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir

__all__ = ["find_sums_of_spikes", "fold_thresholds"]


def fold_thresholds(nodes: Iterable[ir.Node]) -> dict[ir.Node, np.ndarray]:
    """Let nodes read spikes without their thresholds, where that can be.

    Other readers of the same stream keep reading it with thresholds. Where elements are moved
    or pooled between the neuron and the weights, all that read the result must take it.

    Args:
        nodes: Nodes with constant weights that spikes drive; those that can are rewired.

    Returns:
        The weights, times the thresholds, that these nodes are to have: of no node yet.
    """
    readers: dict[ir.Value, list[ir.Node]] = {}
    for node in nodes:
        operand = node.inputs[0]
        if operand is not None and has_plain_weights(node):
            readers.setdefault(operand, []).append(node)
    folded: dict[ir.Node, np.ndarray] = {}
    for operand, all_readers in readers.items():
        threshold = _Threshold.in_front_of(operand)
        if threshold is not None:
            folded |= _fold(operand, all_readers, threshold)
    return folded


@dataclasses.dataclass(frozen=True, eq=False)
class _Threshold:
    """A threshold between a neuron and weights.

    Attributes:
        spikes: What the neuron sends.
        weighted: The same, times the threshold.
        path: The nodes between that and the weights, those next to the weights first.
        values: The threshold, so that it broadcasts to what the weights multiply.
    """

    spikes: ir.Value
    weighted: ir.Value
    path: list[ir.Node]
    values: np.ndarray

    @classmethod
    def in_front_of(cls, operand: ir.Value) -> _Threshold | None:
        """Return the threshold that ``operand`` is a multiple of; None if there is none."""
        weighted, path = find_sums_of_spikes(operand)
        product = weighted.producer()
        if product is None or not is_op(product, "Mul"):
            return None
        spikes, factor = product.inputs
        is_threshold = spikes is not None and is_constant(factor)
        if not is_threshold or not _is_sent_by_neuron(spikes):
            return None
        assert spikes is not None  # as was asked
        values = _carry_forward(array(factor), weighted, path)
        return None if values is None else cls(spikes, weighted, path, values)


def _is_sent_by_neuron(value: ir.Value | None) -> bool:
    sender = None if value is None else value.producer()
    return sender is not None and is_neuron(sender) and value is sender.outputs[0]


def find_sums_of_spikes(operand: ir.Value) -> tuple[ir.Value, list[ir.Node]]:
    """Return the stream that ``operand`` is pooled or moved from, and the nodes between.

    These nodes stand last first. They make of any positive multiple of the stream the same
    multiple of ``operand``.
    """
    path: list[ir.Node] = []
    value = operand
    while True:
        node = value.producer()
        source = None if node is None else node.inputs[0]
        is_shared = value is not operand and not has_one_reader(value)
        if node is None or source is None or is_shared or not _passes_factors(node):
            return value, path
        path.append(node)
        value = source


def _passes_factors(node: ir.Node) -> bool:
    """Whether ``node`` makes of multiples of its input the multiples of its output.

    Of MaxPool that is so for positive factors, and of sums over time from 0 on.
    """
    if is_op(node, "RunningSum", "Difference", domain=DOMAIN):
        return not any(starting_value(state.before).any() for state in states(node))
    if is_op(node, "MaxPool"):
        return len(node.outputs) == 1
    return is_op(node, "Flatten", "Reshape")


def _carry_forward(
    factor: np.ndarray, weighted: ir.Value, path: list[ir.Node]
) -> np.ndarray | None:
    """Return a factor of ``weighted`` as one of what ``path`` makes of it; None if it is none."""
    if weighted.shape is None or factor.ndim > weighted.shape.rank():
        return None
    missing = weighted.shape.rank() - factor.ndim
    values: np.ndarray | None = factor.reshape(*[1] * missing, *factor.shape)
    for node in reversed(path):
        if values is None or (is_op(node, "MaxPool") and not (values > 0).all()):
            return None
        if is_op(node, "Flatten", "Reshape"):
            values = _reshaped(node, values)
    return values


def _reshaped(node: ir.Node, values: np.ndarray) -> np.ndarray | None:
    """Return factors for what a Flatten or Reshape makes, sample by sample; None if unknown."""
    source, result = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or result.shape is None:
        return None
    if values.size == 1:
        return values.reshape([1] * result.shape.rank())
    sizes, new_sizes = _sizes_of_sample(source), _sizes_of_sample(result)
    if sizes is None or new_sizes is None:
        return None
    if math.prod(sizes) != math.prod(new_sizes) or values.shape[0] != 1:
        return None
    return np.broadcast_to(values, (1, *sizes)).reshape(1, *new_sizes)


def _sizes_of_sample(value: ir.Value) -> list[int] | None:
    """Return the sizes of all axes but the first; None if one is open."""
    assert value.shape is not None  # the caller has seen to it
    sizes = [size for size in value.shape[1:] if isinstance(size, int)]
    return sizes if len(sizes) == len(value.shape) - 1 else None


def _fold(
    operand: ir.Value, readers: list[ir.Node], threshold: _Threshold
) -> Mapping[ir.Node, np.ndarray]:
    """Let ``readers``, as far as they can, multiply spikes; return their new weights."""
    folded = {}
    for node in readers:
        scale = scale_per_input(node, threshold.values)
        if scale is not None:
            dtype = array(node.inputs[1]).dtype
            folded[node] = scale_inputs(node, scale).astype(dtype)
    if not threshold.path:
        for node in folded:
            rewire(node, threshold.weighted, threshold.spikes)
        return folded
    is_for_all = len(folded) == len(operand.uses()) and not operand.is_graph_output()
    if not is_for_all:
        return {}
    rewire(threshold.path[-1], threshold.weighted, threshold.spikes)
    return folded

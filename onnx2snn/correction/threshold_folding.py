"""Thresholds taken into the weights that multiply spikes.

    W (theta s) = (W theta) s

Weights then multiply spikes, which are whole numbers, and not the values they stand for.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.correction.weighted_spikes import WeightedSpikes
from onnx2snn.graph import (
    array,
    dims_of,
    has_one_reader,
    input_at,
    is_constant,
    is_op,
    known_sizes,
    rank_of,
    rewire,
)
from onnx2snn.graph.affine_weights import (
    has_plain_weights,
    scale_inputs,
    scale_per_input,
)
from onnx2snn.ops import DOMAIN
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.loops import states

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["find_sums_of_spikes", "fold_thresholds"]


Weights: TypeAlias = "dict[ir.Node, np.ndarray]"
"""Nodes to the weights that they are to have."""


def fold_thresholds(nodes: Iterable[ir.Node]) -> Weights:
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
    folded: Weights = {}
    for operand, all_readers in readers.items():
        threshold = _Threshold.in_front_of(operand)
        if threshold is None:
            continue
        folded |= _fold(operand, all_readers, threshold)
    return folded


@dataclasses.dataclass(frozen=True, eq=False)
class _Threshold:
    """A threshold between a neuron and weights.

    Attributes:
        stream: What neurons send, times their thresholds.
        weighted: Its value.
        path: The nodes between that and the weights, those next to the weights first.
        values: The threshold, so that it broadcasts to what the weights multiply.
    """

    stream: WeightedSpikes
    weighted: ir.Value
    path: list[ir.Node]
    values: np.ndarray

    @classmethod
    def in_front_of(cls, operand: ir.Value) -> _Threshold | None:
        """Return the threshold that ``operand`` is a multiple of; None if there is none."""
        weighted, path = find_sums_of_spikes(operand)
        stream = WeightedSpikes.read(weighted)
        if stream is None:
            return None
        values = _carry_forward(stream.threshold, weighted, path)
        if values is None:
            return None
        return cls(stream, weighted, path, values)


def find_sums_of_spikes(operand: ir.Value) -> tuple[ir.Value, list[ir.Node]]:
    """Return the stream that ``operand`` is pooled or moved from, and the nodes between.

    These nodes stand last first. They make of any positive multiple of the stream the same
    multiple of ``operand``.
    """
    path: list[ir.Node] = []
    value = operand
    while True:
        node = value.producer()
        is_shared = value is not operand and not has_one_reader(value)
        if node is None or is_shared or not _passes_factors(node):
            return value, path
        source = node.inputs[0]
        if source is None:
            return value, path
        path.append(node)
        value = source


_OVER_TIME = (
    "RunningSum",
    "Difference",
    "WeightedRunningSum",
    "WeightedDifference",
)
"""Operators that are linear in the stream, from 0 on."""


def _passes_factors(node: ir.Node) -> bool:
    """Whether ``node`` makes of multiples of its input the multiples of its output.

    Of MaxPool that is so for positive factors, and of sums over time from 0 on.
    """
    if is_op(node, *_OVER_TIME, domain=DOMAIN):
        starts = [starting_value(state.before) for state in states(node)]
        return not any(start.any() for start in starts)
    if is_op(node, "MaxPool"):
        return len(node.outputs) == 1
    if is_op(node, "Pad"):
        return _pads_by_zeros(node)
    return is_op(node, "Flatten", "Reshape", "Slice")


def _pads_by_zeros(node: ir.Node) -> bool:
    """Whether a Pad adds zeros, which are multiples of whatever is folded."""
    mode = node.attributes.get_string("mode", "constant")
    value = input_at(node, 2)
    is_zero = value is None or (is_constant(value) and not array(value).any())
    return mode == "constant" and is_zero


def _carry_forward(
    factor: np.ndarray, weighted: ir.Value, path: list[ir.Node]
) -> np.ndarray | None:
    """Return a factor of ``weighted`` as one of what ``path`` makes of it; None if it is none."""
    rank = rank_of(weighted)
    if rank is None or factor.ndim > rank:
        return None
    missing = [1] * (rank - factor.ndim)
    values: np.ndarray | None = factor.reshape(*missing, *factor.shape)
    for node in reversed(path):
        if values is None:
            return None
        keeps_order = bool((values > 0).all())
        if is_op(node, "MaxPool") and not keeps_order:
            return None
        change = _CHANGES.get(node.op_type)
        if change is not None:
            values = change(node, values)
    return values


def _reshaped(node: ir.Node, values: np.ndarray) -> np.ndarray | None:
    """Return factors for what a Flatten or Reshape makes, sample by sample; None if unknown."""
    before = dims_of(node.inputs[0])
    after = dims_of(node.outputs[0])
    if before is None or after is None:
        return None
    if values.size == 1:
        one_number = [1] * len(after)
        return values.reshape(one_number)
    sizes = known_sizes(before[1:])
    new_sizes = known_sizes(after[1:])
    if sizes is None or new_sizes is None:
        return None
    keeps_samples = math.prod(sizes) == math.prod(new_sizes)
    is_for_all_samples = values.shape[0] == 1
    if not keeps_samples or not is_for_all_samples:
        return None
    of_sample = np.broadcast_to(values, (1, *sizes))
    return of_sample.reshape(1, *new_sizes)


def _sliced(node: ir.Node, values: np.ndarray) -> np.ndarray | None:
    """Return factors for what a Slice leaves; None if that is not constant."""
    operands = node.inputs[1:]
    if not all(map(is_constant, operands)):
        return None
    starts, ends, *rest = (array(value) for value in operands)
    axes = rest[0] if rest else np.arange(len(starts))
    steps = rest[1] if len(rest) > 1 else np.ones_like(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if values.shape[axis] == 1:
            continue
        reaches_the_first = step < 0 and end < -values.shape[axis]
        stop = None if reaches_the_first else int(end)
        places = np.arange(values.shape[axis])[int(start) : stop : int(step)]
        values = values.take(places, axis)
    return values


def _padded(node: ir.Node, values: np.ndarray) -> np.ndarray | None:
    """Return factors for what a Pad makes; None if margins are unknown or cut.

    Zeros are multiples of whatever stands there. The factor beside them keeps the weights for
    them, which multiply nothing, from being the largest: they would make the grid of int8 coarse.
    """
    margins = node.inputs[1]
    names_axes = input_at(node, 3) is not None
    if names_axes or not is_constant(margins):
        return None
    amounts = array(margins).reshape(2, -1).T
    of_varying = amounts * (np.array(values.shape) > 1)[:, None]
    if of_varying.min() < 0:
        return None
    return np.pad(values, of_varying, mode="edge")


_CHANGES = {
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Pad": _padded,
}
"""What nodes that move elements do to their factors."""


def _fold(operand: ir.Value, readers: list[ir.Node], threshold: _Threshold) -> Weights:
    """Let ``readers``, as far as they can, multiply spikes; return their new weights."""
    folded: Weights = {}
    for node in readers:
        scale = scale_per_input(node, threshold.values)
        if scale is not None:
            dtype = array(node.inputs[1]).dtype
            scaled = scale_inputs(node, scale)
            folded[node] = scaled.astype(dtype)
    if not folded:
        return folded
    if not threshold.path:
        spikes = threshold.stream.spikes()
        for node in folded:
            rewire(node, threshold.weighted, spikes)
        return folded
    is_for_all_readers = len(folded) == len(operand.uses())
    if not is_for_all_readers or operand.is_graph_output():
        return {}
    rewire(threshold.path[-1], threshold.weighted, threshold.stream.spikes())
    return folded

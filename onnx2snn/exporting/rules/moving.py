"""Elements moved: reshaped, transposed, sliced, padded, joined."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.rules.flattening import flattened
from onnx2snn.exporting.rules.work import NotRepresentableError
from onnx2snn.exporting.views import NOWHERE, StreamValue
from onnx2snn.graph import array, input_at, is_constant

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.rules.work import Rule, Work
    from onnx2snn.exporting.views import View

__all__ = ["MOVING"]


def _reshape(work: Work, node: ir.Node) -> StreamValue:
    """Return a value of the same shape, flat, or without axes of length 1."""
    (value, *_) = work.operands(node)
    shape = work.output_shape(node)
    if shape == tuple(value.shape[axis] for axis in value.order):
        return value
    if len(shape) == 1:
        return flattened(work, node, value)
    message = (
        f"it makes {list(shape)} of a sample {list(value.shape)}: readers can flatten a sample, "
        "and nothing else"
    )
    raise NotRepresentableError(message)


def _transpose(work: Work, node: ir.Node) -> StreamValue:
    (value,) = work.operands(node)
    rank = len(value.shape) + 1
    order = node.attributes.get_ints("perm", tuple(reversed(range(rank))))
    if order[0] != 0:
        message = "it moves the axis of samples"
        raise NotRepresentableError(message)
    moved = tuple(value.order[axis - 1] for axis in order[1:])
    return dataclasses.replace(value, order=moved)


def _own_axis(value: StreamValue, axis: int) -> int:
    """Return the axis of a sample, as layers have it, of an axis of an ONNX value."""
    rank = len(value.shape) + 1
    position = int(axis) % rank
    if position == 0:
        message = "it moves elements between samples"
        raise NotRepresentableError(message)
    return value.order[position - 1]


def _slice(work: Work, node: ir.Node) -> StreamValue:
    (value,) = work.operands(node)
    operands = node.inputs[1:]
    if not all(map(is_constant, operands)):
        raise NotRepresentableError(_COMPUTED)
    starts, ends, *rest = (array(operand) for operand in operands)
    axes = rest[0] if rest else np.arange(len(starts))
    steps = rest[1] if len(rest) > 1 else np.ones_like(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        own = _own_axis(value, axis)
        wanted = slice(int(start), int(end), int(step))
        positions = range(*wanted.indices(value.shape[own]))
        value = _sliced(value, own, positions)
    return value


_COMPUTED = "which elements it takes is computed: only constants can be exported"


def _sliced(value: StreamValue, axis: int, positions: range) -> StreamValue:
    """Return the elements at some positions along an axis."""
    if axis == 0:
        return _with_channels(value, np.array(positions, int))
    if positions.step < 0:
        message = "it turns an axis of positions around"
        raise NotRepresentableError(message)
    views = tuple(
        view.moved(axis - 1, positions.start, positions.step) for view in value.views
    )
    shape = _resized(value, axis, len(positions))
    return dataclasses.replace(
        value,
        shape=shape,
        views=views,
    )


def _resized(value: StreamValue, axis: int, size: int) -> tuple[int, ...]:
    sizes = list(value.shape)
    sizes[axis] = size
    return tuple(sizes)


def _with_channels(value: StreamValue, places: np.ndarray) -> StreamValue:
    """Return a value whose channels are those at ``places``, zeros at ``NOWHERE``."""
    views = tuple(view.with_channels(places) for view in value.views)
    constant = np.where(places == NOWHERE, 0.0, value.constant[places])
    shape = _resized(value, 0, len(places))
    return dataclasses.replace(
        value,
        shape=shape,
        views=views,
        constant=constant,
    )


def _pad(work: Work, node: ir.Node) -> StreamValue:
    (value, *_) = work.operands(node)
    mode = node.attributes.get_string("mode", "constant")
    fill = input_at(node, 2)
    is_zero = fill is None or (is_constant(fill) and not array(fill).any())
    if mode != "constant" or not is_zero:
        message = f"it pads with something else than zeros (mode {mode})"
        raise NotRepresentableError(message)
    if not is_constant(node.inputs[1]):
        raise NotRepresentableError(_COMPUTED)
    amounts = array(node.inputs[1]).reshape(2, -1)
    named = input_at(node, 3)
    axes = np.arange(amounts.shape[1]) if named is None else array(named)
    for axis, before, behind in zip(axes, *amounts, strict=True):
        if before or behind:
            own = _own_axis(value, axis)
            ends = int(before), int(behind)
            value = _padded(_paddable(work, node, value, own, ends), own, *ends)
    return value


def _paddable(
    work: Work, node: ir.Node, value: StreamValue, axis: int, ends: tuple[int, int]
) -> StreamValue:
    """Return a value around which layers have nothing, where it gets padding."""
    before, behind = (amount > 0 for amount in ends)
    if axis > 0 and work.has_more(value, axis - 1, before=before, behind=behind):
        return work.settled(node, value)
    return value


def _padded(value: StreamValue, axis: int, before: int, behind: int) -> StreamValue:
    """Return a value with zeros on both sides along an axis; fewer elements if negative."""
    size = value.shape[axis]
    if axis == 0:
        places = np.arange(-before, size + behind)
        is_inside = (places >= 0) & (places < size)
        return _with_channels(value, np.where(is_inside, places, NOWHERE))
    if value.constant.any():
        message = "it pads a value that a constant was added to"
        raise NotRepresentableError(message)
    views = tuple(view.moved(axis - 1, -before, 1) for view in value.views)
    shape = _resized(value, axis, size + before + behind)
    return dataclasses.replace(
        value,
        shape=shape,
        views=views,
    )


def _concat(work: Work, node: ir.Node) -> StreamValue:
    """Return the sum of values, each on channels of its own."""
    operands = work.operands(node)
    axis = node.attributes.get_int("axis", 1)
    is_whole = len(operands) == len(node.inputs)
    if not is_whole or any(_own_axis(value, axis) != 0 for value in operands):
        message = "it joins values along another axis than that of channels"
        raise NotRepresentableError(message)
    total = sum(value.shape[0] for value in operands)
    views: list[View] = []
    constants = []
    start = 0
    for value in operands:
        places = np.full(total, NOWHERE)
        places[start : start + value.shape[0]] = np.arange(value.shape[0])
        placed = _with_channels(value, places)
        views += placed.views
        constants.append(placed.constant)
        start += value.shape[0]
    first = operands[0]
    return StreamValue(
        _resized(first, 0, total),
        tuple(views),
        np.sum(constants, axis=0),
        first.order,
        is_static=all(value.is_static for value in operands),
    )


def _gather(work: Work, node: ir.Node) -> StreamValue:
    operands = work.operands(node)
    axis = node.attributes.get_int("axis", 0)
    indices = node.inputs[1]
    if not operands or not is_constant(indices) or array(indices).ndim != 1:
        raise NotRepresentableError(_COMPUTED)
    (value,) = operands
    if _own_axis(value, axis) != 0:
        message = "it picks elements along another axis than that of channels"
        raise NotRepresentableError(message)
    return _with_channels(value, array(indices) % value.shape[0])


MOVING: dict[str, Rule] = {
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Transpose": _transpose,
    "Slice": _slice,
    "Pad": _pad,
    "Concat": _concat,
    "Gather": _gather,
}
"""Operator to rule."""

"""Finding the channel axis of an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import Channel, operator_of
from onnx2snn.graph import is_constant, rank_of

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["channel_axis"]


def channel_axis(value: ir.Value) -> int | None:
    """Return the axis of ``value`` that counts features, None if none is known.

    The features of a convolution lie along axis 1, those of a matrix product and of a recurrent
    operator along the last one; a Transpose moves them. Where a Reshape hides what made them,
    as in a group normalization, the weights that read the value tell. The axis is only returned
    if its length is known.
    """
    axis = _find_axis(value)
    if axis is None:
        axis = _find_axis_of_readers(value)
    if axis is None or value.shape is None:
        return None
    has_known_length = isinstance(value.shape[axis], int)
    if has_known_length:
        return axis
    return None


def _find_axis(value: ir.Value) -> int | None:
    rank = rank_of(value)
    if rank is None or rank < 2:
        return None
    node = value.producer()
    if rank == 2 or node is None:
        return 1
    channel = operator_of(node).channel
    if channel is Channel.SECOND:
        return 1
    if channel is Channel.LAST:
        return rank - 1
    axis = _find_axis_of_source(node, rank)
    if axis is None or channel is Channel.FOLLOWS:
        return axis
    return _permutation(node, rank).index(axis)


def _find_axis_of_source(node: ir.Node, rank: int) -> int | None:
    source = _first_variable_input(node)
    if source is None or rank_of(source) != rank:
        return None
    return _find_axis(source)


def _find_axis_of_readers(value: ir.Value) -> int | None:
    """Return the axis of the features for the first weights that read ``value``."""
    for node, position in value.uses():
        axis = _find_axis_of_reader(value, node, position)
        if axis is not None:
            return axis
    return None


def _find_axis_of_reader(value: ir.Value, node: ir.Node, position: int) -> int | None:
    rank = rank_of(value)
    if rank is None or rank < 2:
        return None
    channel = operator_of(node).channel
    if channel in (Channel.SECOND, Channel.LAST):
        if position == 0 and _has_one_variable_input(node):
            return 1 if channel is Channel.SECOND else rank - 1
        return None
    return _find_axis_behind(node, rank)


def _find_axis_behind(node: ir.Node, rank: int) -> int | None:
    """Return the axis for the readers of the result, as it is in front of ``node``."""
    channel = operator_of(node).channel
    if len(node.outputs) != 1 or rank_of(node.outputs[0]) != rank:
        return None
    axis_behind = _find_axis_of_readers(node.outputs[0])
    if axis_behind is None or channel is Channel.FOLLOWS:
        return axis_behind
    return _permutation(node, rank)[axis_behind]


def _permutation(node: ir.Node, rank: int) -> list[int]:
    """Return for each axis behind a Transpose the axis in front of it."""
    reversed_axes = range(rank - 1, -1, -1)
    return list(node.attributes.get_ints("perm", reversed_axes))


def _has_one_variable_input(node: ir.Node) -> bool:
    return sum(not _is_no_variable(value) for value in node.inputs) == 1


def _is_no_variable(value: ir.Value | None) -> bool:
    return value is None or is_constant(value)


def _first_variable_input(node: ir.Node) -> ir.Value | None:
    for value in node.inputs:
        if not _is_no_variable(value):
            return value
    return None

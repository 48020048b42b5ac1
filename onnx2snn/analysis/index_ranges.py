"""The whole numbers that an input may hold, where it says which rows of a table are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import array, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

    Ranges = dict[str, tuple[int, int]]
    """The smallest number and the first that is too large, by the name of an input."""

__all__ = ["index_ranges"]

_MOVERS = (
    "Cast",
    "Concat",
    "Expand",
    "Flatten",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
)
"""Operators whose results are numbers of their first input, or of all, as they are."""


def index_ranges(model: ir.Model) -> Ranges:
    """Return the numbers that inputs may hold which are indices into tables of a known size.

    An index is followed from Gather and OneHot back to the input, through operators that move
    it and sums with constants. Of several tables the smallest counts.
    """
    found: Ranges = {}
    for node in model.graph:
        size = _table_size(node)
        if size is not None and size > 0:
            index = 0 if is_op(node, "OneHot") else 1
            _limit_inputs(node.inputs[index], 0, size, found)
    return found


def _table_size(node: ir.Node) -> int | None:
    """Return how many rows the table of a node has, None if it has none of a known size."""
    if is_op(node, "OneHot"):
        depth = node.inputs[1]
        return int(array(depth).item()) if is_constant(depth) else None
    if not (is_op(node, "Gather") or is_op(node, "GatherElements")):
        return None
    table = node.inputs[0]
    if table is None or not is_constant(table):
        return None
    axis = node.attributes.get_int("axis", 0)
    return int(array(table).shape[axis])


def _limit_inputs(value: ir.Value | None, low: int, high: int, found: Ranges) -> None:
    """Limit the inputs that ``value`` is made from, so that it is from low to below high."""
    if value is None or high <= low:
        return
    node = value.producer()
    if node is None:
        _limit_input(value, low, high, found)
    elif node.op_type in _MOVERS:
        operands = node.inputs if is_op(node, "Concat") else node.inputs[:1]
        for operand in operands:
            _limit_inputs(operand, low, high, found)
    elif is_op(node, "Add") or is_op(node, "Sub"):
        _limit_addend(node, low, high, found)


def _limit_input(value: ir.Value, low: int, high: int, found: Ranges) -> None:
    """Limit a graph input, to what else it is limited to as well."""
    if not value.is_graph_input() or is_constant(value):
        return
    name = str(value.name)
    before = found.get(name, (low, high))
    found[name] = (max(low, before[0]), min(high, before[1]))


def _limit_addend(node: ir.Node, low: int, high: int, found: Ranges) -> None:
    """Limit what a constant is added to, or subtracted from."""
    first, second = node.inputs
    if is_op(node, "Add") and is_constant(first):
        first, second = second, first
    if not is_constant(second):
        return
    offsets = array(second)
    sign = 1 if is_op(node, "Add") else -1
    smallest = int((sign * offsets).min())
    largest = int((sign * offsets).max())
    _limit_inputs(first, low - smallest, high - largest, found)

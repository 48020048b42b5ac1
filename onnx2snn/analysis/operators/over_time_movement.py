"""Rules for running nodes on all time steps at once: of what works along axes, or moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators.over_time import OnRows, OnSteps
from onnx2snn.analysis.operators.over_time_rules import (
    constant_axes,
    rows_of,
    rows_of_all,
    with_scale,
)
from onnx2snn.graph import array, dims_of, input_at, is_constant, rank_of

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

    from onnx2snn.analysis.operators.over_time import OverTime, OverTimeRule, Positions

__all__ = [
    "along_axes",
    "along_axis",
    "along_input_axis",
    "behind_matrices",
    "expand",
    "flatten",
    "gather",
    "gather_nd",
    "normalize_layer",
    "pad",
    "per_channel",
    "reshape",
    "resize",
    "rows_along_axis",
    "tile",
    "transpose",
    "unsqueeze",
]

_rows_of_first = rows_of(0)


# --- along axes


def along_axis(default: int) -> OverTimeRule:
    """Return a rule: the node works on its first input along ``axis``, an attribute."""

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        axis = node.attributes.get_int("axis", default)
        if _counts_rows(node, axis):
            return None
        return _rows_of_first(node, streams)

    return rule


def rows_along_axis(default: int) -> OverTimeRule:
    """Return a rule: the node works on all its inputs along ``axis``, an attribute."""

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        axis = node.attributes.get_int("axis", default)
        if _counts_rows(node, axis):
            return None
        return rows_of_all(node, streams)

    return rule


def along_input_axis(position: int) -> OverTimeRule:
    """Return a rule: the node works on its first input along an axis that is a constant input."""

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        value = input_at(node, position)
        if not is_constant(value):
            return None
        axis = int(array(value))
        if _counts_rows(node, axis):
            return None
        return _rows_of_first(node, streams)

    return rule


def along_axes(position: int, default: list[int] | None = None) -> OverTimeRule:
    """Return a rule: the node works on its first input along ``axes``, constant.

    Args:
        position: Position of the input that lists them, if no attribute does.
        default: The axes where none are given; None for all.
    """

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        axes = constant_axes(node, position) or default
        if not axes or any(_counts_rows(node, axis) for axis in axes):
            return None
        return _rows_of_first(node, streams)

    return rule


def _counts_rows(node: ir.Node, axis: int) -> bool:
    """Whether an axis of the first input of ``node`` is that of the rows, or may be."""
    rank = rank_of(node.inputs[0])
    return _is_first(axis, rank)


def _is_first(axis: int, rank: int | None) -> bool:
    """Whether ``axis`` is axis 0, or may be."""
    if axis >= 0:
        return axis == 0
    return rank is None or axis + rank == 0


def unsqueeze(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how an Unsqueeze runs: on rows, if no axis goes in front of them."""
    axes = constant_axes(node, 1)
    rank = rank_of(node.outputs[0])
    if axes is None or any(_is_first(axis, rank) for axis in axes):
        return None
    return _rows_of_first(node, streams)


def behind_matrices(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a node runs that works on the last two axes."""
    rank = rank_of(node.inputs[0])
    are_matrices_alone = rank is None or rank <= len(["rows", "columns"])
    return None if are_matrices_alone else _rows_of_first(node, streams)


def normalize_layer(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a node runs that normalizes along the axes from ``axis`` on."""
    axis = node.attributes.get_int("axis", -1)
    if _counts_rows(node, axis):
        return None
    return with_scale(1, 2)(node, streams)


def per_channel(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a node runs whose scale is one number, or one for each index of ``axis``."""
    scale = dims_of(node.inputs[1])
    if scale is None or len(scale) > 1:
        return None
    axis = node.attributes.get_int("axis", 1)
    is_along_axis = scale not in {(), (1,)}
    if is_along_axis and _counts_rows(node, axis):
        return None
    return _rows_of_first(node, streams)


# --- sizes and places


def transpose(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Transpose runs: on rows if axis 0 stays, else with that of time in front."""
    rank = rank_of(node.inputs[0])
    if not rank:
        return None
    order = node.attributes.get_ints("perm", range(rank - 1, -1, -1))
    if order[0] == 0:
        return OnRows(streams)
    behind_time = [axis + 1 for axis in order]
    return OnSteps(attributes={"perm": [0, *behind_time]})


def reshape(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Reshape runs: on rows if its sizes do not count them, else with T in front."""
    if streams != {0}:
        return None
    sizes = node.inputs[1]
    has_rows = bool(rank_of(node.inputs[0]))
    if has_rows and is_constant(sizes) and _leaves_rows_open(node, array(sizes)):
        return OnRows(streams)
    return OnSteps(sizes=1)


def _leaves_rows_open(node: ir.Node, sizes: np.ndarray) -> bool:
    """Whether ``sizes`` copy the number of rows, or leave it to be computed."""
    if sizes.size == 0:
        return False
    first, *others = sizes.tolist()
    copies_rows = first == 0 and not node.attributes.get_int("allowzero", 0)
    return copies_rows or (first == -1 and min(others, default=1) > 0)


def flatten(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Flatten runs: on rows, more of them if further axes join the first."""
    axis = node.attributes.get_int("axis", 1)
    if _counts_rows(node, axis):
        return None
    return _rows_of_first(node, streams)


def expand(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how an Expand runs: to sizes with T in front."""
    rank = rank_of(node.outputs[0])
    lists_all_sizes = rank is not None and dims_of(node.inputs[1]) == (rank,)
    if streams != {0} or not lists_all_sizes:
        return None
    return OnSteps(rank=rank, sizes=1)


def gather(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Gather runs: on rows along another axis; from a table, on the steps."""
    axis = node.attributes.get_int("axis", 0)
    if not _counts_rows(node, axis):
        return _rows_of_first(node, streams)
    is_table = streams == {1}
    return OnSteps() if is_table else None


def gather_nd(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a GatherND runs: on rows, if it takes each batch alone."""
    if node.attributes.get_int("batch_dims", 0) < 1:
        return None
    return rows_of(0, 1)(node, streams)


def pad(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Pad runs: on rows, if none are added."""
    pads = input_at(node, 1)
    if not is_constant(pads):
        return None
    before, after = array(pads).reshape(2, -1)
    axes = constant_axes(node, 3)
    if axes is None:
        axes = list(range(len(before)))
    for axis, *added in zip(axes, before, after, strict=True):
        if any(added) and _counts_rows(node, axis):
            return None
    return _rows_of_first(node, streams)


def tile(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Tile runs: on rows, if they are not repeated."""
    repeats = input_at(node, 1)
    if not is_constant(repeats) or array(repeats)[0] != 1:
        return None
    return _rows_of_first(node, streams)


def resize(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Resize runs: on rows, if neither their number nor a region of them is given."""
    region = dims_of(input_at(node, 1))
    if region not in {None, (0,)} or not _keeps_number_of_rows(node):
        return None
    return _rows_of_first(node, streams)


def _keeps_number_of_rows(node: ir.Node) -> bool:
    """Whether a Resize leaves axis 0 alone."""
    if "axes" in node.attributes:
        axes = node.attributes["axes"].as_ints()
        return not any(_counts_rows(node, axis) for axis in axes)
    scales = input_at(node, 2)
    if not is_constant(scales):
        return False
    factors = array(scales)
    return factors.size > 0 and bool(factors[0] == 1)

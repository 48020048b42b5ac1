"""Rules for running nodes on all time steps at once: of rows, of broadcasting, and of products.

What they read of shapes is of one step. Where a rule does not know, the node runs on one step at
a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators.over_time import OnRows, OnSteps
from onnx2snn.graph import array, dims_of, input_at, is_constant, rank_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

    from onnx2snn.analysis.operators.over_time import OverTime, OverTimeRule, Positions

__all__ = [
    "broadcasting",
    "broadcasting_to_first",
    "constant_axes",
    "einsum",
    "first_result_only",
    "gemm",
    "matmul",
    "normalize_channels",
    "rows_of",
    "rows_of_all",
    "with_scale",
]


def constant_axes(node: ir.Node, position: int) -> list[int] | None:
    """Return the axes of ``node``: an attribute, or a constant input; None if there are none."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"].as_ints())
    value = input_at(node, position)
    if not is_constant(value):
        return None
    axes: list[int] = array(value).ravel().tolist()
    return axes


# --- rows


def rows_of(*positions: int) -> OverTimeRule:
    """Return a rule: a row of the results depends on that row of the inputs at ``positions``."""

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        given = [at for at in positions if input_at(node, at) is not None]
        return _on_rows(node, streams, given)

    return rule


def rows_of_all(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say that a row of the results depends on that row of all inputs."""
    return _on_rows(node, streams, range(len(node.inputs)))


def first_result_only(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say so of the first input, unless a result beside the first is read: positions in it."""
    others = node.outputs[1:]
    is_read = any(value.uses() or value.is_graph_output() for value in others)
    if is_read:
        return None
    return _on_rows(node, streams, [0])


def _on_rows(
    node: ir.Node, streams: Positions, positions: Iterable[int]
) -> OverTime | None:
    """Return that the inputs at ``positions`` come as rows, if all streams are among them."""
    inputs = frozenset(positions)
    if not streams <= inputs:
        return None
    counts = {_row_count(node.inputs[at]) for at in inputs}
    if None in counts and len(inputs) > 1:
        return None
    are_alike = len(counts) == 1
    have_rows = all(rank_of(node.inputs[at]) for at in inputs)
    return OnRows(inputs) if are_alike and have_rows else None


def _row_count(value: ir.Value | None) -> int | str | None:
    """Return the size of axis 0, None if it is not known."""
    dims = dims_of(value)
    return dims[0] if dims else None


def normalize_channels(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a BatchNormalization runs: on rows, unless it measures them."""
    if node.attributes.get_int("training_mode", 0) != 0:
        return None
    return _on_rows(node, streams, [0])


# --- broadcasting


def broadcasting(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say that the node computes each element from one of each input, which broadcast.

    It runs on rows where no operand broadcasts along axis 0 but those that have one row for
    all, and else on the steps.
    """
    ranks = [rank_of(value) for value in node.inputs if value is not None]
    if None in ranks:
        return None
    rank = max(filter(None, ranks), default=0)
    if rank > 0 and _share_rows(node, streams, rank):
        return OnRows(streams)
    return OnSteps(rank=rank)


def broadcasting_to_first(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say so of a node whose results have the shape of its first input."""
    return broadcasting(node, streams) if 0 in streams else None


def _share_rows(node: ir.Node, streams: Positions, rank: int) -> bool:
    """Whether all streams have the same rows, and whatever else is read serves every row."""
    counts = set()
    for position, value in enumerate(node.inputs):
        if position in streams:
            counts.add(_row_count(value) if rank_of(value) == rank else None)
        elif not _serves_every_row(value, rank):
            return False
    return len(counts) == 1 and None not in counts


def _serves_every_row(value: ir.Value | None, rank: int) -> bool:
    """Whether ``value`` broadcasts along axis 0 of results of ``rank`` axes."""
    if value is None:
        return True
    own_rank = rank_of(value)
    if own_rank is None:
        return False
    return own_rank < rank or (own_rank == rank and _row_count(value) == 1)


def with_scale(*positions: int) -> OverTimeRule:
    """Return a rule: rows of the first input, times what broadcasts at ``positions``."""

    def rule(node: ir.Node, streams: Positions) -> OverTime | None:
        rank = rank_of(node.inputs[0])
        if not rank:
            return None
        operands = [input_at(node, at) for at in positions]
        if not all(_serves_every_row(value, rank) for value in operands):
            return None
        return _on_rows(node, streams, [0])

    return rule


# --- products


def matmul(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a MatMul runs: it broadcasts along all axes but the last two."""
    ranks = [rank_of(value) for value in node.inputs]
    known = [rank for rank in ranks if rank is not None and rank > 1]
    if len(known) < len(ranks):
        return None
    rank = max(known)
    is_matrix_by_weights = streams == {0} and ranks[1] == _MATRIX
    if is_matrix_by_weights:
        return OnRows(streams)
    if rank > _MATRIX and _share_rows(node, streams, rank):
        return OnRows(streams)
    return OnSteps(rank=rank)


_MATRIX = 2
"""Rank of a matrix."""


def gemm(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how a Gemm runs: on the rows of its first input, and perhaps of what it adds."""
    is_turned = node.attributes.get_int("transA", 0) != 0
    if is_turned:
        return None
    addend = input_at(node, 2)
    if _serves_every_row(addend, _MATRIX):
        return _on_rows(node, streams, [0])
    return _on_rows(node, streams, [0, 2])


def einsum(node: ir.Node, streams: Positions) -> OverTime | None:
    """Say how an Einsum runs: on rows, where one label is the first of results and streams."""
    equation = node.attributes.get_string("equation", "").replace(" ", "")
    terms, arrow, result = equation.partition("->")
    is_plain = bool(arrow and result) and "." not in equation
    if not is_plain:
        return None
    row = result[0]
    with_rows = []
    for position, term in enumerate(terms.split(",")):
        if row in term:
            with_rows.append(position)
            if not term.startswith(row) or row in term[1:]:
                return None
    return _on_rows(node, streams, with_rows)

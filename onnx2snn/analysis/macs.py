"""Counting the multiply-accumulates of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import subgraphs

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

__all__ = ["count_macs"]


def count_macs(node: ir.Node, without: Collection[str] = ()) -> int | None:
    """Return the multiply-accumulates of ``node`` for inputs of the sizes that it has.

    Sequences are as long as can be, and of branches the longer one counts. Returns 0 for a node
    without weights, None where sizes that matter, or the turns of a loop, are not known.

    Args:
        node: The node.
        without: Attributes of it whose graphs do not count.
    """
    operator = operator_of(node)
    if operator.macs is not None:
        return operator.macs(node)
    if operator.turns is None:
        return 0
    in_one_turn = _count_longest(node, without)
    if in_one_turn == 0:
        return 0
    turns = operator.turns(node)
    if in_one_turn is None or turns is None:
        return None
    return turns * in_one_turn


def _count_longest(node: ir.Node, without: Collection[str]) -> int | None:
    """Return the multiply-accumulates of the longest graph that ``node`` holds."""
    skipped = {node.attributes[name].as_graph() for name in without}
    longest = 0
    for graph in subgraphs(node):
        if graph in skipped:
            continue
        count = _count_graph(graph)
        if count is None:
            return None
        longest = max(longest, count)
    return longest


def _count_graph(graph: ir.Graph) -> int | None:
    total = 0
    for node in graph:
        count = count_macs(node)
        if count is None:
            return None
        total += count
    return total

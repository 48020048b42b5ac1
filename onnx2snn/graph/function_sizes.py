"""The size of a graph once its functions are inlined, which may be exponential in the file's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import onnx_ir as ir

__all__ = ["count_inlined_nodes"]

_MOST_COUNTED = 2**40
"""Nodes beyond which nobody counts."""


def count_inlined_nodes(model: ir.Model) -> int:
    """Return how many nodes a model has with all functions inlined; at most 2**40 are counted."""
    sizes = dict.fromkeys(model.functions, 0)
    for _ in model.functions:  # calls go at most as deep as there are functions
        grown = {
            key: _count_nodes(function.all_nodes(), sizes)
            for key, function in model.functions.items()
        }
        if grown == sizes:
            break
        sizes = grown
    return _count_nodes(model.graph.all_nodes(), sizes)


def _count_nodes(
    nodes: Iterable[ir.Node], sizes: Mapping[ir.OperatorIdentifier, int]
) -> int:
    """Return the number of nodes where those that call functions stand for so many."""
    counted = sum(sizes.get(node.op_identifier(), 1) for node in nodes)
    return min(counted, _MOST_COUNTED)

"""Anchors: values that have one name in a file and in what passes made of it.

A node belongs to the first anchor behind it. ``node_matching.py`` pairs the nodes of the file
with those of the result that belong to the same one.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypeVar

from onnx2snn.graph import dependency_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.source_nodes import SourceNode

    _Order = Mapping[str, int]

__all__ = [
    "anchors_of_results",
    "anchors_of_sources",
    "find_anchors",
    "group_by_anchor",
]

_Node = TypeVar("_Node")


def find_anchors(nodes: Iterable[SourceNode], graph: ir.Graph) -> dict[str, ir.Node]:
    """Return the node of ``graph`` that makes each anchor, in topological order."""
    names = {name for node in nodes for name in node.outputs}
    makers = {}
    for node in graph:
        for value in node.outputs:
            if value.name in names:
                makers[str(value.name)] = node
    return makers


def anchors_of_sources(
    nodes: Sequence[SourceNode], order: _Order
) -> dict[SourceNode, str]:
    """Return the anchor of each node of the file."""
    readers = collections.defaultdict(list)
    for node in nodes:
        for name in node.inputs:
            readers[name].append(node)

    def readers_of(node: SourceNode) -> Iterable[SourceNode]:
        return (reader for name in node.outputs for reader in readers[name])

    return _anchors_of(nodes, lambda node: node.outputs, readers_of, order)


def anchors_of_results(graph: ir.Graph, order: _Order) -> dict[ir.Node, str]:
    """Return the anchor of each node of the result."""
    edges = dependency_graph(graph)

    def outputs_of(node: ir.Node) -> Iterable[str]:
        return (str(value.name) for value in node.outputs)

    return _anchors_of(list(graph), outputs_of, edges.successors, order)


def _anchors_of(
    nodes: Sequence[_Node],
    outputs_of: Callable[[_Node], Iterable[str]],
    readers_of: Callable[[_Node], Iterable[_Node]],
    order: _Order,
) -> dict[_Node, str]:
    """Return for each node the first anchor that it makes or else leads to, if any."""
    anchors: dict[_Node, str] = {}
    for node in reversed(nodes):
        found = [name for name in outputs_of(node) if name in order]
        if not found:
            found = [
                anchors[reader] for reader in readers_of(node) if reader in anchors
            ]
        if found:
            anchors[node] = min(found, key=order.__getitem__)
    return dict(reversed(anchors.items()))


def group_by_anchor(anchors: Mapping[_Node, str]) -> dict[str, list[_Node]]:
    """Return the nodes of each anchor, in their order."""
    groups: dict[str, list[_Node]] = {}
    for node, anchor in anchors.items():
        groups.setdefault(anchor, []).append(node)
    return groups

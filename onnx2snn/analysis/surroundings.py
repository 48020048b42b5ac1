"""The neurons around a node that no neuron may depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import dependency_graph, display_name, operator_name

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

    from onnx2snn.analysis.neuron_places import NeuronPlaces
    from onnx2snn.graph import NodeGraph

__all__ = ["describe_surroundings"]


def describe_surroundings(node: ir.Node, neurons: NeuronPlaces) -> str:
    """Say between which neurons ``node`` stands, and how to leave it behind the last one.

    Args:
        node: A node that reads a stream and that a neuron depends on.
        neurons: The neurons of its graph.
    """
    graph = node.graph
    assert graph is not None
    edges = dependency_graph(graph)
    firing = neurons.firing()
    behind = _nearest(edges, node, firing)
    before = _nearest(edges.reverse(copy=False), node, firing)
    in_front_of = _list_nodes(behind)
    if not before:
        return f"it stands in front of neurons ({in_front_of}) and reads a coded input"
    return (
        f"it stands between neurons, behind {_list_nodes(before)} and in front of "
        f"{in_front_of}; exclude what is behind it (until {display_name(before[0])!r})"
    )


def _nearest(
    edges: NodeGraph, node: ir.Node, firing: Collection[ir.Node]
) -> list[ir.Node]:
    """Return those of ``firing`` that ``node`` reaches without passing another one."""
    found: dict[ir.Node, None] = {}
    seen = {node}
    pending = [node]
    while pending:
        for other in edges.successors(pending.pop()):
            if other in firing:
                found[other] = None
            elif other not in seen:
                seen.add(other)
                pending.append(other)
    return list(found)


_NAMED = 3
"""So many nodes are named in a message."""


def _list_nodes(nodes: list[ir.Node]) -> str:
    named = [f"{operator_name(node)} {display_name(node)!r}" for node in nodes[:_NAMED]]
    others = len(nodes) - len(named)
    if others:
        named.append(f"{others} more")
    return ", ".join(named)

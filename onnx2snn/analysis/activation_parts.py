"""The nodes that activations are spelled of, as the Sigmoid in ``x * Sigmoid(x)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.elementwise.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import onnx_ir as ir

__all__ = ["find_activation_parts"]


def find_activation_parts(
    graph: ir.Graph, activations: Iterable[ir.Value]
) -> dict[ir.Node, ir.Node]:
    """Return the nodes that serve one of ``activations`` alone, each with what makes that.

    Such a node is a function of the value that the activation is a function of, element by
    element, and whatever reads it is such a node again, or makes the activation.
    """
    groups = Groups()
    for node in graph:
        groups.add(node)
    ends = {value.producer() for value in activations}
    parts: dict[ir.Node, ir.Node] = {}
    for node in reversed(graph):  # readers first
        end = _find_end(node, parts, ends)
        if end is None or node in ends:
            continue
        if groups.are_together(node.outputs[0], end.outputs[0]):
            parts[node] = end
    return parts


def _find_end(
    node: ir.Node, parts: Mapping[ir.Node, ir.Node], ends: Collection[ir.Node | None]
) -> ir.Node | None:
    """Return the one node that all readers of ``node`` serve; None if there is none."""
    if any(value.is_graph_output() for value in node.outputs):
        return None
    served: set[ir.Node | None] = set()
    for value in node.outputs:
        for use in value.uses():
            reader = use.node
            served.add(reader if reader in ends else parts.get(reader))
    if len(served) != 1:
        return None
    return served.pop()

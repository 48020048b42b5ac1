"""Nodes that a schedule adds to a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import fresh_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["appended", "new_node", "new_value"]


def new_node(
    graph: ir.Graph,
    op: str,
    inputs: Sequence[ir.Value],
    name: str,
    attributes: Mapping[str, int] | None = None,
) -> ir.Node:
    """Return a node of no graph yet, whose output has the type and shape of its first input.

    Args:
        graph: The graph in which the names are to be new.
        op: Operator type.
        inputs: What it reads.
        name: Name of the node and of its output, perhaps with a number behind it.
        attributes: Its attributes, if it has any.
    """
    node = ir.node(op, inputs, attributes)
    output = node.outputs[0]
    output.name = node.name = fresh_name(graph, name)
    output.type, output.shape = inputs[0].type, inputs[0].shape
    return node


def appended(
    graph: ir.Graph,
    op: str,
    inputs: Sequence[ir.Value],
    name: str,
    attributes: Mapping[str, int] | None = None,
) -> ir.Value:
    """Append such a node to ``graph``, which is to be sorted later, and return its output."""
    node = new_node(graph, op, inputs, name, attributes)
    graph.append(node)
    return node.outputs[0]


def new_value(graph: ir.Graph, like: ir.Value, name: str) -> ir.Value:
    """Return a value of the type and shape of another, for an input of a body."""
    return ir.Value(name=fresh_name(graph, name), type=like.type, shape=like.shape)

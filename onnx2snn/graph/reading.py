"""Reading an ``onnx_ir`` graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import networkx as nx
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import numpy as np

__all__ = [
    "NodeGraph",
    "ValueMap",
    "array",
    "boundary",
    "closure",
    "dependency_graph",
    "display_name",
    "has_one_reader",
    "input_at",
    "is_constant",
    "is_float",
    "is_op",
    "is_read",
    "operator_name",
    "reads",
    "subgraphs",
]

ValueMap: TypeAlias = dict[ir.Value, ir.Value]
"""Values to others that stand for them."""

NodeGraph: TypeAlias = "nx.DiGraph[ir.Node]"
"""Nodes, with an edge from each to those that read what it gives."""


def is_op(node: ir.Node | None, *op_types: str, domain: str = "") -> bool:
    """Whether ``node`` is one of the operators ``op_types`` of ``domain``."""
    return (
        node is not None
        and node.op_type in op_types
        and node.domain in _spellings(domain)
    )


def _spellings(domain: str) -> tuple[str, ...]:
    if domain == "":
        return ("", "ai.onnx")
    return (domain,)


def display_name(node: ir.Node) -> str:
    """Return the name by which messages call ``node``: its own, or its first output's."""
    if node.name:
        return node.name
    for value in node.outputs:
        if value.name:
            return value.name
    return node.op_type


def operator_name(node: ir.Node) -> str:
    """Return the operator type of ``node``, with its domain unless that is ONNX's own."""
    is_of_onnx = is_op(node, node.op_type)
    return node.op_type if is_of_onnx else f"{node.domain}.{node.op_type}"


def is_constant(value: ir.Value | None) -> bool:
    """Whether ``value`` is an initializer that a caller cannot override."""
    return (
        value is not None
        and value.const_value is not None
        and not value.is_graph_input()
    )


def is_float(value: ir.Value) -> bool:
    """Whether ``value`` is a tensor of real numbers, as far as its type is known."""
    if isinstance(value.type, ir.SequenceType | ir.OptionalType):
        return False
    return value.dtype is None or value.dtype.is_floating_point()


def array(value: ir.Value | None) -> np.ndarray:
    """Return the contents of a constant value.

    Raises:
        ValueError: The value is not constant.
    """
    if value is None or value.const_value is None:
        name = None if value is None else value.name
        message = f"value {name!r} is not a constant"
        raise ValueError(message)
    return value.const_value.numpy()


def has_one_reader(value: ir.Value) -> bool:
    """Whether exactly one node input reads ``value`` and it is no graph output."""
    return len(value.uses()) == 1 and not value.is_graph_output()


def is_read(value: ir.Value) -> bool:
    """Whether a node reads ``value``, or it is a graph output."""
    return value.is_graph_output() or len(value.uses()) > 0


def reads(node: ir.Node) -> list[ir.Value]:
    """Return the values a node depends on: its inputs, and what its subgraphs capture."""
    values = [value for value in node.inputs if value is not None]
    for graph in subgraphs(node):
        values += _captured(graph)
    return values


def subgraphs(node: ir.Node) -> Iterator[ir.Graph]:
    """Yield the graphs that ``node`` holds itself: branches, or the body of a loop."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()


def _captured(graph: ir.Graph) -> list[ir.Value]:
    inner = {*graph.inputs, *graph.initializers.values()}
    captured: list[ir.Value] = []
    for node in graph:
        captured += [value for value in reads(node) if value not in inner]
        inner.update(node.outputs)
    captured += [value for value in graph.outputs if value not in inner]
    return captured


def input_at(node: ir.Node, position: int) -> ir.Value | None:
    """Return the input of ``node`` at a position, None if it is not given."""
    if position >= len(node.inputs):
        return None
    return node.inputs[position]


def dependency_graph(graph: ir.Graph) -> NodeGraph:
    """Return the nodes of ``graph`` as a networkx graph, an edge from producer to reader."""
    edges: NodeGraph = nx.DiGraph()
    for node in graph:
        edges.add_node(node)
        for value in reads(node):
            producer = value.producer()
            if producer is not None and producer.graph is graph:
                edges.add_edge(producer, node)
    return edges


def closure(edges: NodeGraph, nodes: Iterable[ir.Node]) -> set[ir.Node]:
    """Return ``nodes`` and every node that can be reached from them along ``edges``."""
    return set().union(*nx.bfs_layers(edges, list(nodes)))


def boundary(
    outputs: Iterable[ir.Value | None], known: Collection[ir.Value]
) -> list[ir.Value]:
    """Return the known values and graph inputs that ``outputs`` are computed from."""
    ends: dict[ir.Value, None] = {}
    seen: set[ir.Value] = set()
    pending = list(outputs)
    while pending:
        value = pending.pop()
        if value is None or value in seen or is_constant(value):
            continue
        seen.add(value)
        producer = value.producer()
        if value in known or producer is None:
            ends[value] = None
        else:
            pending += reads(producer)
    return list(ends)

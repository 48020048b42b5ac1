"""Reading and rewriting an ``onnx_ir`` graph: the only place that rewires edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import onnx_ir as ir
import onnx_ir.passes.common

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = [
    "array",
    "boundary",
    "closure",
    "constant",
    "copied",
    "dependency_graph",
    "fresh_name",
    "has_one_reader",
    "is_constant",
    "is_float",
    "is_op",
    "label",
    "reads",
    "remove_unused",
    "replace_by_value",
    "replace_node",
    "replace_value",
    "rewire",
    "set_array",
    "subgraphs",
    "take_over",
]


def is_op(node: ir.Node | None, *op_types: str, domain: str = "") -> bool:
    """Whether ``node`` is one of the operators ``op_types`` of ``domain``."""
    return node is not None and node.op_type in op_types and node.domain in _spellings(domain)


def _spellings(domain: str) -> tuple[str, ...]:
    return ("", "ai.onnx") if domain == "" else (domain,)


def label(node: ir.Node) -> str:
    """Return the name by which messages call ``node``: its own, or its first output's."""
    if node.name:
        return node.name
    return next((value.name for value in node.outputs if value.name), "") or node.op_type


def is_constant(value: ir.Value | None) -> bool:
    """Whether ``value`` is an initializer that a caller cannot override."""
    return value is not None and value.const_value is not None and not value.is_graph_input()


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


def constant(graph: ir.Graph, name: str, data: np.ndarray) -> ir.Value:
    """Add an initializer to ``graph``, under ``name`` or, if taken, a name derived from it."""
    name = fresh_name(graph, name)
    tensor = ir.tensor(np.array(data, order="C"), name=name)
    value = ir.Value(
        name=name, shape=ir.Shape(data.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def set_array(value: ir.Value | None, data: np.ndarray) -> None:
    """Change the contents of a constant, in its own data type.

    Raises:
        ValueError: The value is not constant.
    """
    old = array(value)
    if value is not None:
        value.const_value = ir.tensor(np.array(data, old.dtype, order="C"), name=value.name)
        value.shape = ir.Shape(data.shape)


def fresh_name(graph: ir.Graph, name: str) -> str:
    """Return ``name``, or ``name_1``, ``name_2`` ... if a value of ``graph`` already has it."""
    taken = graph.meta.get("taken_names")
    if taken is None:
        taken = {value.name for value in _all_values(graph)}
        graph.meta["taken_names"] = taken
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _all_values(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph.all_nodes():
        yield from node.outputs
    for subgraph in graph.subgraphs():
        yield from subgraph.inputs
        yield from subgraph.initializers.values()


def has_one_reader(value: ir.Value) -> bool:
    """Whether exactly one node input reads ``value`` and it is no graph output."""
    return len(value.uses()) == 1 and not value.is_graph_output()


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


def dependency_graph(graph: ir.Graph) -> nx.DiGraph[ir.Node]:
    """Return the nodes of ``graph`` as a networkx graph, an edge from producer to reader."""
    edges: nx.DiGraph[ir.Node] = nx.DiGraph()
    for node in graph:
        edges.add_node(node)
        for value in reads(node):
            producer = value.producer()
            if producer is not None and producer.graph is graph:
                edges.add_edge(producer, node)
    return edges


def closure(edges: nx.DiGraph[ir.Node], nodes: Iterable[ir.Node]) -> set[ir.Node]:
    """Return ``nodes`` and every node that can be reached from them along ``edges``."""
    return set().union(*nx.bfs_layers(edges, list(nodes)))


def boundary(outputs: Iterable[ir.Value | None], known: Collection[ir.Value]) -> list[ir.Value]:
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


def replace_value(old: ir.Value, new: ir.Value) -> None:
    """Let every reader of ``old``, subgraphs included, read ``new``.

    Where ``old`` is a graph output, ``new`` takes over its place, name, type and shape.
    """
    if old.is_graph_output():
        take_over(old, new)
    else:
        old.replace_all_uses_with(new)


def replace_by_value(node: ir.Node, value: ir.Value) -> None:
    """Let every reader of the first output of ``node`` read ``value``; the node stays.

    Where that output is one of the graph, and ``value`` has a name to keep, an Identity gives it
    the other name too.
    """
    output, producer = node.outputs[0], value.producer()
    is_free = producer is not None and producer.graph is node.graph and not value.is_graph_output()
    if output.is_graph_output() and not is_free:
        assert isinstance(node.graph, ir.Graph)
        copy = ir.node("Identity", [value], name=label(node))
        node.graph.insert_before(node, copy)
        value = copy.outputs[0]
    replace_value(output, value)


def take_over(old: ir.Value, new: ir.Value) -> None:
    """Let ``new`` be what ``old`` was: its name, type, shape, notes, readers and outputs."""
    name, old.name = old.name, f"{old.name}.replaced"
    new.name = name
    new.type = old.type if old.type is not None else new.type
    new.shape = old.shape if old.shape is not None else new.shape
    new.metadata_props.update(old.metadata_props)
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def rewire(node: ir.Node, old: ir.Value, new: ir.Value) -> None:
    """Let ``node``, and the nodes of its subgraphs, read ``new`` where they read ``old``."""
    for position, value in enumerate(node.inputs):
        if value is old:
            node.replace_input_with(position, new)
    for graph in subgraphs(node):
        for inner in graph:
            rewire(inner, old, new)
        for position, value in enumerate(graph.outputs):
            if value is old:
                graph.outputs[position] = new


def copied(node: ir.Node) -> ir.Node:
    """Return a copy of ``node``, of no graph yet, that reads the same values; its outputs are new.

    Values in its subgraphs keep their names.
    """
    attributes = [
        ir.AttrGraph(name, attribute.as_graph().clone(allow_outer_scope_values=True))
        if attribute.type == ir.AttributeType.GRAPH
        else attribute
        for name, attribute in node.attributes.items()
    ]
    copy = ir.Node(
        node.domain, node.op_type, node.inputs, attributes, num_outputs=len(node.outputs)
    )
    for new, old in zip(copy.outputs, node.outputs, strict=True):
        new.type, new.shape = old.type, old.shape
    return copy


def replace_node(node: ir.Node, new: ir.Node, *, dead: Iterable[ir.Node] = ()) -> None:
    """Put ``new`` where ``node`` is; its outputs take over names, types, shapes and readers.

    Args:
        node: The node that goes.
        new: A node of no graph yet, with as many outputs.
        dead: Further nodes that nobody reads any more, last reader first.
    """
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        message = f"node {label(node)!r} is in no graph"
        raise TypeError(message)
    new.name = new.name or node.name
    new.metadata_props.update(node.metadata_props)
    graph.insert_before(node, new)
    for old_output, new_output in zip(node.outputs, new.outputs, strict=True):
        take_over(old_output, new_output)
    graph.remove(node, safe=True)
    for other in dead:
        graph.remove(other, safe=True)


def remove_unused(model: ir.Model) -> bool:
    """Remove nodes and initializers that no output depends on; whether there were any."""
    return bool(ir.passes.common.RemoveUnusedNodesPass()(model).modified)

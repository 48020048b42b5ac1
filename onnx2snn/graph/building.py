"""Building nodes and values for an ``onnx_ir`` graph, under names that are new to it.

What a new node is called, of which type its output is and where it goes is said here:

    NodeBuilder(graph).node("Neg", [x], "y")           of no graph yet
    NodeBuilder(graph).add("Neg", [x], "y")            at the end of the graph
    NodeBuilder.before(reader).add("Neg", [x], "y")    in front of another node
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph.reading import array
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Attribute: TypeAlias = "ir.Attr | int | float | Sequence[int]"
"""A value that a node may have for an attribute."""

__all__ = [
    "NodeBuilder",
    "NodeWriter",
    "constant",
    "copied",
    "forget_names",
    "fresh_name",
    "set_array",
    "share_names",
]


@dataclasses.dataclass(frozen=True)
class NodeBuilder:
    """Builds nodes and values for one graph, under names that no value of it has.

    Attributes:
        graph: The graph that is to hold them, perhaps in a subgraph.
        reader: The node in front of which they go; None for the end of the graph, which whoever
            adds nodes there may have to sort.
    """

    graph: ir.Graph
    reader: ir.Node | None = None

    @classmethod
    def before(cls, reader: ir.Node) -> Self:
        """Return a builder of nodes that go in front of ``reader``."""
        graph = reader.graph
        assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
        return cls(graph, reader)

    def node(
        self,
        op: str,
        inputs: Sequence[ir.Value | None],
        name: str,
        attributes: Mapping[str, Attribute] | None = None,
        like: ir.Value | None = None,
    ) -> ir.Node:
        """Return a node of no graph yet, with one output.

        Args:
            op: Operator type, of ONNX.
            inputs: Values it reads.
            name: Name of the node and of its output, perhaps with a number behind it.
            attributes: Its attributes, if it has any.
            like: A value of the type and shape that its output has; None if these are not known.
        """
        node = ir.node(op, inputs, attributes)
        return self.name(node, name, like)

    def add(
        self,
        op: str,
        inputs: Sequence[ir.Value | None],
        name: str,
        attributes: Mapping[str, Attribute] | None = None,
        like: ir.Value | None = None,
    ) -> ir.Value:
        """Put such a node in its place; return its output."""
        node = ir.node(op, inputs, attributes)
        return self.put(node, name, like)

    def put(self, node: ir.Node, name: str, like: ir.Value | None = None) -> ir.Value:
        """Name any other node, put it in its place, and return its first output."""
        self.name(node, name, like)
        if self.reader is None:
            self.graph.append(node)
        else:
            self.graph.insert_before(self.reader, node)
        return node.outputs[0]

    def name(self, node: ir.Node, name: str, like: ir.Value | None = None) -> ir.Node:
        """Name any other node of no graph yet, unless it has a name, and its outputs; return it."""
        for output in node.outputs:
            output.name = fresh_name(self.graph, name)
            if like is not None:
                output.type = like.type
                output.shape = like.shape
        node.name = node.name or node.outputs[0].name
        return node

    def value(self, name: str, like: ir.Value) -> ir.Value:
        """Return a value that no node makes, an input of a body: of the type of ``like``."""
        name = fresh_name(self.graph, name)
        return ir.Value(name=name, type=like.type, shape=like.shape)


def constant(graph: ir.Graph, name: str, data: np.ndarray) -> ir.Value:
    """Add an initializer to ``graph``, under ``name`` or, if taken, a name derived from it."""
    name = fresh_name(graph, name)
    contents = np.array(data, order="C")
    tensor = ir.tensor(contents, name=name)
    value = ir.Value(
        name=name,
        shape=ir.Shape(data.shape),
        type=ir.TensorType(tensor.dtype),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def set_array(value: ir.Value | None, data: np.ndarray) -> None:
    """Change the contents of a constant, in its own data type.

    Raises:
        ValueError: The value is not constant.
    """
    old = array(value)
    assert value is not None  # a constant
    contents = np.array(data, old.dtype, order="C")
    value.const_value = ir.tensor(contents, name=value.name)
    value.shape = ir.Shape(data.shape)


def copied(node: ir.Node) -> ir.Node:
    """Return a copy of ``node``, of no graph yet, that reads the same values; its outputs are new.

    Values in its subgraphs keep their names.
    """
    attributes = [_copy_attribute(each) for each in node.attributes.values()]
    copy = ir.Node(
        node.domain,
        node.op_type,
        node.inputs,
        attributes,
        num_outputs=len(node.outputs),
    )
    for new, old in zip(copy.outputs, node.outputs, strict=True):
        new.type = old.type
        new.shape = old.shape
    return copy


def _copy_attribute(attribute: ir.Attr) -> ir.Attr:
    if attribute.type != ir.AttributeType.GRAPH:
        return attribute
    graph = attribute.as_graph().clone(allow_outer_scope_values=True)
    return ir.AttrGraph(attribute.name, graph)


class NodeWriter:
    """Writes what is to take the place of a node in front of it, under names derived from its.

    Args:
        node: The node; it stays where it is.
    """

    def __init__(self, node: ir.Node) -> None:
        """Take the graph and the names from ``node``."""
        self.node = node
        self._builder = NodeBuilder.before(node)
        self._name = node.outputs[0].name

    @property
    def graph(self) -> ir.Graph:
        """The graph of the node."""
        return self._builder.graph

    def given(self, position: int) -> ir.Value | None:
        """Return input ``position`` of the node, None if it is not given."""
        if position >= len(self.node.inputs):
            return None
        return self.node.inputs[position]

    def add(
        self,
        op: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, Attribute] | None = None,
        outputs: int = 1,
    ) -> ir.Value:
        """Add a node of operator type ``op``; return its first output."""
        node = ir.node(op, inputs, attributes, num_outputs=outputs)
        add_sources(node, [self.node])
        return self._builder.put(node, f"{self._name}.{op}")

    def constant(self, suffix: str, data: np.ndarray) -> ir.Value:
        """Add an initializer named after the node's output."""
        return constant(self.graph, f"{self._name}.{suffix}", data)

    @staticmethod
    def rename(value: ir.Value, name: str | None) -> None:
        """Rename the node that makes ``value``."""
        node = value.producer()
        assert node is not None  # it was just written
        node.name = name


_TAKEN = "onnx2snn.taken_names"
"""In the ``meta`` of a graph, which no file holds: the names that `fresh_name` found in it."""


def fresh_name(graph: ir.Graph, name: str) -> str:
    """Return ``name``, or ``name_1``, ``name_2`` ... if a value of ``graph`` already has it.

    The names of a graph are collected once and kept with it, up to `forget_names`: 1000 new
    names in a graph of 4000 nodes would else take a minute instead of half a second. So
    whoever names values of the graph in between does it by this function.
    """
    taken = _taken_names(graph)
    candidate = name
    count = 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _taken_names(graph: ir.Graph) -> set[str | None]:
    if _TAKEN not in graph.meta:
        graph.meta[_TAKEN] = {value.name for value in _all_values(graph)}
    names: set[str | None] = graph.meta[_TAKEN]
    return names


def forget_names(graph: ir.Graph) -> None:
    """Let `fresh_name` collect the names of ``graph`` anew: others have named values of it."""
    graph.meta.pop(_TAKEN, None)


def share_names(graph: ir.Graph, outer: ir.Graph) -> None:
    """Let `fresh_name` keep names of ``graph`` different from those of ``outer``, around it."""
    graph.meta[_TAKEN] = _taken_names(outer)


def _all_values(graph: ir.Graph) -> Iterator[ir.Value]:
    yield from graph.inputs
    yield from graph.initializers.values()
    for node in graph.all_nodes():
        yield from node.outputs
    for subgraph in graph.subgraphs():
        yield from subgraph.inputs
        yield from subgraph.initializers.values()

"""Building nodes and values for an ``onnx_ir`` graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph.reading import array

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["constant", "copied", "fresh_name", "set_array"]


def constant(graph: ir.Graph, name: str, data: np.ndarray) -> ir.Value:
    """Add an initializer to ``graph``, under ``name`` or, if taken, a name derived from it."""
    name = fresh_name(graph, name)
    tensor = ir.tensor(np.array(data, order="C"), name=name)
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
    if value is not None:
        value.const_value = ir.tensor(
            np.array(data, old.dtype, order="C"), name=value.name
        )
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
        node.domain,
        node.op_type,
        node.inputs,
        attributes,
        num_outputs=len(node.outputs),
    )
    for new, old in zip(copy.outputs, node.outputs, strict=True):
        new.type, new.shape = old.type, old.shape
    return copy

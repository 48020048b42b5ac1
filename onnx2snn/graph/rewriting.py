"""Rewriting an ``onnx_ir`` graph: the only place that rewires edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
import onnx_ir.passes.common

from onnx2snn.graph.reading import display_name, subgraphs
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "remove_unused",
    "replace_by_value",
    "replace_node",
    "replace_value",
    "rewire",
    "take_over",
]


def replace_value(old: ir.Value, new: ir.Value) -> None:
    """Let every reader of ``old``, subgraphs included, read ``new``.

    Where ``old`` is a graph output, ``new`` takes over its place, name, type and shape.
    """
    if old.is_graph_output():
        _take_over_value(old, new)
    else:
        old.replace_all_uses_with(new)


def replace_by_value(node: ir.Node, value: ir.Value) -> None:
    """Let every reader of the first output of ``node`` read ``value``; the node stays.

    Where that output is one of the graph, and ``value`` has a name to keep, an Identity gives it
    the other name too.
    """
    output = node.outputs[0]
    if output.is_graph_output() and not _may_be_renamed(value, node.graph):
        assert isinstance(node.graph, ir.Graph)
        copy = ir.node("Identity", [value], name=display_name(node))
        node.graph.insert_before(node, copy)
        value = copy.outputs[0]
    replace_value(output, value)


def _may_be_renamed(value: ir.Value, graph: object) -> bool:
    """Whether ``value`` is made in ``graph``, under a name that no caller knows."""
    producer = value.producer()
    is_made_here = producer is not None and producer.graph is graph
    return is_made_here and not value.is_graph_output()


def take_over(old: ir.Value, new: ir.Value) -> None:
    """Let ``new`` be what ``old`` was: its name, type, shape, metadata, readers and outputs.

    The node that makes ``new`` stands for what the node that made ``old`` stood for.
    """
    maker = new.producer()
    former_maker = old.producer()
    if maker is not None and former_maker is not None:
        add_sources(maker, [former_maker])
    _take_over_value(old, new)


def _take_over_value(old: ir.Value, new: ir.Value) -> None:
    name = old.name
    old.name = f"{name}.replaced"
    new.name = name
    if old.type is not None:
        new.type = old.type
    if old.shape is not None:
        new.shape = old.shape
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


def replace_node(node: ir.Node, new: ir.Node, *, dead: Iterable[ir.Node] = ()) -> None:
    """Put ``new`` where ``node`` is; its outputs take over names, types, shapes and readers.

    It stands for what ``node`` and ``dead`` stood for.

    Args:
        node: The node that goes.
        new: A node of no graph yet, with as many outputs.
        dead: Further nodes that nobody reads any more, last reader first.
    """
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        message = f"node {display_name(node)!r} is in no graph"
        raise TypeError(message)
    new.name = new.name or node.name
    new.metadata_props.update(node.metadata_props)
    dead = tuple(dead)
    add_sources(new, [node, *dead])
    graph.insert_before(node, new)
    for old_output, new_output in zip(node.outputs, new.outputs, strict=True):
        take_over(old_output, new_output)
    graph.remove(node, safe=True)
    for other in dead:
        graph.remove(other, safe=True)


def remove_unused(model: ir.Model) -> bool:
    """Remove nodes and initializers that no output depends on; whether there were any."""
    removal = ir.passes.common.RemoveUnusedNodesPass()
    return bool(removal(model).modified)

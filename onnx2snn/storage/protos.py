"""Walk through a ``ModelProto``, for what onnx_ir cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

__all__ = ["all_graphs", "all_nodes", "all_sparse_tensors", "all_tensors"]


def all_nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Give every node of the graph, its subgraphs and the functions."""
    for graph in all_graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Give every initializer, and what nodes hold as attributes; sparse tensors are none."""
    for graph in all_graphs(model):
        yield from graph.initializer
    for node in all_nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def all_sparse_tensors(model: onnx.ModelProto) -> Iterator[onnx.SparseTensorProto]:
    """Give every sparse initializer, and what nodes hold as attributes."""
    for graph in all_graphs(model):
        yield from graph.sparse_initializer
    for node in all_nodes(model):
        for attribute in node.attribute:
            if attribute.HasField("sparse_tensor"):
                yield attribute.sparse_tensor
            yield from attribute.sparse_tensors


def all_graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Give the main graph and every subgraph, those in functions included."""
    yield from _with_subgraphs(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _subgraphs(node)


def _with_subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        yield from _subgraphs(node)


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield from _with_subgraphs(attribute.g)
        for graph in attribute.graphs:
            yield from _with_subgraphs(graph)

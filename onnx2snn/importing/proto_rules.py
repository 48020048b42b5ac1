"""Rules of ONNX that a ``ModelProto`` may break, and that no reader behind it minds."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypeVar

import onnx

from onnx2snn.errors import InvalidModelError
from onnx2snn.storage.protos import all_graphs, all_nodes, all_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

__all__ = ["check_rules"]

_MOST_SHOWN = 3
"""Problems that a message shows; what more there are is counted."""

_DEFAULT_DOMAINS = ("", "ai.onnx")
_TYPES = frozenset(onnx.TensorProto.DataType.values()) - {onnx.TensorProto.UNDEFINED}

_Item = TypeVar("_Item")


def check_rules(proto: onnx.ModelProto, name: str) -> None:
    """Refuse a model that breaks a rule of ONNX, with the node, value or tensor that does.

    Args:
        proto: The model.
        name: Its name in messages.

    Raises:
        InvalidModelError: Names are no text, stand for two things or for none; a tensor is of no
            known type or has a size below 0; a Constant has no value; a function replaces an
            operator of ONNX.
    """
    for rule in _RULES:
        found = list(rule(proto))
        if found:
            shown = "; ".join(found[:_MOST_SHOWN])
            more = len(found) - _MOST_SHOWN
            rest = f"; and {more} more like this" if more > 0 else ""
            message = f"{name} is not a valid ONNX model: {shown}{rest}"
            raise InvalidModelError(message)


def _broken_text(proto: onnx.ModelProto) -> Iterator[str]:
    """Yield names that are no UTF-8: protobuf gives these as bytes."""
    for names in _names_of(proto):
        for name in names:
            if isinstance(name, bytes):
                yield f"the name {name!r} is no UTF-8"


def _names_of(proto: onnx.ModelProto) -> Iterator[Iterable[object]]:
    """Yield all names of the model, a few at a time."""
    yield (proto.producer_name, proto.domain, proto.doc_string)
    yield [each.domain for each in proto.opset_import]
    for graph in all_graphs(proto):
        yield (graph.name, graph.doc_string)
        yield [each.name for each in (*graph.input, *graph.output, *graph.value_info)]
    for function in proto.functions:
        yield (function.domain, function.name, *function.input, *function.output)
    for node in all_nodes(proto):
        yield (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield [attribute.name for attribute in node.attribute]
    for tensor in all_tensors(proto):
        yield (tensor.name,)


def _initializers_made_twice(proto: onnx.ModelProto) -> Iterator[str]:
    for graph in all_graphs(proto):
        names = [tensor.name for tensor in graph.initializer]
        names += [sparse.values.name for sparse in graph.sparse_initializer]
        for name in _repeated(names):
            yield f"two initializers are called {name!r}"


def _names_taken_twice(proto: onnx.ModelProto) -> Iterator[str]:
    for graph in all_graphs(proto):
        for kind, values in (("inputs", graph.input), ("outputs", graph.output)):
            for name in _repeated(value.name for value in values):
                yield f"two {kind} are called {name!r}"


def _values_made_twice(proto: onnx.ModelProto) -> Iterator[str]:
    for graph in all_graphs(proto):
        known = {value.name for value in graph.input}
        known.update(tensor.name for tensor in graph.initializer)
        for node in graph.node:
            for name in filter(None, node.output):
                if name in known:
                    yield f"value {name!r} is given twice, the second time by {_called(node)}"
                known.add(name)


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    counted = collections.Counter(items)
    return [item for item, count in counted.items() if count > 1]


def _wrong_functions(proto: onnx.ModelProto) -> Iterator[str]:
    for function in proto.functions:
        if function.domain in _DEFAULT_DOMAINS:
            yield (
                f"function {function.name!r} is in the domain of ONNX's own operators: give it a "
                "domain of its own"
            )
    keys = [(each.domain, each.name, each.overload) for each in proto.functions]
    for domain, name, _ in _repeated(keys):
        yield f"two functions are called {domain}.{name}"


def _wrong_tensors(proto: onnx.ModelProto) -> Iterator[str]:
    for tensor in all_tensors(proto):
        if tensor.data_type not in _TYPES:
            yield f"tensor {tensor.name!r} is of the unknown type {tensor.data_type}"
        if any(size < 0 for size in tensor.dims):
            yield f"tensor {tensor.name!r} has the shape {list(tensor.dims)}"


def _constants_without_value(proto: onnx.ModelProto) -> Iterator[str]:
    for node in all_nodes(proto):
        is_constant = node.op_type == "Constant" and node.domain in _DEFAULT_DOMAINS
        if is_constant and len(node.attribute) != 1:
            yield f"{_called(node)} has {len(node.attribute)} values"


def _attributes_without_type(proto: onnx.ModelProto) -> Iterator[str]:
    for node in all_nodes(proto):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.UNDEFINED:
                yield f"attribute {attribute.name!r} of {_called(node)} has no type"
        for name in _repeated(attribute.name for attribute in node.attribute):
            yield f"{_called(node)} has attribute {name!r} twice"


def _references_to_nothing(proto: onnx.ModelProto) -> Iterator[str]:
    """Yield references to attributes of a function where there is none."""
    for node in _nodes_in(proto.graph):
        for attribute in node.attribute:
            if attribute.ref_attr_name:
                yield f"{_called(node)} takes attribute {attribute.name!r} of a function, in none"


def _nodes_in(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a graph and its subgraphs."""
    for node in graph.node:
        yield node
        for inner in _subgraphs(node):
            yield from _nodes_in(inner)


def _subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _values_of_nobody(proto: onnx.ModelProto) -> Iterator[str]:
    """Yield values that are read, or are outputs, and that nobody gives."""
    yield from _unknown_in_graph(proto.graph, frozenset())
    for function in proto.functions:
        known = _made_by(function.node) | set(function.input)
        yield from _unknown_in_nodes(function.node, known)
        for name in function.output:
            if name not in known:
                yield f"output {name!r} of function {function.name!r} is computed by no node"


def _unknown_in_graph(graph: onnx.GraphProto, outer: Collection[str]) -> Iterator[str]:
    known = _made_by(graph.node)
    known.update(outer)
    known.update(value.name for value in graph.input)
    known.update(tensor.name for tensor in graph.initializer)
    known.update(sparse.values.name for sparse in graph.sparse_initializer)
    yield from _unknown_in_nodes(graph.node, known)
    for value in graph.output:
        if graph.node and value.name not in known:
            yield f"output {value.name!r} is computed by no node"


def _made_by(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    return {name for node in nodes for name in node.output}


def _unknown_in_nodes(
    nodes: Iterable[onnx.NodeProto], known: Collection[str]
) -> Iterator[str]:
    for node in nodes:
        for name in node.input:
            if name and name not in known:
                yield f"{_called(node)} reads {name!r}, which nothing computes"
        for graph in _subgraphs(node):
            yield from _unknown_in_graph(graph, known)


def _called(node: onnx.NodeProto) -> str:
    """Return how a message calls a node: by its name, or that of its first output."""
    name = node.name or next(iter(node.output), "")
    return f"{node.op_type} {name[:100]!r}"


_RULES: tuple[Callable[[onnx.ModelProto], Iterator[str]], ...] = (
    _broken_text,
    _initializers_made_twice,
    _names_taken_twice,
    _values_made_twice,
    _wrong_functions,
    _wrong_tensors,
    _constants_without_value,
    _attributes_without_type,
    _references_to_nothing,
    _values_of_nobody,
)
"""Rules in the order in which they are looked at: each gives what breaks it, in words."""

"""Compute a half or double precision network in single precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    NodeWriter,
    fresh_name,
    is_op,
    replace_node,
    rewire,
    take_over,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ComputeInFloat32", "mentions"]

_OTHERS = (
    ir.DataType.BFLOAT16,
    ir.DataType.DOUBLE,
    ir.DataType.FLOAT16,
)

_FLOAT32 = int(ir.DataType.FLOAT)

_TYPE_ATTRIBUTES = ("dtype", "output_dtype", "softmax_precision", "stash_type", "to")
"""Attributes whose number is a data type."""


@dataclass(frozen=True)
class ComputeInFloat32(ir.passes.InPlacePass):
    """Give every real value inside the graph the type float32.

        before:  float16 y = Conv(float16 x, float16 W)
        after:   float16 y = Cast(Conv(Cast(x), float32 W))

    Inputs and outputs keep the types they declare. Constants, Cast nodes, sequences and
    attributes that name a type follow. BitCast reads and gives the bits of the type that it was
    made for, between Cast nodes. Main graph and subgraphs. Exact for float16 and bfloat16
    weights; the results differ by the roundings of the smaller type, or of float32 for a double
    network. A model without values of these types is left as it is.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Change all types inside, then cast between them and the graph's interface."""
        graph = model.graph
        others = _find_others(_list_values(graph))
        if not others:
            return ir.passes.PassResult(model, modified=False)
        inputs = _find_others(graph.inputs)
        outputs = _find_others(graph.outputs)
        declared = [output.dtype for output in outputs]
        readers_of_bits = _find_readers_of_bits(graph)
        for node in graph.all_nodes():
            _retype_attributes(node)
        for value in others:
            if value not in inputs:
                _retype_value(value)
        for value in inputs:
            _cast_input(graph, value)
        for value, dtype in zip(outputs, declared, strict=True):
            _cast_output(graph, value, dtype)
        for node, source, target in readers_of_bits:
            _cast_around(node, source, target)
        return ir.passes.PassResult(model, modified=True)


def mentions(graph: ir.Graph, *dtypes: ir.DataType) -> bool:
    """Whether a value or an attribute of ``graph``, subgraphs included, is of one of ``dtypes``."""
    values = _list_values(graph)
    if any(value.dtype in dtypes for value in values):
        return True
    named = _list_named_types(graph)
    return any(number in dtypes for number in named)


def _list_named_types(graph: ir.Graph) -> Iterator[int | None]:
    """Yield the data types in attributes, None for an attribute that is not there."""
    for node in graph.all_nodes():
        for name in _TYPE_ATTRIBUTES:
            yield _read_type(node, name)


def _find_others(values: Iterable[ir.Value]) -> list[ir.Value]:
    """Return the values of another precision than float32."""
    return [value for value in values if value.dtype in _OTHERS]


def _read_type(node: ir.Node, name: str) -> int | None:
    """Return the number of a data type in an attribute, None if there is none."""
    attribute = node.attributes.get(name)
    if attribute is None:
        return None
    is_number = attribute.type == ir.AttributeType.INT
    if is_number:
        return attribute.as_int()
    return None


def _list_values(main: ir.Graph) -> Iterator[ir.Value]:
    """Yield the values of a graph and of its subgraphs."""
    for graph in (main, *main.subgraphs()):
        yield from graph.inputs
        yield from graph.initializers.values()
        for node in graph:
            yield from node.outputs


def _retype_value(value: ir.Value) -> None:
    tensor = value.const_value
    if tensor is not None:
        value.const_value = _convert_tensor(tensor)
    value.type = _convert_type(value.type)


def _convert_type(kind: ir.TypeProtocol | None) -> ir.TypeProtocol:
    """Return a type of the same form, a tensor or a sequence of them, with float32 elements."""
    if isinstance(kind, (ir.SequenceType, ir.OptionalType)):
        elements = _convert_type(kind.elem_type)
        return type(kind)(elements)
    return ir.TensorType(ir.DataType.FLOAT)


def _convert_tensor(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    data = tensor.numpy()
    single = data.astype(np.float32)
    return ir.tensor(single, name=tensor.name)


def _retype_attributes(node: ir.Node) -> None:
    """Let the types that attributes name, and the tensors that they hold, be of float32."""
    for name in _TYPE_ATTRIBUTES:
        if _read_type(node, name) in _OTHERS:
            node.attributes[name] = ir.AttrInt64(name, _FLOAT32)
    for name, attribute in tuple(node.attributes.items()):
        if attribute.type != ir.AttributeType.TENSOR:
            continue
        tensor = attribute.as_tensor()
        if tensor.dtype in _OTHERS:
            converted = _convert_tensor(tensor)
            node.attributes[name] = ir.AttrTensor(name, converted)


def _find_readers_of_bits(
    graph: ir.Graph,
) -> list[tuple[ir.Node, ir.DataType | None, ir.DataType]]:
    """Return the BitCast nodes that read or give another precision, with both of their types."""
    found = []
    for node in graph.all_nodes():
        x = node.inputs[0] if is_op(node, "BitCast") else None
        if x is None:
            continue
        target = ir.DataType(node.attributes["to"].as_int())
        if x.dtype in _OTHERS or target in _OTHERS:
            found.append((node, x.dtype, target))
    return found


def _cast_around(
    node: ir.Node, source: ir.DataType | None, target: ir.DataType
) -> None:
    """Let a BitCast between values in float32 read and give the types it was made for."""
    writer = NodeWriter(node)
    x = node.inputs[0]
    if source in _OTHERS:
        x = writer.add("Cast", [x], {"to": int(source)})
        x.type = ir.TensorType(source)
    cast_bits = {"to": int(target)}
    if target not in _OTHERS:
        replace_node(node, ir.node("BitCast", [x], cast_bits))
        return
    bits = writer.add("BitCast", [x], cast_bits)
    bits.type = ir.TensorType(target)
    replace_node(node, ir.node("Cast", [bits], {"to": _FLOAT32}))


def _cast_input(graph: ir.Graph, value: ir.Value) -> None:
    """Let all that reads an input read it in float32."""
    name = f"{value.name}.float32"
    builder = NodeBuilder(graph)
    cast = builder.node("Cast", [value], name, {"to": _FLOAT32})
    single = cast.outputs[0]
    single.type = ir.TensorType(ir.DataType.FLOAT)
    single.shape = value.shape
    for reader in tuple(graph):
        rewire(reader, value, single)
    first = next(iter(graph))
    graph.insert_before(first, cast)


def _cast_output(graph: ir.Graph, value: ir.Value, dtype: ir.DataType | None) -> None:
    """Give an output the type it declares; nodes go on reading it in float32."""
    declared = dtype or ir.DataType.FLOAT
    name = f"{value.name}.cast"
    cast = ir.node(
        "Cast",
        inputs=[value],
        attributes={"to": int(declared)},
        name=name,
    )
    graph.append(cast)
    result = cast.outputs[0]
    take_over(value, result)
    rewire(cast, result, value)
    value.name = fresh_name(graph, f"{result.name}.float32")
    result.type = ir.TensorType(declared)
    for reader in tuple(graph):
        if reader is not cast:
            rewire(reader, result, value)

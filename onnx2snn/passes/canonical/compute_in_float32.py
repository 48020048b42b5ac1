"""Compute a half or double precision network in single precision."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, fresh_name, rewire, take_over

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ComputeInFloat32", "mentions"]

_OTHERS = (ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)

_TYPE_ATTRIBUTES = ("dtype", "output_dtype", "softmax_precision", "stash_type", "to")
"""Attributes whose number is a data type."""


@dataclasses.dataclass(frozen=True)
class ComputeInFloat32(ir.passes.InPlacePass):
    """Give every real value inside the graph the type float32.

        before:  float16 y = Conv(float16 x, float16 W)
        after:   float16 y = Cast(Conv(Cast(x), float32 W))

    Inputs and outputs keep the types they declare. Constants, Cast nodes, sequences and
    attributes that name a type follow. Main graph and subgraphs. Exact for float16 and bfloat16
    weights; the results differ by the roundings of the smaller type, or of float32 for a double
    network.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Change the types."""
        if not any(value.dtype in _OTHERS for value in _values(model.graph)):
            return ir.passes.PassResult(model, modified=False)
        given = [value for value in model.graph.inputs if value.dtype in _OTHERS]
        wanted = [
            (value, value.dtype)
            for value in model.graph.outputs
            if value.dtype in _OTHERS
        ]
        for node in model.graph.all_nodes():
            _retype_attributes(node)
        for value in _values(model.graph):
            if value.dtype in _OTHERS and value not in given:
                _retype(value)
        for value in given:
            _cast_input(model.graph, value)
        for value, dtype in wanted:
            _cast_output(model.graph, value, dtype)
        return ir.passes.PassResult(model, modified=True)


def mentions(graph: ir.Graph, *dtypes: ir.DataType) -> bool:
    """Whether a value or an attribute of ``graph``, subgraphs included, is of one of ``dtypes``."""
    return any(value.dtype in dtypes for value in _values(graph)) or any(
        _type_of(node, name) in dtypes
        for node in graph.all_nodes()
        for name in _TYPE_ATTRIBUTES
    )


def _type_of(node: ir.Node, name: str) -> int | None:
    attribute = node.attributes.get(name)
    is_number = attribute is not None and attribute.type == ir.AttributeType.INT
    return attribute.as_int() if is_number and attribute is not None else None


def _values(main: ir.Graph) -> Iterator[ir.Value]:
    for graph in (main, *main.subgraphs()):
        yield from graph.inputs
        yield from graph.initializers.values()
        for node in graph:
            yield from node.outputs


def _retype(value: ir.Value) -> None:
    if value.const_value is not None:
        value.const_value = _single(value.const_value)
    value.type = _in_float32(value.type)


def _in_float32(kind: ir.TypeProtocol | None) -> ir.TypeProtocol:
    """Return a type of the same form, a tensor or a sequence of them, with float32 elements."""
    if isinstance(kind, (ir.SequenceType, ir.OptionalType)):
        return type(kind)(_in_float32(kind.elem_type))
    return ir.TensorType(ir.DataType.FLOAT)


def _single(tensor: ir.TensorProtocol) -> ir.TensorProtocol:
    return ir.tensor(tensor.numpy().astype(np.float32), name=tensor.name)


def _retype_attributes(node: ir.Node) -> None:
    for name, attribute in tuple(node.attributes.items()):
        if name in _TYPE_ATTRIBUTES and attribute.type == ir.AttributeType.INT:
            if ir.DataType(attribute.as_int()) in _OTHERS:
                node.attributes[name] = ir.AttrInt64(name, int(ir.DataType.FLOAT))
        elif attribute.type == ir.AttributeType.TENSOR:
            tensor = attribute.as_tensor()
            if tensor.dtype in _OTHERS:
                node.attributes[name] = ir.AttrTensor(name, _single(tensor))


def _cast_input(graph: ir.Graph, value: ir.Value) -> None:
    node = NodeBuilder(graph).node(
        "Cast", [value], f"{value.name}.float32", {"to": int(ir.DataType.FLOAT)}
    )
    single = node.outputs[0]
    single.type, single.shape = ir.TensorType(ir.DataType.FLOAT), value.shape
    for reader in tuple(graph):
        rewire(reader, value, single)
    graph.insert_before(next(iter(graph)), node)


def _cast_output(graph: ir.Graph, value: ir.Value, dtype: ir.DataType | None) -> None:
    node = ir.node("Cast", [value], {"to": int(dtype or 0)}, name=f"{value.name}.cast")
    graph.append(node)
    result = node.outputs[0]
    take_over(value, result)
    rewire(node, result, value)
    value.name = fresh_name(graph, f"{result.name}.float32")
    result.type = ir.TensorType(dtype or ir.DataType.FLOAT)
    for reader in tuple(graph):
        if reader is not node:
            rewire(reader, result, value)

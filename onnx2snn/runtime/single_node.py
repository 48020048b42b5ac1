"""Run one node on constant inputs in onnxruntime."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir

from onnx2snn.runtime.sessions import is_of_numpy, open_session, run_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compute_node", "estimate_nbytes", "single_node_model"]

_INPUT = "i"
_SMALL = 1024
"""Bytes up to which an input becomes an initializer."""


def compute_node(
    proto: onnx.ModelProto, inputs: Sequence[np.ndarray | None]
) -> list[object]:
    """Run a ``single_node_model`` on the inputs it was made for, without optimization."""
    session = open_session(proto, optimized=False, threads=1)
    feeds = {}
    for value in session.get_inputs():
        position = int(value.name.removeprefix(_INPUT))
        feeds[value.name] = np.asarray(inputs[position])
    return run_session(session, feeds)


def single_node_model(
    node: ir.Node, inputs: Sequence[np.ndarray | None], opsets: Mapping[str, int]
) -> onnx.ModelProto:
    """Return a model of ``node`` alone; small inputs become initializers, others ``i0 i1 ...``.

    So do all of a type that numpy itself does not have: they cannot all be fed.
    """
    values = _make_inputs(node, inputs)
    alone = ir.Node(
        domain="",
        op_type=node.op_type,
        inputs=values,
        attributes=list(node.attributes.values()),
        num_outputs=len(node.outputs),
    )
    given = [value for value in values if value is not None]
    initializers = [value for value in given if value.const_value is not None]
    graph_inputs = [value for value in given if value.const_value is None]
    graph = ir.Graph(
        inputs=graph_inputs,
        outputs=_name_outputs(alone, node),
        nodes=[alone],
        initializers=initializers,
        opset_imports=dict(opsets),
        name="n",
    )
    return ir.to_proto(ir.Model(graph, ir_version=8))


def _make_inputs(
    node: ir.Node, inputs: Sequence[np.ndarray | None]
) -> list[ir.Value | None]:
    """Return values for the inputs of a node; None for those that are left out."""
    values: list[ir.Value | None] = []
    for position, data in enumerate(inputs):
        if data is None or node.inputs[position] is None:
            values.append(None)
        else:
            values.append(_make_input(position, data))
    return values


def _name_outputs(alone: ir.Node, node: ir.Node) -> list[ir.Value]:
    """Name those outputs that have a name on ``node``, and return them."""
    named = []
    for position, original in enumerate(node.outputs):
        output = alone.outputs[position]
        output.name = f"o{position}" if original.name else ""
        if output.name:
            named.append(output)
    return named


def _make_input(position: int, data: np.ndarray) -> ir.Value:
    """Return an input of the node; it holds its data if that is small, or no type of numpy's."""
    dtype = ir.DataType.from_numpy(data.dtype)
    value = ir.Value(
        name=f"{_INPUT}{position}",
        shape=ir.Shape(data.shape),
        type=ir.TensorType(dtype),
    )
    if data.nbytes <= _SMALL or not is_of_numpy(dtype):
        value.const_value = ir.tensor(data, name=value.name)
    return value


def estimate_nbytes(proto: onnx.ModelProto) -> int:
    """Return how large the outputs of ``proto`` are, as far as their shapes can be inferred."""
    inferred = onnx.shape_inference.infer_shapes(proto)
    total = 0
    for output in inferred.graph.output:
        tensor = output.type.tensor_type
        if tensor.elem_type == onnx.TensorProto.UNDEFINED:
            continue
        sizes = [dimension.dim_value for dimension in tensor.shape.dim]
        itemsize = math.ceil(ir.DataType(tensor.elem_type).itemsize)
        total += math.prod(sizes) * itemsize
    return total

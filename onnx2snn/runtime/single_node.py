"""Run one node on constant inputs in onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir

from onnx2snn.runtime.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compute", "estimate_nbytes", "single_node_model"]

_SMALL = 1024


def compute(
    proto: onnx.ModelProto, inputs: Sequence[np.ndarray | None]
) -> list[object]:
    """Run a ``single_node_model`` on the inputs it was made for, without optimization."""
    session = open_session(proto, optimized=False, threads=1)
    feeds = {value.name: inputs[int(value.name[1:])] for value in session.get_inputs()}
    results: list[object] = session.run(None, feeds)
    return results


def single_node_model(
    node: ir.Node, inputs: Sequence[np.ndarray | None], opsets: Mapping[str, int]
) -> onnx.ModelProto:
    """Return a model of ``node`` alone; small inputs become initializers, others ``i0 i1 ...``."""
    values: list[ir.Value | None] = []
    fed, initializers = [], []
    for position, (value, data) in enumerate(zip(node.inputs, inputs, strict=True)):
        if value is None or data is None:
            values.append(None)
            continue
        copy = ir.Value(
            name=f"i{position}",
            shape=ir.Shape(data.shape),
            type=ir.TensorType(_dtype(data)),
        )
        values.append(copy)
        if data.nbytes <= _SMALL:
            copy.const_value = ir.tensor(data, name=copy.name)
            initializers.append(copy)
        else:
            fed.append(copy)
    attributes = list(node.attributes.values())
    alone = ir.Node("", node.op_type, values, attributes, num_outputs=len(node.outputs))
    for position, (output, original) in enumerate(
        zip(alone.outputs, node.outputs, strict=True)
    ):
        output.name = f"o{position}" if original.name else ""
    outputs = [output for output in alone.outputs if output.name]
    graph = ir.Graph(
        fed,
        outputs,
        nodes=[alone],
        initializers=initializers,
        opset_imports=dict(opsets),
        name="n",
    )
    return ir.to_proto(ir.Model(graph, ir_version=8))


def _dtype(data: np.ndarray) -> ir.DataType:
    return ir.DataType.from_numpy(data.dtype)


def estimate_nbytes(proto: onnx.ModelProto) -> int:
    """Return how large the outputs of ``proto`` are, as far as their shapes can be inferred."""
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    total = 0
    for output in inferred.graph.output:
        shape = output.type.tensor_type.shape
        element = output.type.tensor_type.elem_type
        if element == onnx.TensorProto.UNDEFINED:
            continue
        size = np.prod([dimension.dim_value for dimension in shape.dim], dtype=object)
        total += int(size) * ir.DataType(element).itemsize.__ceil__()
    return total

"""Convolutions of layers, run in onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.runtime.ort import open_runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.exporting.layers import Convolution

__all__ = ["open_convolution"]


def open_convolution(layer: Convolution) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from an input [N, C, H, W], padded already, to the output; float32."""
    weight = _initializer("weight", layer.weight)
    bias = _initializer("bias", layer.bias)
    channels = layer.weight.shape[1] * layer.groups
    axes = ["N", channels, "H", "W"]
    rows = ir.Value(name="x", type=_FLOAT, shape=ir.Shape(axes))
    node = ir.node(
        "Conv",
        [rows, weight, bias],
        attributes={
            "strides": list(layer.strides),
            "dilations": list(layer.dilations),
            "group": layer.groups,
        },
    )
    (output,) = node.outputs
    output.name = "y"
    output.type = _FLOAT
    graph = ir.Graph(
        [rows],
        [output],
        nodes=[node],
        initializers=[weight, bias],
        opset_imports={"": 17},
        name="convolution",
    )
    run = open_runner(ir.Model(graph, ir_version=8), threads=1)

    def convolve(padded: np.ndarray) -> np.ndarray:
        (result,) = run({"x": np.ascontiguousarray(padded)})
        return result

    return convolve


_FLOAT = ir.TensorType(ir.DataType.FLOAT)


def _initializer(name: str, data: np.ndarray) -> ir.Value:
    tensor = ir.tensor(data.astype(np.float32), name=name)
    shape = ir.Shape(data.shape)
    return ir.Value(name=name, const_value=tensor, type=_FLOAT, shape=shape)

"""DequantizeLinear in NumPy: onnx's reference evaluator has none for opsets before 19."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx.reference.op_run import OpRun

from onnx2snn.graph.quantization import real_numbers

__all__ = ["DequantizeLinear"]


class DequantizeLinear(OpRun):
    """The real numbers that integers stand for."""

    def _run(
        self,
        integers: np.ndarray,
        scale: np.ndarray,
        zero_point: np.ndarray | None = None,
        **attributes: int,
    ) -> tuple[np.ndarray]:
        if zero_point is None:
            zero_point = np.zeros_like(scale)
        if zero_point.size == 1:
            zero_point = zero_point.reshape([])
        axis: int | None = attributes.get("axis", 1)
        if scale.size == 1:
            scale = scale.reshape([])
            axis = None
        result = real_numbers(
            integers,
            scale,
            zero_point,
            axis,
            attributes.get("block_size", 0),
        )
        output_dtype = attributes.get("output_dtype", 0)
        dtype = ir.DataType(output_dtype).numpy() if output_dtype else scale.dtype
        return (result.astype(dtype, copy=False),)

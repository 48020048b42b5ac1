"""NumPy kernels that replace slow ones of onnx's reference evaluator, or that it lacks.

``Gemm`` and ``MatMul`` are not among them: onnx's own are one NumPy product already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.runtime.kernels.convolution import Conv, ConvTranspose
from onnx2snn.runtime.kernels.loop import Loop
from onnx2snn.runtime.kernels.pooling import AveragePool, MaxPool
from onnx2snn.runtime.kernels.quantization import DequantizeLinear

if TYPE_CHECKING:
    from onnx.reference.op_run import OpRun

__all__ = ["KERNELS", "AveragePool", "Conv", "ConvTranspose", "DequantizeLinear", "Loop", "MaxPool"]

KERNELS: tuple[type[OpRun], ...] = (
    Conv,
    ConvTranspose,
    MaxPool,
    AveragePool,
    DequantizeLinear,
    Loop,
)

"""NumPy kernels that replace those of onnx's reference evaluator where it is slow, or wrong.

``Gemm`` and ``MatMul`` are not among them: onnx's own are one NumPy product already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.runtime.kernels.convolution import Conv, ConvTranspose
from onnx2snn.runtime.kernels.fixed import LRN, NonMaxSuppression, Optional, Pad
from onnx2snn.runtime.kernels.loop import Loop, Scan
from onnx2snn.runtime.kernels.pooling import (
    AveragePool,
    GlobalLpPool,
    MaxPool,
    MaxRoiPool,
)
from onnx2snn.runtime.kernels.quantization import DequantizeLinear
from onnx2snn.runtime.kernels.recurrent import GRU, LSTM, RNN
from onnx2snn.runtime.kernels.sampling import GridSample

if TYPE_CHECKING:
    from onnx.reference.op_run import OpRun

__all__ = [
    "GRU",
    "KERNELS",
    "LRN",
    "LSTM",
    "RNN",
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "DequantizeLinear",
    "GlobalLpPool",
    "GridSample",
    "Loop",
    "MaxPool",
    "MaxRoiPool",
    "NonMaxSuppression",
    "Optional",
    "Pad",
    "Scan",
]

KERNELS: tuple[type[OpRun], ...] = (
    Conv,
    ConvTranspose,
    MaxPool,
    AveragePool,
    GlobalLpPool,
    MaxRoiPool,
    LSTM,
    GRU,
    RNN,
    Loop,
    Scan,
    LRN,
    DequantizeLinear,
    NonMaxSuppression,
    Optional,
    Pad,
    GridSample,
)

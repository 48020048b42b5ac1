"""Rows of the operators that are linear in their streams: sums, weights, and sampling."""

from __future__ import annotations

from onnx2snn.analysis.operators.columns import (
    ALL,
    Activation,
    Channel,
    Form,
    Operator,
)
from onnx2snn.analysis.operators.mac_counts import (
    convolution_macs,
    einsum_macs,
    gemm_macs,
    matmul_macs,
    transposed_convolution_macs,
)
from onnx2snn.analysis.operators.over_time_movement import (
    along_axes,
    along_input_axis,
    per_channel,
    resize,
)
from onnx2snn.analysis.operators.over_time_rules import (
    broadcasting,
    einsum,
    gemm,
    matmul,
    normalize_channels,
    rows_of,
    rows_of_all,
)
from onnx2snn.analysis.operators.sign_rules import (
    as_all_inputs,
    as_first_input,
    as_resized_input,
)

__all__ = ["LINEAR"]

_LINEAR = Form.LINEAR
_MULTILINEAR = Form.MULTILINEAR
_BEND = Activation.BEND
_PART = Activation.PART
_SECOND = Channel.SECOND
_LAST = Channel.LAST

LINEAR: dict[str, Operator] = {
    # sums
    "Add": Operator(
        _LINEAR,
        inputs=ALL,
        activation=_PART,
        sign=as_all_inputs,
        over_time=broadcasting,
    ),
    "CumSum": Operator(_LINEAR, over_time=along_input_axis(1)),
    "Mean": Operator(_LINEAR, inputs=ALL, sign=as_all_inputs, over_time=rows_of_all),
    "Neg": Operator(_LINEAR, activation=_PART, over_time=broadcasting),
    "ReduceMean": Operator(
        _LINEAR, sizes=(1,), averages=True, sign=as_first_input, over_time=along_axes(1)
    ),
    "ReduceSum": Operator(
        _LINEAR, sizes=(1,), averages=True, sign=as_first_input, over_time=along_axes(1)
    ),
    "Sub": Operator(_LINEAR, inputs=ALL, activation=_PART, over_time=broadcasting),
    "Sum": Operator(
        _LINEAR,
        inputs=ALL,
        activation=_PART,
        sign=as_all_inputs,
        over_time=broadcasting,
    ),
    # weights
    "AffineGrid": Operator(_LINEAR, sizes=(1,)),
    "AveragePool": Operator(
        _LINEAR, channel=_SECOND, sign=as_first_input, over_time=rows_of(0)
    ),
    "BatchNormalization": Operator(
        _LINEAR,
        inputs=(0, 2, 3),
        only={"training_mode": (0,)},
        channel=_SECOND,
        over_time=normalize_channels,
    ),
    "CausalConvWithState": Operator(
        _LINEAR, inputs=(0, 2, 3), only={"activation": ("none",)}, macs=convolution_macs
    ),
    "Conv": Operator(
        _MULTILINEAR,
        inputs=(0, 1),
        bias=(2,),
        channel=_SECOND,
        macs=convolution_macs,
        over_time=rows_of(0),
    ),
    "ConvTranspose": Operator(
        _MULTILINEAR,
        inputs=(0, 1),
        bias=(2,),
        channel=_SECOND,
        macs=transposed_convolution_macs,
        over_time=rows_of(0),
    ),
    "DFT": Operator(_LINEAR, sizes=(1,)),
    "DeformConv": Operator(
        _MULTILINEAR,
        inputs=(0, 1, 4),
        bias=(3,),
        macs=convolution_macs,
        over_time=rows_of(0, 2, 4),
    ),
    "DequantizeLinear": Operator(_LINEAR, over_time=per_channel),
    "Div": Operator(_LINEAR, activation=_BEND, over_time=broadcasting),
    "Einsum": Operator(_MULTILINEAR, inputs=ALL, macs=einsum_macs, over_time=einsum),
    "Gemm": Operator(
        _MULTILINEAR, inputs=(0, 1), bias=(2,), macs=gemm_macs, over_time=gemm
    ),
    "GlobalAveragePool": Operator(
        _LINEAR,
        averages=True,
        channel=_SECOND,
        sign=as_first_input,
        over_time=rows_of(0),
    ),
    "MatMul": Operator(
        _MULTILINEAR, inputs=(0, 1), channel=_LAST, macs=matmul_macs, over_time=matmul
    ),
    "Mul": Operator(
        _MULTILINEAR,
        inputs=(0, 1),
        activation=_PART,
        sign=as_all_inputs,
        over_time=broadcasting,
    ),
    "RotaryEmbedding": Operator(_LINEAR),
    "STFT": Operator(_MULTILINEAR, inputs=(0, 2), sizes=(1, 3)),
    # sampling at positions that do not depend on the values
    "Col2Im": Operator(_LINEAR, sizes=(1, 2), over_time=rows_of(0)),
    "GridSample": Operator(_LINEAR, over_time=rows_of(0, 1)),
    "Resize": Operator(
        _LINEAR,
        selects={"mode": ("nearest",)},
        sizes=(1, 2, 3),
        channel=_SECOND,
        sign=as_resized_input,
        over_time=resize,
    ),
    "RoiAlign": Operator(_LINEAR, only={"mode": ("avg",)}),
    "Upsample": Operator(
        _LINEAR, selects={"mode": ("nearest",)}, sizes=(1,), channel=_SECOND
    ),
}
"""Operator type of the default domain to its row."""

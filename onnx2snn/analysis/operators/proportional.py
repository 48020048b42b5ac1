"""Rows of the operators that are linear in their streams, or grow with them."""

from __future__ import annotations

from onnx2snn.analysis.operators.columns import (
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
from onnx2snn.analysis.operators.sign_rules import (
    as_all_inputs,
    as_any_input,
    as_first_input,
    as_lower_bound,
    as_padded_input,
    as_resized_input,
    as_selected_inputs,
    never_negative,
)

__all__ = ["PROPORTIONAL"]

_LINEAR = Form.LINEAR
_MULTILINEAR = Form.MULTILINEAR
_MAX_LIKE = Form.MAX_LIKE
_WHOLE = Activation.WHOLE
_BEND = Activation.BEND
_PART = Activation.PART
_SECOND = Channel.SECOND
_LAST = Channel.LAST
_PERMUTED = Channel.PERMUTED

_ALL = None
"""Positions of inputs where every one may be a stream."""

_ALWAYS: dict[str, tuple[object, ...]] = {}
"""Choices of no attribute: the operator selects whatever its attributes are."""

PROPORTIONAL: dict[str, Operator] = {
    # sums
    "Add": Operator(_LINEAR, inputs=_ALL, activation=_PART, sign=as_all_inputs),
    "CumSum": Operator(_LINEAR),
    "Mean": Operator(_LINEAR, inputs=_ALL, sign=as_all_inputs),
    "Neg": Operator(_LINEAR, activation=_PART),
    "ReduceMean": Operator(_LINEAR, sizes=(1,), averages=True, sign=as_first_input),
    "ReduceSum": Operator(_LINEAR, sizes=(1,), averages=True, sign=as_first_input),
    "Sub": Operator(_LINEAR, inputs=_ALL, activation=_PART),
    "Sum": Operator(_LINEAR, inputs=_ALL, activation=_PART, sign=as_all_inputs),
    # weights
    "AffineGrid": Operator(_LINEAR, sizes=(1,)),
    "AveragePool": Operator(_LINEAR, channel=_SECOND, sign=as_first_input),
    "BatchNormalization": Operator(
        _LINEAR, inputs=(0, 2, 3), only={"training_mode": (0,)}, channel=_SECOND
    ),
    "CausalConvWithState": Operator(
        _LINEAR, inputs=(0, 2, 3), only={"activation": ("none",)}, macs=convolution_macs
    ),
    "Conv": Operator(
        _MULTILINEAR, inputs=(0, 1), bias=(2,), channel=_SECOND, macs=convolution_macs
    ),
    "ConvTranspose": Operator(
        _MULTILINEAR,
        inputs=(0, 1),
        bias=(2,),
        channel=_SECOND,
        macs=transposed_convolution_macs,
    ),
    "DFT": Operator(_LINEAR, sizes=(1,)),
    "DeformConv": Operator(
        _MULTILINEAR, inputs=(0, 1, 4), bias=(3,), macs=convolution_macs
    ),
    "DequantizeLinear": Operator(_LINEAR),
    "Div": Operator(_LINEAR, activation=_BEND),
    "Einsum": Operator(_MULTILINEAR, inputs=_ALL, macs=einsum_macs),
    "Gemm": Operator(_MULTILINEAR, inputs=(0, 1), bias=(2,), macs=gemm_macs),
    "GlobalAveragePool": Operator(
        _LINEAR, averages=True, channel=_SECOND, sign=as_first_input
    ),
    "MatMul": Operator(_MULTILINEAR, inputs=(0, 1), channel=_LAST, macs=matmul_macs),
    "Mul": Operator(_MULTILINEAR, inputs=(0, 1), activation=_PART, sign=as_all_inputs),
    "RotaryEmbedding": Operator(_LINEAR),
    "STFT": Operator(_MULTILINEAR, inputs=(0, 2), sizes=(1, 3)),
    # sampling at positions that do not depend on the values
    "Col2Im": Operator(_LINEAR, sizes=(1, 2)),
    "GridSample": Operator(_LINEAR),
    "Resize": Operator(
        _LINEAR,
        selects={"mode": ("nearest",)},
        sizes=(1, 2, 3),
        channel=_SECOND,
        sign=as_resized_input,
    ),
    "RoiAlign": Operator(_LINEAR, only={"mode": ("avg",)}),
    "Upsample": Operator(
        _LINEAR, selects={"mode": ("nearest",)}, sizes=(1,), channel=_SECOND
    ),
    # moving elements
    "Cast": Operator(_LINEAR, selects=_ALWAYS, activation=_PART, sign=as_first_input),
    "CastLike": Operator(_LINEAR, selects=_ALWAYS),
    "CenterCropPad": Operator(_LINEAR, selects=_ALWAYS, sizes=(1,)),
    "Compress": Operator(_LINEAR, selects=_ALWAYS, sizes=(1,)),
    "Concat": Operator(_LINEAR, inputs=_ALL, selects=_ALWAYS, sign=as_all_inputs),
    "DepthToSpace": Operator(
        _LINEAR, selects=_ALWAYS, channel=_SECOND, sign=as_first_input
    ),
    "Dropout": Operator(_LINEAR, selects=_ALWAYS, sign=as_first_input),
    "Expand": Operator(_LINEAR, selects=_ALWAYS, sizes=(1,), sign=as_first_input),
    "Flatten": Operator(_LINEAR, selects=_ALWAYS, rearranges=True, sign=as_first_input),
    "Gather": Operator(_LINEAR, selects=_ALWAYS, sign=as_first_input),
    "GatherElements": Operator(_LINEAR, selects=_ALWAYS, sign=as_first_input),
    "GatherND": Operator(_LINEAR, selects=_ALWAYS, sign=as_first_input),
    "Identity": Operator(
        _LINEAR, selects=_ALWAYS, rearranges=True, activation=_PART, sign=as_first_input
    ),
    "MaxUnpool": Operator(_LINEAR, selects=_ALWAYS, sizes=(2,)),
    "OneHot": Operator(_LINEAR, inputs=(2,), selects=_ALWAYS, sizes=(1,)),
    "Pad": Operator(
        _LINEAR, inputs=(0, 2), selects=_ALWAYS, sizes=(1, 3), sign=as_padded_input
    ),
    "Reshape": Operator(
        _LINEAR, selects=_ALWAYS, sizes=(1,), rearranges=True, sign=as_first_input
    ),
    "ReverseSequence": Operator(_LINEAR, selects=_ALWAYS),
    "Scatter": Operator(_LINEAR, inputs=(0, 2), selects=_ALWAYS),
    "ScatterElements": Operator(
        _LINEAR,
        inputs=(0, 2),
        only={"reduction": ("none", "add")},
        selects={"reduction": ("none",)},
    ),
    "ScatterND": Operator(
        _LINEAR,
        inputs=(0, 2),
        only={"reduction": ("none", "add")},
        selects={"reduction": ("none",)},
    ),
    "Slice": Operator(
        _LINEAR, selects=_ALWAYS, sizes=(1, 2, 3, 4), sign=as_first_input
    ),
    "SpaceToDepth": Operator(
        _LINEAR, selects=_ALWAYS, channel=_SECOND, sign=as_first_input
    ),
    "Split": Operator(_LINEAR, selects=_ALWAYS, sizes=(1,), sign=as_first_input),
    "Squeeze": Operator(
        _LINEAR, selects=_ALWAYS, sizes=(1,), rearranges=True, sign=as_first_input
    ),
    "TensorScatter": Operator(_LINEAR, inputs=(0, 1), selects=_ALWAYS),
    "Tile": Operator(_LINEAR, selects=_ALWAYS, sizes=(1,), sign=as_first_input),
    "Transpose": Operator(
        _LINEAR,
        selects=_ALWAYS,
        rearranges=True,
        channel=_PERMUTED,
        sign=as_first_input,
    ),
    "Trilu": Operator(_LINEAR, selects=_ALWAYS),
    "Unsqueeze": Operator(
        _LINEAR, selects=_ALWAYS, sizes=(1,), rearranges=True, sign=as_first_input
    ),
    "Where": Operator(
        _LINEAR,
        inputs=(1, 2),
        selects=_ALWAYS,
        activation=_BEND,
        sign=as_selected_inputs,
    ),
    # maxima and norms; bounds grow with the sums they are compared with
    "Abs": Operator(_MAX_LIKE, activation=_PART, sign=never_negative),
    "Clip": Operator(
        _MAX_LIKE,
        inputs=(0, 1, 2),
        selects=_ALWAYS,
        activation=_WHOLE,
        sign=as_lower_bound,
    ),
    "GlobalLpPool": Operator(_MAX_LIKE, averages=True),
    "GlobalMaxPool": Operator(
        _MAX_LIKE, selects=_ALWAYS, channel=_SECOND, sign=as_first_input
    ),
    "LeakyRelu": Operator(_MAX_LIKE, activation=_WHOLE, sign=as_first_input),
    "LpPool": Operator(_MAX_LIKE),
    "Max": Operator(
        _MAX_LIKE, inputs=_ALL, selects=_ALWAYS, activation=_BEND, sign=as_any_input
    ),
    "MaxPool": Operator(
        _MAX_LIKE, selects=_ALWAYS, channel=_SECOND, sign=as_first_input
    ),
    "MaxRoiPool": Operator(_MAX_LIKE, selects=_ALWAYS),
    "Min": Operator(
        _MAX_LIKE, inputs=_ALL, selects=_ALWAYS, activation=_BEND, sign=as_all_inputs
    ),
    "PRelu": Operator(_MAX_LIKE, activation=_WHOLE),
    "ReduceL1": Operator(_MAX_LIKE, sizes=(1,), sign=never_negative),
    "ReduceL2": Operator(_MAX_LIKE, sizes=(1,), sign=never_negative),
    "ReduceMax": Operator(_MAX_LIKE, selects=_ALWAYS, sizes=(1,), sign=as_first_input),
    "ReduceMin": Operator(_MAX_LIKE, selects=_ALWAYS, sizes=(1,), sign=as_first_input),
    "Relu": Operator(
        _MAX_LIKE, selects=_ALWAYS, activation=_WHOLE, sign=never_negative
    ),
    "TopK": Operator(_MAX_LIKE, selects=_ALWAYS, sizes=(1,)),
}
"""Operator type of the default domain to its row."""

"""Rows of the operators that are computed on running means, or on no streams at all."""

from __future__ import annotations

from onnx2snn.analysis.operators.columns import (
    Activation,
    Channel,
    Form,
    Operator,
)
from onnx2snn.analysis.operators.mac_counts import (
    count_elements,
    count_one_turn,
    count_scan_turns,
    count_trips,
    recurrent_macs,
)
from onnx2snn.analysis.operators.over_time_movement import (
    along_axes,
    along_axis,
    along_input_axis,
    behind_matrices,
    normalize_layer,
    per_channel,
)
from onnx2snn.analysis.operators.over_time_rules import (
    broadcasting,
    rows_of,
)
from onnx2snn.analysis.operators.sign_rules import never_negative

__all__ = ["ANALOG"]

_WHOLE = Activation.WHOLE
_BEND = Activation.BEND
_PART = Activation.PART

_ANALOG = Operator(Form.ANALOG)
_POINTWISE = Operator(Form.ANALOG, over_time=broadcasting)
_ACTIVATION = Operator(Form.ANALOG, activation=Activation.WHOLE, over_time=broadcasting)
_SHAPE = Operator(Form.SHAPE)
_RANDOM = Operator(
    Form.REFUSED,
    draws_numbers=True,
    reason="draws other numbers in each step, so that their mean is no draw; take it out of the "
    "network, or feed what it draws as an input",
)
_STRINGS = Operator(
    Form.REFUSED,
    reason="strings have no mean; keep them in front of the first neurons, or behind the last",
)
_FILE = Operator(
    Form.REFUSED,
    reason="a file has no mean; decode it outside of the network",
)

ANALOG: dict[str, Operator] = {
    # shapes
    "EyeLike": _SHAPE,
    "Shape": _SHAPE,
    "Size": _SHAPE,
    # element by element
    "Acos": _POINTWISE,
    "Acosh": _POINTWISE,
    "Asin": _POINTWISE,
    "Asinh": _POINTWISE,
    "Atan": Operator(Form.ANALOG, activation=_BEND, over_time=broadcasting),
    "Atanh": _POINTWISE,
    "BitCast": _POINTWISE,
    "BitShift": _POINTWISE,
    "BitwiseAnd": _POINTWISE,
    "BitwiseNot": _POINTWISE,
    "BitwiseOr": _POINTWISE,
    "BitwiseXor": _POINTWISE,
    "Ceil": _POINTWISE,
    "Celu": _ACTIVATION,
    "Cos": _POINTWISE,
    "Cosh": _POINTWISE,
    "Elu": _ACTIVATION,
    "Erf": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Exp": Operator(
        Form.ANALOG, activation=_BEND, sign=never_negative, over_time=broadcasting
    ),
    "Floor": _POINTWISE,
    "Gelu": _ACTIVATION,
    "HardSigmoid": Operator(
        Form.ANALOG, activation=_WHOLE, sign=never_negative, over_time=broadcasting
    ),
    "HardSwish": _ACTIVATION,
    "Log": Operator(Form.ANALOG, activation=_BEND, over_time=broadcasting),
    "Mish": _ACTIVATION,
    "Mod": _POINTWISE,
    "Pow": Operator(Form.ANALOG, activation=_BEND, over_time=broadcasting),
    "Reciprocal": Operator(Form.ANALOG, activation=_BEND, over_time=broadcasting),
    "Round": _POINTWISE,
    "Selu": _ACTIVATION,
    "Shrink": _POINTWISE,
    "Sigmoid": Operator(
        Form.ANALOG, activation=_WHOLE, sign=never_negative, over_time=broadcasting
    ),
    "Sign": Operator(Form.ANALOG, activation=_BEND, over_time=broadcasting),
    "Sin": _POINTWISE,
    "Sinh": _POINTWISE,
    "Softplus": Operator(
        Form.ANALOG, activation=_WHOLE, sign=never_negative, over_time=broadcasting
    ),
    "Softsign": _ACTIVATION,
    "Sqrt": Operator(
        Form.ANALOG, activation=_BEND, sign=never_negative, over_time=broadcasting
    ),
    "SwiGLU": Operator(Form.ANALOG, activation=_WHOLE),
    "Swish": _ACTIVATION,
    "Tan": _POINTWISE,
    "Tanh": _ACTIVATION,
    "ThresholdedRelu": _ACTIVATION,
    # truths
    "And": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Equal": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Greater": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "GreaterOrEqual": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "IsInf": _POINTWISE,
    "IsNaN": _POINTWISE,
    "Less": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "LessOrEqual": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Not": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Or": Operator(Form.ANALOG, activation=_PART, over_time=broadcasting),
    "Xor": _POINTWISE,
    # over many elements
    "ArgMax": Operator(Form.ANALOG, over_time=along_axis(0)),
    "ArgMin": Operator(Form.ANALOG, over_time=along_axis(0)),
    "Attention": _ANALOG,
    "CumProd": Operator(Form.ANALOG, over_time=along_input_axis(1)),
    "Det": Operator(Form.ANALOG, over_time=behind_matrices),
    "GroupNormalization": Operator(
        Form.ANALOG, channel=Channel.SECOND, over_time=rows_of(0)
    ),
    "Hardmax": Operator(Form.ANALOG, over_time=along_axis(-1)),
    "InstanceNormalization": Operator(
        Form.ANALOG, channel=Channel.SECOND, over_time=rows_of(0)
    ),
    "LRN": Operator(Form.ANALOG, channel=Channel.SECOND, over_time=rows_of(0)),
    "LayerNormalization": Operator(Form.ANALOG, over_time=normalize_layer),
    "LinearAttention": _ANALOG,
    "LogSoftmax": Operator(Form.ANALOG, over_time=along_axis(-1)),
    "LpNormalization": Operator(Form.ANALOG, over_time=along_axis(-1)),
    "MeanVarianceNormalization": Operator(
        Form.ANALOG, over_time=along_axes(1, [0, 2, 3])
    ),
    "NegativeLogLikelihoodLoss": _ANALOG,
    "NonMaxSuppression": Operator(Form.ANALOG, sizes=(0, 1, 2, 3, 4)),
    "NonZero": Operator(Form.ANALOG, sizes=(0,)),
    "RMSNormalization": Operator(Form.ANALOG, over_time=normalize_layer),
    "ReduceLogSum": Operator(Form.ANALOG, sizes=(1,), over_time=along_axes(1)),
    "ReduceLogSumExp": Operator(Form.ANALOG, sizes=(1,), over_time=along_axes(1)),
    "ReduceProd": Operator(Form.ANALOG, sizes=(1,), over_time=along_axes(1)),
    "ReduceSumSquare": Operator(
        Form.ANALOG, sizes=(1,), sign=never_negative, over_time=along_axes(1)
    ),
    "Softmax": Operator(Form.ANALOG, sign=never_negative, over_time=along_axis(-1)),
    "SoftmaxCrossEntropyLoss": _ANALOG,
    "TfIdfVectorizer": _ANALOG,
    "Unique": Operator(Form.ANALOG, sizes=(0,)),
    # made of a few numbers
    "BlackmanWindow": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "Constant": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "ConstantOfShape": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "HammingWindow": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "HannWindow": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "MelWeightMatrix": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    "Range": Operator(Form.ANALOG, sizes=(0, 1, 2)),
    # integers
    "ConvInteger": Operator(Form.ANALOG, over_time=rows_of(0)),
    "DynamicQuantizeLinear": _ANALOG,
    "MatMulInteger": _ANALOG,
    "QLinearConv": Operator(Form.ANALOG, over_time=rows_of(0)),
    "QLinearMatMul": _ANALOG,
    "QuantizeLinear": Operator(Form.ANALOG, over_time=per_channel),
    # sequences
    "ConcatFromSequence": _ANALOG,
    "Optional": _ANALOG,
    "OptionalGetElement": _ANALOG,
    "OptionalHasElement": _ANALOG,
    "SequenceAt": Operator(Form.ANALOG, sizes=(1,)),
    "SequenceConstruct": _ANALOG,
    "SequenceEmpty": _ANALOG,
    "SequenceErase": Operator(Form.ANALOG, sizes=(1,)),
    "SequenceInsert": Operator(Form.ANALOG, sizes=(2,)),
    "SequenceLength": _ANALOG,
    "SplitToSequence": Operator(Form.ANALOG, sizes=(1,)),
    # networks in a node
    "GRU": Operator(Form.RECURRENT, channel=Channel.LAST, macs=recurrent_macs),
    "If": Operator(Form.CONTROL, sizes=(0,), turns=count_one_turn),
    "LSTM": Operator(Form.RECURRENT, channel=Channel.LAST, macs=recurrent_macs),
    "Loop": Operator(Form.CONTROL, sizes=(0, 1), turns=count_trips),
    "RNN": Operator(Form.RECURRENT, channel=Channel.LAST, macs=recurrent_macs),
    "Scan": Operator(Form.CONTROL, turns=count_scan_turns),
    "SequenceMap": Operator(Form.CONTROL, turns=count_elements),
    # what has no mean
    "Bernoulli": _RANDOM,
    "ImageDecoder": _FILE,
    "Multinomial": _RANDOM,
    "RandomNormal": _RANDOM,
    "RandomNormalLike": _RANDOM,
    "RandomUniform": _RANDOM,
    "RandomUniformLike": _RANDOM,
    "RegexFullMatch": _STRINGS,
    "StringConcat": _STRINGS,
    "StringNormalizer": _STRINGS,
    "StringSplit": _STRINGS,
}
"""Operator type of the default domain to its row."""

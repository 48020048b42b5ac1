"""Rows of the operators that are computed on running means, or on no streams at all."""

from __future__ import annotations

import dataclasses

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

_ANALOG = Operator(Form.ANALOG)
_POINTWISE = Operator(Form.ANALOG, over_time=broadcasting)
_ACTIVATION = Operator(
    Form.ANALOG,
    activation=Activation.WHOLE,
    over_time=broadcasting,
)
_BEND = Operator(
    Form.ANALOG,
    activation=Activation.BEND,
    over_time=broadcasting,
)
_PART = Operator(
    Form.ANALOG,
    activation=Activation.PART,
    over_time=broadcasting,
)
_POSITIVE_ACTIVATION = dataclasses.replace(_ACTIVATION, sign=never_negative)
_POSITIVE_BEND = dataclasses.replace(_BEND, sign=never_negative)
_ALONG_AXIS = Operator(Form.ANALOG, over_time=along_axis(-1))
_LARGEST = Operator(Form.ANALOG, over_time=along_axis(0))
_SUM = Operator(Form.ANALOG, sizes=(1,), over_time=along_axes(1))
_CHANNELS = Operator(
    Form.ANALOG,
    channel=Channel.SECOND,
    over_time=rows_of(0),
)
_LAYER = Operator(Form.ANALOG, over_time=normalize_layer)
_CONVOLUTION = Operator(Form.ANALOG, over_time=rows_of(0))
_FEW_NUMBERS = Operator(Form.ANALOG, sizes=(0, 1, 2))
_ELEMENTS = Operator(Form.ANALOG, sizes=(0,))
_SEQUENCE = Operator(Form.ANALOG, sizes=(1,))
_RECURRENT = Operator(
    Form.RECURRENT,
    channel=Channel.LAST,
    macs=recurrent_macs,
)
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
    "Atan": _BEND,
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
    "Erf": _PART,
    "Exp": _POSITIVE_BEND,
    "Floor": _POINTWISE,
    "Gelu": _ACTIVATION,
    "HardSigmoid": _POSITIVE_ACTIVATION,
    "HardSwish": _ACTIVATION,
    "Log": _BEND,
    "Mish": _ACTIVATION,
    "Mod": _POINTWISE,
    "Pow": _BEND,
    "Reciprocal": _BEND,
    "Round": _POINTWISE,
    "Selu": _ACTIVATION,
    "Shrink": _ACTIVATION,
    "Sigmoid": _POSITIVE_ACTIVATION,
    "Sign": _BEND,
    "Sin": _POINTWISE,
    "Sinh": _POINTWISE,
    "Softplus": _POSITIVE_ACTIVATION,
    "Softsign": _ACTIVATION,
    "Sqrt": _POSITIVE_BEND,
    "SwiGLU": Operator(Form.ANALOG, activation=Activation.WHOLE),
    "Swish": _ACTIVATION,
    "Tan": _POINTWISE,
    "Tanh": _ACTIVATION,
    "ThresholdedRelu": _ACTIVATION,
    # truths
    "And": _PART,
    "Equal": _PART,
    "Greater": _PART,
    "GreaterOrEqual": _PART,
    "IsInf": _POINTWISE,
    "IsNaN": _POINTWISE,
    "Less": _PART,
    "LessOrEqual": _PART,
    "Not": _PART,
    "Or": _PART,
    "Xor": _PART,
    # over many elements
    "ArgMax": _LARGEST,
    "ArgMin": _LARGEST,
    "Attention": _ANALOG,
    "CumProd": Operator(Form.ANALOG, over_time=along_input_axis(1)),
    "Det": Operator(Form.ANALOG, over_time=behind_matrices),
    "GroupNormalization": _CHANNELS,
    "Hardmax": _ALONG_AXIS,
    "InstanceNormalization": _CHANNELS,
    "LRN": _CHANNELS,
    "LayerNormalization": _LAYER,
    "LinearAttention": _ANALOG,
    "LogSoftmax": _ALONG_AXIS,
    "LpNormalization": _ALONG_AXIS,
    "MeanVarianceNormalization": Operator(
        Form.ANALOG, over_time=along_axes(1, [0, 2, 3])
    ),
    "NegativeLogLikelihoodLoss": _ANALOG,
    "NonMaxSuppression": Operator(Form.ANALOG, sizes=(0, 1, 2, 3, 4)),
    "NonZero": _ELEMENTS,
    "RMSNormalization": _LAYER,
    "ReduceLogSum": _SUM,
    "ReduceLogSumExp": _SUM,
    "ReduceProd": _SUM,
    "ReduceSumSquare": dataclasses.replace(_SUM, sign=never_negative),
    "Softmax": dataclasses.replace(_ALONG_AXIS, sign=never_negative),
    "SoftmaxCrossEntropyLoss": _ANALOG,
    "TfIdfVectorizer": _ANALOG,
    "Unique": _ELEMENTS,
    # made of a few numbers
    "BlackmanWindow": _FEW_NUMBERS,
    "Constant": _FEW_NUMBERS,
    "ConstantOfShape": _FEW_NUMBERS,
    "HammingWindow": _FEW_NUMBERS,
    "HannWindow": _FEW_NUMBERS,
    "MelWeightMatrix": _FEW_NUMBERS,
    "Range": _FEW_NUMBERS,
    # integers
    "ConvInteger": _CONVOLUTION,
    "DynamicQuantizeLinear": _ANALOG,
    "MatMulInteger": _ANALOG,
    "QLinearConv": _CONVOLUTION,
    "QLinearMatMul": _ANALOG,
    "QuantizeLinear": Operator(Form.ANALOG, over_time=per_channel),
    # sequences
    "ConcatFromSequence": _ANALOG,
    "Optional": _ANALOG,
    "OptionalGetElement": _ANALOG,
    "OptionalHasElement": _ANALOG,
    "SequenceAt": _SEQUENCE,
    "SequenceConstruct": _ANALOG,
    "SequenceEmpty": _ANALOG,
    "SequenceErase": _SEQUENCE,
    "SequenceInsert": Operator(Form.ANALOG, sizes=(2,)),
    "SequenceLength": _ANALOG,
    "SplitToSequence": _SEQUENCE,
    # networks in a node
    "GRU": _RECURRENT,
    "If": Operator(Form.CONTROL, sizes=(0,), turns=count_one_turn),
    "LSTM": _RECURRENT,
    "Loop": Operator(Form.CONTROL, sizes=(0, 1), turns=count_trips),
    "RNN": _RECURRENT,
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

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
from onnx2snn.analysis.operators.sign_rules import never_negative

__all__ = ["ANALOG"]

_WHOLE = Activation.WHOLE
_BEND = Activation.BEND
_PART = Activation.PART

_ANALOG = Operator(Form.ANALOG)
_ACTIVATION = Operator(Form.ANALOG, activation=Activation.WHOLE)
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
    "Acos": _ANALOG,
    "Acosh": _ANALOG,
    "Asin": _ANALOG,
    "Asinh": _ANALOG,
    "Atan": Operator(Form.ANALOG, activation=_BEND),
    "Atanh": _ANALOG,
    "BitCast": _ANALOG,
    "BitShift": _ANALOG,
    "BitwiseAnd": _ANALOG,
    "BitwiseNot": _ANALOG,
    "BitwiseOr": _ANALOG,
    "BitwiseXor": _ANALOG,
    "Ceil": _ANALOG,
    "Celu": _ACTIVATION,
    "Cos": _ANALOG,
    "Cosh": _ANALOG,
    "Elu": _ACTIVATION,
    "Erf": Operator(Form.ANALOG, activation=_PART),
    "Exp": Operator(Form.ANALOG, activation=_BEND, sign=never_negative),
    "Floor": _ANALOG,
    "Gelu": _ACTIVATION,
    "HardSigmoid": Operator(Form.ANALOG, activation=_WHOLE, sign=never_negative),
    "HardSwish": _ACTIVATION,
    "Log": Operator(Form.ANALOG, activation=_BEND),
    "Mish": _ACTIVATION,
    "Mod": _ANALOG,
    "Pow": Operator(Form.ANALOG, activation=_BEND),
    "Reciprocal": Operator(Form.ANALOG, activation=_BEND),
    "Round": _ANALOG,
    "Selu": _ACTIVATION,
    "Shrink": _ANALOG,
    "Sigmoid": Operator(Form.ANALOG, activation=_WHOLE, sign=never_negative),
    "Sign": Operator(Form.ANALOG, activation=_BEND),
    "Sin": _ANALOG,
    "Sinh": _ANALOG,
    "Softplus": Operator(Form.ANALOG, activation=_WHOLE, sign=never_negative),
    "Softsign": _ACTIVATION,
    "Sqrt": Operator(Form.ANALOG, activation=_BEND, sign=never_negative),
    "SwiGLU": _ACTIVATION,
    "Swish": _ACTIVATION,
    "Tan": _ANALOG,
    "Tanh": _ACTIVATION,
    "ThresholdedRelu": _ACTIVATION,
    # truths
    "And": Operator(Form.ANALOG, activation=_PART),
    "Equal": Operator(Form.ANALOG, activation=_PART),
    "Greater": Operator(Form.ANALOG, activation=_PART),
    "GreaterOrEqual": Operator(Form.ANALOG, activation=_PART),
    "IsInf": _ANALOG,
    "IsNaN": _ANALOG,
    "Less": Operator(Form.ANALOG, activation=_PART),
    "LessOrEqual": Operator(Form.ANALOG, activation=_PART),
    "Not": Operator(Form.ANALOG, activation=_PART),
    "Or": Operator(Form.ANALOG, activation=_PART),
    "Xor": _ANALOG,
    # over many elements
    "ArgMax": _ANALOG,
    "ArgMin": _ANALOG,
    "Attention": _ANALOG,
    "CumProd": _ANALOG,
    "Det": _ANALOG,
    "GroupNormalization": Operator(Form.ANALOG, channel=Channel.SECOND),
    "Hardmax": _ANALOG,
    "InstanceNormalization": Operator(Form.ANALOG, channel=Channel.SECOND),
    "LRN": Operator(Form.ANALOG, channel=Channel.SECOND),
    "LayerNormalization": _ANALOG,
    "LinearAttention": _ANALOG,
    "LogSoftmax": _ANALOG,
    "LpNormalization": _ANALOG,
    "MeanVarianceNormalization": _ANALOG,
    "NegativeLogLikelihoodLoss": _ANALOG,
    "NonMaxSuppression": Operator(Form.ANALOG, sizes=(0, 1, 2, 3, 4)),
    "NonZero": Operator(Form.ANALOG, sizes=(0,)),
    "RMSNormalization": _ANALOG,
    "ReduceLogSum": Operator(Form.ANALOG, sizes=(1,)),
    "ReduceLogSumExp": Operator(Form.ANALOG, sizes=(1,)),
    "ReduceProd": Operator(Form.ANALOG, sizes=(1,)),
    "ReduceSumSquare": Operator(Form.ANALOG, sizes=(1,), sign=never_negative),
    "Softmax": Operator(Form.ANALOG, sign=never_negative),
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
    "ConvInteger": _ANALOG,
    "DynamicQuantizeLinear": _ANALOG,
    "MatMulInteger": _ANALOG,
    "QLinearConv": _ANALOG,
    "QLinearMatMul": _ANALOG,
    "QuantizeLinear": _ANALOG,
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

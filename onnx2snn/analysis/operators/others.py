"""Rows of the operators that are computed on running means, or on no streams at all."""

from __future__ import annotations

from onnx2snn.analysis.operators.columns import (
    Activation,
    Channel,
    Form,
    Operator,
)
from onnx2snn.analysis.operators.mac_counts import (
    count_one_turn,
    count_scan_turns,
    count_trips,
    recurrent_macs,
)
from onnx2snn.analysis.operators.sign_rules import never_negative

__all__ = ["OTHERS"]

_SHAPE = Form.SHAPE
_ANALOG = Form.ANALOG
_RECURRENT = Form.RECURRENT
_CONTROL = Form.CONTROL
_REFUSED = Form.REFUSED
_WHOLE = Activation.WHOLE
_BEND = Activation.BEND
_PART = Activation.PART
_SECOND = Channel.SECOND
_LAST = Channel.LAST

_RANDOM = (
    "draws other numbers in each step, so that their mean is no draw; take it out of the network, "
    "or feed what it draws as an input"
)
_STRINGS = (
    "strings have no mean; keep them in front of the first neurons, or behind the last"
)
_FILE = "a file has no mean; decode it outside of the network"

OTHERS: dict[str, Operator] = {
    # shapes
    "EyeLike": Operator(_SHAPE),
    "Shape": Operator(_SHAPE),
    "Size": Operator(_SHAPE),
    # element by element
    "Acos": Operator(_ANALOG),
    "Acosh": Operator(_ANALOG),
    "Asin": Operator(_ANALOG),
    "Asinh": Operator(_ANALOG),
    "Atan": Operator(_ANALOG, activation=_BEND),
    "Atanh": Operator(_ANALOG),
    "BitCast": Operator(_ANALOG),
    "BitShift": Operator(_ANALOG),
    "BitwiseAnd": Operator(_ANALOG),
    "BitwiseNot": Operator(_ANALOG),
    "BitwiseOr": Operator(_ANALOG),
    "BitwiseXor": Operator(_ANALOG),
    "Ceil": Operator(_ANALOG),
    "Celu": Operator(_ANALOG, activation=_WHOLE),
    "Cos": Operator(_ANALOG),
    "Cosh": Operator(_ANALOG),
    "Elu": Operator(_ANALOG, activation=_WHOLE),
    "Erf": Operator(_ANALOG, activation=_PART),
    "Exp": Operator(_ANALOG, activation=_BEND, sign=never_negative),
    "Floor": Operator(_ANALOG),
    "Gelu": Operator(_ANALOG, activation=_WHOLE),
    "HardSigmoid": Operator(_ANALOG, activation=_WHOLE, sign=never_negative),
    "HardSwish": Operator(_ANALOG, activation=_WHOLE),
    "Log": Operator(_ANALOG, activation=_BEND),
    "Mish": Operator(_ANALOG, activation=_WHOLE),
    "Mod": Operator(_ANALOG),
    "Pow": Operator(_ANALOG, activation=_BEND),
    "Reciprocal": Operator(_ANALOG, activation=_BEND),
    "Round": Operator(_ANALOG),
    "Selu": Operator(_ANALOG, activation=_WHOLE),
    "Shrink": Operator(_ANALOG),
    "Sigmoid": Operator(_ANALOG, activation=_WHOLE, sign=never_negative),
    "Sign": Operator(_ANALOG, activation=_BEND),
    "Sin": Operator(_ANALOG),
    "Sinh": Operator(_ANALOG),
    "Softplus": Operator(_ANALOG, activation=_WHOLE, sign=never_negative),
    "Softsign": Operator(_ANALOG, activation=_WHOLE),
    "Sqrt": Operator(_ANALOG, activation=_BEND, sign=never_negative),
    "SwiGLU": Operator(_ANALOG, activation=_WHOLE),
    "Swish": Operator(_ANALOG, activation=_WHOLE),
    "Tan": Operator(_ANALOG),
    "Tanh": Operator(_ANALOG, activation=_WHOLE),
    "ThresholdedRelu": Operator(_ANALOG, activation=_WHOLE),
    # truths
    "And": Operator(_ANALOG, activation=_PART),
    "Equal": Operator(_ANALOG, activation=_PART),
    "Greater": Operator(_ANALOG, activation=_PART),
    "GreaterOrEqual": Operator(_ANALOG, activation=_PART),
    "IsInf": Operator(_ANALOG),
    "IsNaN": Operator(_ANALOG),
    "Less": Operator(_ANALOG, activation=_PART),
    "LessOrEqual": Operator(_ANALOG, activation=_PART),
    "Not": Operator(_ANALOG, activation=_PART),
    "Or": Operator(_ANALOG, activation=_PART),
    "Xor": Operator(_ANALOG),
    # over many elements
    "ArgMax": Operator(_ANALOG),
    "ArgMin": Operator(_ANALOG),
    "Attention": Operator(_ANALOG),
    "CumProd": Operator(_ANALOG),
    "Det": Operator(_ANALOG),
    "GroupNormalization": Operator(_ANALOG, channel=_SECOND),
    "Hardmax": Operator(_ANALOG),
    "InstanceNormalization": Operator(_ANALOG, channel=_SECOND),
    "LRN": Operator(_ANALOG, channel=_SECOND),
    "LayerNormalization": Operator(_ANALOG),
    "LinearAttention": Operator(_ANALOG),
    "LogSoftmax": Operator(_ANALOG),
    "LpNormalization": Operator(_ANALOG),
    "MeanVarianceNormalization": Operator(_ANALOG),
    "NegativeLogLikelihoodLoss": Operator(_ANALOG),
    "NonMaxSuppression": Operator(_ANALOG, sizes=(0, 1, 2, 3, 4)),
    "NonZero": Operator(_ANALOG, sizes=(0,)),
    "RMSNormalization": Operator(_ANALOG),
    "ReduceLogSum": Operator(_ANALOG, sizes=(1,)),
    "ReduceLogSumExp": Operator(_ANALOG, sizes=(1,)),
    "ReduceProd": Operator(_ANALOG, sizes=(1,)),
    "ReduceSumSquare": Operator(_ANALOG, sizes=(1,), sign=never_negative),
    "Softmax": Operator(_ANALOG, sign=never_negative),
    "SoftmaxCrossEntropyLoss": Operator(_ANALOG),
    "TfIdfVectorizer": Operator(_ANALOG),
    "Unique": Operator(_ANALOG, sizes=(0,)),
    # made of a few numbers
    "BlackmanWindow": Operator(_ANALOG, sizes=(0, 1, 2)),
    "Constant": Operator(_ANALOG, sizes=(0, 1, 2)),
    "ConstantOfShape": Operator(_ANALOG, sizes=(0, 1, 2)),
    "HammingWindow": Operator(_ANALOG, sizes=(0, 1, 2)),
    "HannWindow": Operator(_ANALOG, sizes=(0, 1, 2)),
    "MelWeightMatrix": Operator(_ANALOG, sizes=(0, 1, 2)),
    "Range": Operator(_ANALOG, sizes=(0, 1, 2)),
    # integers
    "ConvInteger": Operator(_ANALOG),
    "DynamicQuantizeLinear": Operator(_ANALOG),
    "MatMulInteger": Operator(_ANALOG),
    "QLinearConv": Operator(_ANALOG),
    "QLinearMatMul": Operator(_ANALOG),
    "QuantizeLinear": Operator(_ANALOG),
    # sequences
    "ConcatFromSequence": Operator(_ANALOG),
    "Optional": Operator(_ANALOG),
    "OptionalGetElement": Operator(_ANALOG),
    "OptionalHasElement": Operator(_ANALOG),
    "SequenceAt": Operator(_ANALOG, sizes=(1,)),
    "SequenceConstruct": Operator(_ANALOG),
    "SequenceEmpty": Operator(_ANALOG),
    "SequenceErase": Operator(_ANALOG, sizes=(1,)),
    "SequenceInsert": Operator(_ANALOG, sizes=(2,)),
    "SequenceLength": Operator(_ANALOG),
    "SplitToSequence": Operator(_ANALOG, sizes=(1,)),
    # networks in a node
    "GRU": Operator(_RECURRENT, channel=_LAST, macs=recurrent_macs),
    "If": Operator(_CONTROL, sizes=(0,), turns=count_one_turn),
    "LSTM": Operator(_RECURRENT, channel=_LAST, macs=recurrent_macs),
    "Loop": Operator(_CONTROL, sizes=(0, 1), turns=count_trips),
    "RNN": Operator(_RECURRENT, channel=_LAST, macs=recurrent_macs),
    "Scan": Operator(_CONTROL, turns=count_scan_turns),
    "SequenceMap": Operator(_CONTROL),
    # what has no mean
    "Bernoulli": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "ImageDecoder": Operator(_REFUSED, reason=_FILE),
    "Multinomial": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "RandomNormal": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "RandomNormalLike": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "RandomUniform": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "RandomUniformLike": Operator(_REFUSED, draws_numbers=True, reason=_RANDOM),
    "RegexFullMatch": Operator(_REFUSED, reason=_STRINGS),
    "StringConcat": Operator(_REFUSED, reason=_STRINGS),
    "StringNormalizer": Operator(_REFUSED, reason=_STRINGS),
    "StringSplit": Operator(_REFUSED, reason=_STRINGS),
}
"""Operator type of the default domain to its row."""

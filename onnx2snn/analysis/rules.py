"""What each ONNX operator does to streams: one row an operator.

A *stream* is a value that changes from step to step and whose mean over the steps is the
value of the ANN. An operator that is linear (or affine) in its streams may be applied to
each step's value as it is; the mean of the results is the result of the mean. Everything
else is computed on running means. See ``docs/explanation/streams.md``.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIVATIONS",
    "RANDOM",
    "RULES",
    "SHAPE_ONLY",
    "WEIGHTED",
    "Form",
    "Rule",
    "operators",
]

_Choices = dict[str, tuple[object, ...]]


class Form(enum.Enum):
    """How the results of an operator depend on the inputs that are streams."""

    LINEAR = "linear"
    """Jointly linear (or affine) in all inputs named by the rule."""
    MULTILINEAR = "multilinear"
    """Linear in each input named by the rule while the others are static."""
    MAX_LIKE = "max-like"
    """``f(k x) = k f(x)`` for ``k >= 0``: exact on running sums, integer where spikes are."""
    SHAPE = "shape"
    """A function of the shape of its input and not of its values: static whatever it reads."""
    ANALOG = "analog"
    """Any other function of its inputs: computed on running means."""
    RECURRENT = "recurrent"
    """A network over the positions of a sequence in one node: computed on running means."""
    CONTROL = "control"
    """A node that holds graphs of its own: computed on running means, with all it holds."""
    REFUSED = "refused"
    """No function of the means: no neuron may depend on it if it reads a stream."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """How an operator treats streams.

    Attributes:
        form: Dependence on the stream inputs.
        inputs: Positions of the inputs that may be streams; None for all. The others must
            be static, or the node is analog.
        bias: Positions of further inputs that a multilinear operator adds: they may be
            streams as well.
        only: Values of an attribute for which the form holds, the operator's default first;
            with any other the node is analog.
        selects: Values of an attribute, the operator's default first, for which every element
            of the result is an input element or a constant, so that spikes stay spikes; None
            if it never is, empty if it always is. For max-like operators this is said of the
            running sums.
        sizes: Positions of the inputs whose values decide how large the results are.
        reason: Why the operator is refused, and what to do.
    """

    form: Form
    inputs: tuple[int, ...] | None = None
    bias: tuple[int, ...] = ()
    only: Mapping[str, tuple[object, ...]] = dataclasses.field(default_factory=dict)
    selects: Mapping[str, tuple[object, ...]] | None = None
    sizes: tuple[int, ...] = ()
    reason: str = ""


def _linear(
    *inputs: int,
    only: _Choices | None = None,
    selects: _Choices | None = None,
    sizes: tuple[int, ...] = (),
) -> Rule:
    return Rule(
        Form.LINEAR, inputs or None, only=only or {}, selects=selects, sizes=sizes
    )


def _selecting(*inputs: int, sizes: tuple[int, ...] = ()) -> Rule:
    return _linear(*inputs, selects={}, sizes=sizes)


def _multilinear(
    *inputs: int, bias: tuple[int, ...] = (), sizes: tuple[int, ...] = ()
) -> Rule:
    return Rule(Form.MULTILINEAR, inputs or None, bias, sizes=sizes)


def _max_like(*inputs: int, selects: bool = False, sizes: tuple[int, ...] = ()) -> Rule:
    return Rule(
        Form.MAX_LIKE, inputs or None, selects={} if selects else None, sizes=sizes
    )


def _each(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


_RANDOM = (
    "draws other numbers in each step, so that their mean is no draw; take it out of the network, "
    "or feed what it draws as an input"
)
_STRINGS = (
    "strings have no mean; keep them in front of the first neurons, or behind the last"
)
_FILE = "a file has no mean; decode it outside of the network"

RULES: dict[str, Rule] = {
    # sums
    "Add": _linear(),
    "CumSum": _linear(0),
    "Mean": _linear(),
    "Neg": _linear(0),
    "ReduceMean": _linear(0, sizes=(1,)),
    "ReduceSum": _linear(0, sizes=(1,)),
    "Sub": _linear(),
    "Sum": _linear(),
    # weights
    "AffineGrid": _linear(0, sizes=(1,)),
    "AveragePool": _linear(0),
    "BatchNormalization": _linear(0, 2, 3, only={"training_mode": (0,)}),
    "CausalConvWithState": _linear(0, 2, 3, only={"activation": ("none",)}),
    "Conv": _multilinear(0, 1, bias=(2,)),
    "ConvTranspose": _multilinear(0, 1, bias=(2,)),
    "DFT": _linear(0, sizes=(1,)),
    "DeformConv": _multilinear(0, 1, 4, bias=(3,)),
    "DequantizeLinear": _linear(0),
    "Div": _linear(0),
    "Einsum": _multilinear(),
    "Gemm": _multilinear(0, 1, bias=(2,)),
    "GlobalAveragePool": _linear(0),
    "MatMul": _multilinear(0, 1),
    "Mul": _multilinear(0, 1),
    "RotaryEmbedding": _linear(0),
    "STFT": _multilinear(0, 2, sizes=(1, 3)),
    # sampling at positions that do not depend on the values
    "Col2Im": _linear(0, sizes=(1, 2)),
    "GridSample": _linear(0),
    "Resize": _linear(0, selects={"mode": ("nearest",)}, sizes=(1, 2, 3)),
    "RoiAlign": _linear(0, only={"mode": ("avg",)}),
    "Upsample": _linear(0, selects={"mode": ("nearest",)}, sizes=(1,)),
    # moving elements
    "Cast": _selecting(0),
    "CastLike": _selecting(0),
    "CenterCropPad": _selecting(0, sizes=(1,)),
    "Compress": _selecting(0, sizes=(1,)),
    "Concat": _selecting(),
    "DepthToSpace": _selecting(0),
    "Dropout": _selecting(0),
    "Expand": _selecting(0, sizes=(1,)),
    "Flatten": _selecting(0),
    "Gather": _selecting(0),
    "GatherElements": _selecting(0),
    "GatherND": _selecting(0),
    "Identity": _selecting(0),
    "MaxUnpool": _selecting(0, sizes=(2,)),
    "OneHot": _selecting(2, sizes=(1,)),
    "Pad": _selecting(0, 2, sizes=(1, 3)),
    "Reshape": _selecting(0, sizes=(1,)),
    "ReverseSequence": _selecting(0),
    "Scatter": _selecting(0, 2),
    "ScatterElements": _linear(
        0, 2, only={"reduction": ("none", "add")}, selects={"reduction": ("none",)}
    ),
    "ScatterND": _linear(
        0, 2, only={"reduction": ("none", "add")}, selects={"reduction": ("none",)}
    ),
    "Slice": _selecting(0, sizes=(1, 2, 3, 4)),
    "SpaceToDepth": _selecting(0),
    "Split": _selecting(0, sizes=(1,)),
    "Squeeze": _selecting(0, sizes=(1,)),
    "TensorScatter": _selecting(0, 1),
    "Tile": _selecting(0, sizes=(1,)),
    "Transpose": _selecting(0),
    "Trilu": _selecting(0),
    "Unsqueeze": _selecting(0, sizes=(1,)),
    "Where": _selecting(1, 2),
    # maxima and norms; bounds grow with the sums they are compared with
    "Abs": _max_like(0),
    "Clip": _max_like(0, 1, 2, selects=True),
    "GlobalLpPool": _max_like(0),
    "GlobalMaxPool": _max_like(0, selects=True),
    "LeakyRelu": _max_like(0),
    "LpPool": _max_like(0),
    "Max": _max_like(selects=True),
    "MaxPool": _max_like(0, selects=True),
    "MaxRoiPool": _max_like(0, selects=True),
    "Min": _max_like(selects=True),
    "PRelu": _max_like(0),
    "ReduceL1": _max_like(0, sizes=(1,)),
    "ReduceL2": _max_like(0, sizes=(1,)),
    "ReduceMax": _max_like(0, selects=True, sizes=(1,)),
    "ReduceMin": _max_like(0, selects=True, sizes=(1,)),
    "Relu": _max_like(0, selects=True),
    "TopK": _max_like(0, selects=True, sizes=(1,)),
    **_each(Rule(Form.SHAPE), "EyeLike", "Shape", "Size"),
    # element by element
    **_each(
        Rule(Form.ANALOG),
        "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitCast", "BitShift", "BitwiseAnd",
        "BitwiseNot", "BitwiseOr", "BitwiseXor", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp",
        "Floor", "Gelu", "HardSigmoid", "HardSwish", "Log", "Mish", "Mod", "Pow", "Reciprocal",
        "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt",
        "SwiGLU", "Swish", "Tan", "Tanh", "ThresholdedRelu",
    ),
    **_each(
        Rule(Form.ANALOG),
        "And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not",
        "Or", "Xor",
    ),
    # over many elements
    **_each(
        Rule(Form.ANALOG),
        "ArgMax", "ArgMin", "Attention", "CumProd", "Det", "GroupNormalization", "Hardmax",
        "InstanceNormalization", "LRN", "LayerNormalization", "LinearAttention", "LogSoftmax",
        "LpNormalization", "MeanVarianceNormalization", "NegativeLogLikelihoodLoss",
        "RMSNormalization", "Softmax", "SoftmaxCrossEntropyLoss", "TfIdfVectorizer",
    ),
    **_each(
        Rule(Form.ANALOG, sizes=(1,)),
        "ReduceLogSum", "ReduceLogSumExp", "ReduceProd", "ReduceSumSquare",
    ),
    "NonMaxSuppression": Rule(Form.ANALOG, sizes=(0, 1, 2, 3, 4)),
    "NonZero": Rule(Form.ANALOG, sizes=(0,)),
    "Unique": Rule(Form.ANALOG, sizes=(0,)),
    # made of a few numbers
    **_each(
        Rule(Form.ANALOG, sizes=(0, 1, 2)),
        "BlackmanWindow", "Constant", "ConstantOfShape", "HammingWindow", "HannWindow",
        "MelWeightMatrix", "Range",
    ),
    # integers
    **_each(
        Rule(Form.ANALOG),
        "ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul",
        "QuantizeLinear",
    ),
    # sequences
    **_each(
        Rule(Form.ANALOG),
        "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
        "SequenceConstruct", "SequenceEmpty", "SequenceLength",
    ),
    "SequenceAt": Rule(Form.ANALOG, sizes=(1,)),
    "SequenceErase": Rule(Form.ANALOG, sizes=(1,)),
    "SequenceInsert": Rule(Form.ANALOG, sizes=(2,)),
    "SplitToSequence": Rule(Form.ANALOG, sizes=(1,)),
    # networks in a node
    **_each(Rule(Form.RECURRENT), "GRU", "LSTM", "RNN"),
    **_each(Rule(Form.CONTROL), "Scan", "SequenceMap"),
    "If": Rule(Form.CONTROL, sizes=(0,)),
    "Loop": Rule(Form.CONTROL, sizes=(0, 1)),
    # what has no mean
    **_each(
        Rule(Form.REFUSED, reason=_RANDOM),
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
        "RandomUniformLike",
    ),
    **_each(
        Rule(Form.REFUSED, reason=_STRINGS),
        "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit",
    ),
    "ImageDecoder": Rule(Form.REFUSED, reason=_FILE),
}  # fmt: skip
"""Operator type of the default domain to rule, for every operator of opsets 7 to 28."""

ACTIVATIONS = frozenset({
    "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu",
    "Selu", "Sigmoid", "Softplus", "Softsign", "SwiGLU", "Swish", "Tanh", "ThresholdedRelu",
})  # fmt: skip
"""Operators that are activations by themselves."""

WEIGHTED = frozenset({
    "CausalConvWithState", "Conv", "ConvTranspose", "DeformConv", "Einsum", "GRU", "Gemm", "LSTM",
    "MatMul", "RNN",
})  # fmt: skip
"""Operators whose multiply-accumulates are counted; their first two inputs are multiplied."""


def operators(form: Form) -> frozenset[str]:
    """Return the operators of one form."""
    return frozenset(name for name, rule in RULES.items() if rule.form is form)


SHAPE_ONLY = operators(Form.SHAPE)
"""Operators that read the shape of their input and not its values."""

RANDOM = frozenset(name for name, rule in RULES.items() if rule.reason == _RANDOM)
"""Operators that draw numbers."""

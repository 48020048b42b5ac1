"""What each ONNX operator does to streams: one row an operator.

A *stream* is a value that changes from step to step and whose mean over the steps is the
value of the ANN. An operator that is linear (or affine) in its streams may be applied to
each step's value as it is; the mean of the results is the result of the mean. Everything
else is computed on running means. See ``docs/basics.md``.
"""

from __future__ import annotations

import dataclasses
import enum

__all__ = ["RULES", "SHAPE_ONLY", "WEIGHTED", "Form", "Rule"]


class Form(enum.Enum):
    """How an operator depends on the inputs that are streams."""

    LINEAR = "linear"
    """Jointly linear (or affine) in all inputs named by the rule."""
    MULTILINEAR = "multilinear"
    """Linear in each input named by the rule while the others are static."""
    MAX_LIKE = "max-like"
    """``f(k x) = k f(x)`` for ``k >= 0``: exact on running sums, integer where spikes are."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """How an operator treats streams; an operator without a rule is analog.

    Attributes:
        form: Dependence on the stream inputs.
        inputs: Positions of the inputs that may be streams; None for all. The others must
            be static, or the node is analog.
        selects: Whether every output element is an input element or a constant, so that
            spikes stay spikes.
        bias: Positions of further inputs that a multilinear operator adds: they may be
            streams as well.
    """

    form: Form
    inputs: tuple[int, ...] | None = (0,)
    selects: bool = False
    bias: tuple[int, ...] = ()


def _linear(*inputs: int, selects: bool = False) -> Rule:
    return Rule(Form.LINEAR, inputs or None, selects)


def _multilinear(*inputs: int, bias: tuple[int, ...] = ()) -> Rule:
    return Rule(Form.MULTILINEAR, inputs or None, bias=bias)


def _max_like(*inputs: int) -> Rule:
    return Rule(Form.MAX_LIKE, inputs or None, selects=True)


RULES: dict[str, Rule] = {
    # sums
    "Add": _linear(),
    "Sub": _linear(),
    "Sum": _linear(),
    "Mean": _linear(),
    "Neg": _linear(0),
    "CumSum": _linear(0),
    "ReduceSum": _linear(0),
    "ReduceMean": _linear(0),
    # weights
    "Conv": _linear(0, 2),
    "ConvTranspose": _linear(0, 2),
    "BatchNormalization": _linear(0),
    "AveragePool": _linear(0),
    "GlobalAveragePool": _linear(0),
    "Gemm": _multilinear(0, 1, bias=(2,)),
    "MatMul": _multilinear(0, 1),
    "Einsum": _multilinear(),
    "Mul": _multilinear(0, 1),
    "Div": _linear(0),
    "DFT": _linear(0),
    "STFT": _linear(0),
    # sampling at positions that do not depend on the values
    "GridSample": _linear(0),
    "Resize": _linear(0),
    "Upsample": _linear(0),
    "Col2Im": _linear(0),
    # moving elements
    "Cast": _linear(0, selects=True),
    "CastLike": _linear(0, selects=True),
    "CenterCropPad": _linear(0, selects=True),
    "Compress": _linear(0, selects=True),
    "Concat": _linear(selects=True),
    "DepthToSpace": _linear(0, selects=True),
    "Dropout": _linear(0, selects=True),
    "Expand": _linear(0, selects=True),
    "Flatten": _linear(0, selects=True),
    "Gather": _linear(0, selects=True),
    "GatherElements": _linear(0, selects=True),
    "GatherND": _linear(0, selects=True),
    "Identity": _linear(0, selects=True),
    "Pad": _linear(0, 2, selects=True),
    "Reshape": _linear(0, selects=True),
    "ReverseSequence": _linear(0, selects=True),
    "ScatterElements": _linear(0, 2, selects=True),
    "ScatterND": _linear(0, 2, selects=True),
    "Slice": _linear(0, selects=True),
    "SpaceToDepth": _linear(0, selects=True),
    "Split": _linear(0, selects=True),
    "Squeeze": _linear(0, selects=True),
    "Tile": _linear(0, selects=True),
    "Transpose": _linear(0, selects=True),
    "Trilu": _linear(0, selects=True),
    "Unsqueeze": _linear(0, selects=True),
    "Where": _linear(1, 2, selects=True),
    # maxima
    "GlobalMaxPool": _max_like(0),
    "Max": _max_like(),
    "MaxPool": _max_like(0),
    "MaxRoiPool": _max_like(0),
    "Min": _max_like(),
    "ReduceMax": _max_like(0),
    "ReduceMin": _max_like(0),
}
"""Operator type of the default domain to rule."""

SHAPE_ONLY = frozenset({"Shape", "Size", "EyeLike"})
"""Operators that read the shape of their input and not its values: static whatever they read."""

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"})
"""Operators whose multiply-accumulates are counted."""

"""Neurons that fire alone, once their input is complete: all their steps in one formula."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx

from onnx2snn.ops.augmented_if import AUGMENTED_IF
from onnx2snn.ops.declare import DeclaredOp, body_in_words, markdown_table
from onnx2snn.ops.double_threshold_if import DOUBLE_THRESHOLD_IF
from onnx2snn.ops.gated_double_threshold_if import GATED_DOUBLE_THRESHOLD_IF
from onnx2snn.ops.integrate_and_fire import INTEGRATE_AND_FIRE
from onnx2snn.ops.inverse_leaky_if import INVERSE_LEAKY_IF, SIGNED_INVERSE_LEAKY_IF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from onnx.shape_inference import InferenceContext

    from onnx2snn.ops.declare import StepOp

__all__ = ["CLOSED_FORMS", "SUFFIX", "ClosedFormOp"]

SUFFIX = "ClosedForm"
"""End of the name of an operator in closed form; that of its single step stands before."""

Arrays: TypeAlias = "Mapping[str, np.ndarray]"

_LEVELS = "levels"

_MEANINGS = {
    "current": "The whole input, shape [N, C, ...], in units of the activation that the neuron "
    "replaces; the same in every step if there were any.",
    "v": "Initial potential of one step by step, in the same unit; broadcasts to current.",
    "v_threshold": "The largest value that T plain spikes can stand for, > 0, in the same unit; "
    "broadcasts to current.",
    _LEVELS: "Number of equal parts of v_threshold that T spikes tell apart: T, or 2^T - 1 where "
    "the potential doubles in each step; a scalar of the type of current.",
}
"""Input to its meaning, where it has another one than in a single step."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClosedFormOp(DeclaredOp):
    """What T spikes of a neuron stand for, if its whole input is there before the first of them.

    It takes what a single step does, and ``levels`` behind it; it gives one output, in the unit
    of the activation.

    Attributes:
        step_op: The operator whose steps these are.
        formula: The computation in words, with ``digit = v_threshold / levels``.
        body: The computation in the ONNX text language, one node a line.
        compute_total: The same in NumPy, from the inputs by name.
        holds: Whether it is what T steps give, for the constants among the inputs, by name.
    """

    step_op: StepOp
    formula: str
    body: str
    compute_total: Callable[[Arrays], np.ndarray]
    holds: Callable[[Arrays], bool]

    @property
    def name(self) -> str:  # type: ignore[override]  # read only
        """Operator type, in CamelCase."""
        return f"{self.step_op.name}{SUFFIX}"

    @property
    def doc(self) -> str:  # type: ignore[override]  # read only
        """Its computation, in words."""
        return (
            f"The sum of what T spikes of {self.step_op.name} stand for, where the whole input is "
            "there before the first spike.\n\n"
            "With `digit = v_threshold / levels`:\n\n"
            f"{self.formula}\n\n"
            "The same as T steps give, in one formula: the same bits where no quotient is "
            "rounded, else one step of a digit apart at most, and that only within the rounding "
            "of an edge."
        )

    @property
    def inputs(self) -> Mapping[str, str]:  # type: ignore[override]  # read only
        """Name to meaning, in order."""
        names = [*self.step_op.inputs, _LEVELS]
        return {name: self._meaning(name) for name in names}

    def _meaning(self, name: str) -> str:
        return _MEANINGS.get(name) or self.step_op.inputs[name]

    @property
    def outputs(self) -> Mapping[str, str]:  # type: ignore[override]  # read only
        """Name to meaning, in order."""
        return {
            "sent": "A whole number of digits, in units of the activation; shape of current."
        }

    @property
    def integers(self) -> frozenset[str]:  # type: ignore[override]  # read only
        """Inputs and outputs that are int64: none."""
        return frozenset()

    def compute(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the output, computed in NumPy."""
        given = dict(zip(self.inputs, inputs, strict=True))
        return (self.compute_total(given),)

    def function(self, opset: int = 17) -> onnx.FunctionProto:
        """Return the body as a model-local function.

        Args:
            opset: Version of the default domain in which the body is read, at least 15: that of
                the model which will hold the function.
        """
        return self.parsed(self.body, opset)

    def infer(self, context: InferenceContext) -> None:
        """Give the output the type and shape of the first input."""
        result = onnx.TypeProto()
        result.CopyFrom(context.get_input_type(0))
        context.set_output_type(0, result)

    def markdown(self) -> str:
        """Return the section of ``docs/reference/ops.md`` about this operator."""
        parts = [
            f"## {self.name}",
            self.doc,
            markdown_table("input", self.inputs),
            markdown_table("output", self.outputs),
            body_in_words(self.body),
        ]
        return "\n\n".join(parts) + "\n"


_WHOLE_DIGITS = """
    digit = Div (v_threshold, levels)
    offset = Div (v, levels)
    h = Add (current, offset)
    ratio = Div (h, digit)
    whole = Floor (ratio)"""

_ZERO = """
    nothing = Constant <value_float = 0.0> ()
    zero = CastLike (nothing, levels)"""

_DIGITS_FROM_ZERO = f"""{_WHOLE_DIGITS}{_ZERO}
    number = Clip (whole, zero, levels)
    sent = Mul (number, digit)"""

_DIGITS_WITH_SIGN = f"""
    digit = Div (v_threshold, levels)
    offset = Div (v, levels)
    magnitude = Abs (current)
    h = Add (magnitude, offset)
    ratio = Div (h, digit)
    whole = Floor (ratio){_ZERO}
    number = Clip (whole, zero, levels)
    size = Mul (number, digit)
    sign = Sign (current)
    sent = Mul (sign, size)"""


def _clip_digits(
    given: Arrays, fewest: np.ndarray | float, most: np.ndarray
) -> np.ndarray:
    """Return the whole digits of the input, from ``fewest`` to ``most`` of them."""
    digit = given["v_threshold"] / given[_LEVELS]
    h = given["current"] + given["v"] / given[_LEVELS]
    number = np.clip(np.floor(h / digit), fewest, most)
    return np.asarray(number * digit, given["current"].dtype)


def _from_zero(given: Arrays) -> np.ndarray:
    return _clip_digits(given, 0.0, given[_LEVELS])


def _as_often_as_sent(given: Arrays) -> np.ndarray:
    most = given[_LEVELS]
    return _clip_digits(given, -np.minimum(given["count"], most), most)


def _several_at_once(given: Arrays) -> np.ndarray:
    most = given[_LEVELS] * given["max_spikes"]
    return _clip_digits(given, -np.minimum(given["count"], most), most)


def _with_sign(given: Arrays) -> np.ndarray:
    magnitude = np.abs(given["current"])
    size = _from_zero({**given, "current": magnitude})
    return np.asarray(np.sign(given["current"]) * size)


def _always(given: Arrays) -> bool:
    del given
    return True


def _takes_back_below_zero(given: Arrays) -> bool:
    return not given["v_threshold_negative"].any()


def _is_symmetric(given: Arrays) -> bool:
    """Whether thresholds of both signs are alike, and it starts in between."""
    same = np.array_equal(given["v_threshold"], given["v_threshold_negative"])
    return same and not given["v"].any()


def _doubles(given: Arrays) -> bool:
    return bool(np.all(given["leak"] == 2))


_FORMS = (
    ClosedFormOp(
        INTEGRATE_AND_FIRE,
        "    sent = digit * clip(floor((current + v / levels) / digit), 0, levels)",
        _DIGITS_FROM_ZERO,
        _from_zero,
        _always,
    ),
    ClosedFormOp(
        DOUBLE_THRESHOLD_IF,
        "    sent = sign(current) * digit * min(floor(abs(current) / digit), levels)\n\n"
        "Both thresholds are the same, and `v` is 0.",
        _DIGITS_WITH_SIGN,
        _with_sign,
        _is_symmetric,
    ),
    ClosedFormOp(
        GATED_DOUBLE_THRESHOLD_IF,
        "    fewest = -min(count, levels)\n"
        "    sent   = digit * clip(floor((current + v / levels) / digit), fewest, levels)\n\n"
        "`v_threshold_negative` is 0, and `count` a scalar.",
        f"""{_WHOLE_DIGITS}
    owed = Min (count, levels)
    fewest = Neg (owed)
    number = Clip (whole, fewest, levels)
    sent = Mul (number, digit)""",
        _as_often_as_sent,
        _takes_back_below_zero,
    ),
    ClosedFormOp(
        AUGMENTED_IF,
        "    most   = levels * max_spikes\n"
        "    fewest = -min(count, most)\n"
        "    sent   = digit * clip(floor((current + v / levels) / digit), fewest, most)\n\n"
        "`count` and `max_spikes` are scalars.",
        f"""{_WHOLE_DIGITS}
    most = Mul (levels, max_spikes)
    owed = Min (count, most)
    fewest = Neg (owed)
    number = Clip (whole, fewest, most)
    sent = Mul (number, digit)""",
        _several_at_once,
        _always,
    ),
    ClosedFormOp(
        INVERSE_LEAKY_IF,
        "    sent = digit * clip(floor((current + v / levels) / digit), 0, levels)\n\n"
        "`leak` is 2: the spikes are the binary digits of a whole number.",
        _DIGITS_FROM_ZERO,
        _from_zero,
        _doubles,
    ),
    ClosedFormOp(
        SIGNED_INVERSE_LEAKY_IF,
        "    whole = floor((abs(current) + v / levels) / digit)\n"
        "    sent  = sign(current) * digit * min(whole, levels)\n\n"
        "`leak` is 2: the spikes are the binary digits of a magnitude, all with its sign.",
        _DIGITS_WITH_SIGN,
        _with_sign,
        _doubles,
    ),
)

CLOSED_FORMS: dict[str, ClosedFormOp] = {op.step_op.name: op for op in _FORMS}
"""Operator type of a single step to its operator in closed form, where there is one."""

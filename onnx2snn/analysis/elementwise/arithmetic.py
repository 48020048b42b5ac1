"""Operators of arithmetic, for every form of functions that can be added and compared."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

__all__ = ["Curve", "arithmetic_of", "clip_curve", "fold_curves"]


class Curve(Protocol):
    """A function of one number. None stands for a result that the form cannot hold."""

    def __neg__(self) -> Self:
        """Return the function times -1."""

    def __add__(self, other: Self, /) -> Self | None:
        """Return the sum."""

    def __mul__(self, other: Self, /) -> Self | None:
        """Return the product."""

    def __truediv__(self, other: Self, /) -> Self | None:
        """Return the quotient."""

    def maximum(self, other: Self, /) -> Self | None:
        """Return the larger of the two functions."""


C = TypeVar("C", bound=Curve)


def arithmetic_of(zero: C) -> dict[str, Callable[..., C | None]]:
    """Return operators as functions of curves, ``zero`` being the curve that is 0."""
    return {
        "Add": operator.add,
        "Clip": clip_curve,
        "Div": operator.truediv,
        "Identity": _keep_curve,
        "Max": _find_maximum,
        "Min": _find_minimum,
        "Mul": operator.mul,
        "Neg": operator.neg,
        "Relu": lambda curve: curve.maximum(zero),
        "Sub": _subtract_curve,
    }


def fold_curves(operation: Callable[[C, C], C | None], *curves: C) -> C | None:
    """Return the first of ``curves``, combined with one after the other behind it."""
    first, *others = curves
    result: C | None = first
    for curve in others:
        if result is None:
            return None
        result = operation(result, curve)
    return result


def clip_curve(curve: C, low: C, high: C) -> C | None:
    """Return ``min(max(curve, low), high)``."""
    raised = curve.maximum(low)
    if raised is None:
        return None
    return _choose_smaller(raised, high)


def _keep_curve(curve: C) -> C:
    return curve


def _subtract_curve(one: C, other: C) -> C | None:
    return one + -other


def _find_maximum(*curves: C) -> C | None:
    return fold_curves(_choose_larger, *curves)


def _find_minimum(*curves: C) -> C | None:
    return fold_curves(_choose_smaller, *curves)


def _choose_larger(one: C, other: C) -> C | None:
    return one.maximum(other)


def _choose_smaller(one: C, other: C) -> C | None:
    negated = (-one).maximum(-other)
    if negated is None:
        return None
    return -negated

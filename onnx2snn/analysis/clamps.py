"""Recognize a clamp, ``min(max(x, low), high)``, and a leaky one, in whatever words."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.piecewise import Piecewise
from onnx2snn.graph import array, has_one_reader, is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Clamp", "Curves", "Leak"]

_FLOATS = {
    ir.DataType.FLOAT: float(np.finfo(np.float32).max),
    ir.DataType.DOUBLE: float(np.finfo(np.float64).max),
    ir.DataType.FLOAT16: float(np.finfo(np.float16).max),
}
_MOST_ROOTS = 8
_Curve: TypeAlias = "Piecewise | None"
_X, _ZERO = Piecewise.line(1, 0), Piecewise.line(0, 0)


@dataclasses.dataclass(frozen=True)
class Clamp:
    """``min(max(x, low), high)`` with ``low <= high``; the bounds may be infinite."""

    x: ir.Value
    low: float
    high: float

    @property
    def is_relu(self) -> bool:
        """Whether it is ``max(x, 0)``."""
        return self.low == 0 and self.high == math.inf


@dataclasses.dataclass(frozen=True)
class Leak:
    """``x`` where it is positive, else ``slope * x``."""

    x: ir.Value
    slope: float


class Curves:
    """Values as functions of values before them, element by element.

    Only functions that are straight between kinks are followed, through nodes whose other
    operands are one number for all elements. Ask for the nodes of a graph in their order.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._curves: dict[ir.Value, dict[ir.Value, Piecewise]] = {}

    def clamp(self, node: ir.Node) -> Clamp | Leak | None:
        """Return the clamp or leaky clamp that ``node`` gives, of a value as far back as can be."""
        output = node.outputs[0]
        self._curves[output] = self._follow(node)
        found = (_clamp(node, x, curve) for x, curve in self._curves[output].items())
        return next((clamp for clamp in found if clamp is not None), None)

    def replace(self, old: ir.Value, new: ir.Value) -> None:
        """Note that ``new`` is what ``old`` was."""
        self._curves[new] = self._curves.pop(old)

    def _follow(self, node: ir.Node) -> dict[ir.Value, Piecewise]:
        """Return ``node`` as functions of values before it, the first of them first."""
        rule = _RULES.get(node.op_type) if is_op(node, node.op_type) else None
        moving = [
            value
            for value in node.inputs
            if value is not None and not is_constant(value)
        ]
        if rule is None or not moving:
            return {}
        known = [self._of(value) for value in moving]
        roots = [root for root in known[0] if all(root in curves for curves in known)]
        curves: dict[ir.Value, Piecewise] = {}
        for root in roots[:_MOST_ROOTS]:
            operands = [
                None
                if v is None
                else _number(v, root)
                if is_constant(v)
                else self._of(v)[root]
                for v in node.inputs
            ]
            given = [value is None for value in node.inputs]
            if all(
                curve is not None or absent
                for curve, absent in zip(operands, given, strict=True)
            ):
                curve = rule(node, operands)
                if curve is not None:
                    curves[root] = curve
        return curves

    def _of(self, value: ir.Value) -> dict[ir.Value, Piecewise]:
        """Return ``value`` as functions of values before it, and of itself last.

        Behind a clamp that others read as well nothing is to be gained.
        """
        node = value.producer()
        curves = self._curves.get(value, {})
        if node is not None and not has_one_reader(value):
            shared = (_clamp(node, x, curve) for x, curve in curves.items())
            curves = {} if any(clamp is not None for clamp in shared) else curves
        return curves | {value: _X}


def _clamp(node: ir.Node, x: ir.Value, curve: Piecewise) -> Clamp | Leak | None:
    same_type = node.outputs[0].dtype in {None, x.dtype}
    if x.dtype not in _FLOATS or not same_type or not curve.is_continuous:
        return None
    slope, offset = curve.lines[0]
    if [*curve.kinks, offset, *curve.lines[-1]] == [0, 0, 1, 0]:
        if slope == 0:
            return Clamp(x, 0.0, math.inf)
        return (
            Leak(x, slope)
            if slope <= 1 and (slope > 0 or is_op(node, *_LEAKY))
            else None
        )
    if not curve.kinks and slope == 0 and is_op(node, "Clip", "Max", "Min", "Relu"):
        return Clamp(x, offset, offset)
    sloped = [line for line in curve.lines if line[0]]
    if sloped != [(1, 0)] or not curve.kinks:
        return None
    low = -math.inf if slope else offset
    high = math.inf if curve.lines[-1][0] else curve.lines[-1][1]
    return Clamp(x, low, high)


_LEAKY = ("LeakyRelu", "PRelu")


def _number(value: ir.Value, x: ir.Value) -> _Curve:
    """Return a constant that is one number and leaves the shape of ``x`` as it is."""
    data = array(value)
    fits = data.ndim == 0 or (x.shape is not None and data.ndim <= len(x.shape))
    if data.size != 1 or data.dtype.kind not in "fiub" or not fits:
        return None
    number = float(data.astype(np.float64).item())
    largest = _FLOATS.get(x.dtype or ir.DataType.UNDEFINED, math.inf)
    if math.isnan(number):
        return None
    return Piecewise.line(
        0, number if abs(number) < largest else math.copysign(math.inf, number)
    )


def _is_infinite(curve: Piecewise, sign: float) -> bool:
    return curve.lines == ((0, sign * math.inf),)


def _maximum(f: _Curve, g: _Curve) -> _Curve:
    if f is None or g is None:
        return None
    for one, other in ((f, g), (g, f)):
        if _is_infinite(one, -1):
            return other
        if _is_infinite(one, 1):
            return None
    return f.maximum(g)


def _minimum(f: _Curve, g: _Curve) -> _Curve:
    larger = None if f is None or g is None else _maximum(-f, -g)
    return None if larger is None else -larger


def _clip(node: ir.Node, operands: Sequence[_Curve]) -> _Curve:
    if {"min", "max"} & set(node.attributes):
        return None
    x, low, high = [*operands, None, None][:3]
    bounds = [curve.lines[0][1] for curve in (low, high) if curve is not None]
    if bounds != sorted(bounds) or any(c is not None and c.kinks for c in (low, high)):
        return None
    above = x if low is None else _maximum(x, low)
    return above if high is None else _minimum(above, high)


def _sum(f: _Curve, g: _Curve) -> _Curve:
    return None if f is None or g is None else f + g


def _product(f: _Curve, g: _Curve) -> _Curve:
    return None if f is None or g is None else f * g


def _quotient(f: _Curve, g: _Curve) -> _Curve:
    if f is None or g is None or g.kinks or g.lines[0][0] or g.lines[0][1] == 0:
        return None
    divisor = g.lines[0][1]
    lines = tuple((slope / divisor, offset / divisor) for slope, offset in f.lines)
    return Piecewise(f.kinks, lines, tuple(value / divisor for value in f.values))


def _leaky(f: _Curve, slope: _Curve) -> _Curve:
    scaled = _product(f, slope)
    return (
        None
        if f is None or scaled is None
        else f.compared_or_equal(_ZERO).chosen(f, scaled)
    )


def _above(f: _Curve, alpha: float) -> _Curve:
    """Return ``f`` where it is larger than ``alpha``, else 0."""
    return None if f is None else f.compared(Piecewise.line(0, alpha)).chosen(f, _ZERO)


def _where(condition: _Curve, f: _Curve, g: _Curve) -> _Curve:
    if condition is None or f is None or g is None:
        return None
    return condition.chosen(f, g)


def _compared(f: _Curve, g: _Curve, *, equal: bool) -> _Curve:
    if f is None or g is None or not all(_is_finite(curve) for curve in (f, g)):
        return None
    return f.compared_or_equal(g) if equal else f.compared(g)


def _is_finite(curve: Piecewise) -> bool:
    return all(math.isfinite(offset) for _, offset in curve.lines)


def _cast(node: ir.Node, f: _Curve) -> _Curve:
    x, target = node.inputs[0], node.attributes.get_int("to", 0)
    from_truth = x is not None and (
        x.dtype == ir.DataType.BOOL or is_op(x.producer(), *_TRUTHS)
    )
    unchanged = x is not None and x.dtype == target
    return f if (from_truth or unchanged) and target in _FLOATS else None


_TRUTHS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not")


def _alpha(node: ir.Node, default: float) -> float:
    return float(node.attributes.get_float("alpha", default))


_RULES: dict[str, Callable[[ir.Node, Sequence[_Curve]], _Curve]] = {
    "Abs": lambda _, c: None if c[0] is None else c[0].maximum(-c[0]),
    "Add": lambda _, c: _sum(*c),
    "Cast": lambda node, c: _cast(node, c[0]),
    "Clip": _clip,
    "Div": lambda _, c: _quotient(*c),
    "Greater": lambda _, c: _compared(*c, equal=False),
    "GreaterOrEqual": lambda _, c: _compared(*c, equal=True),
    "Identity": lambda _, c: c[0],
    "LeakyRelu": lambda node, c: _leaky(c[0], Piecewise.line(0, _alpha(node, 0.01))),
    "Less": lambda _, c: _compared(c[1], c[0], equal=False),
    "LessOrEqual": lambda _, c: _compared(c[1], c[0], equal=True),
    "Max": lambda _, c: functools.reduce(_maximum, c),
    "Min": lambda _, c: functools.reduce(_minimum, c),
    "Mul": lambda _, c: _product(*c),
    "Neg": lambda _, c: None if c[0] is None else -c[0],
    "Not": lambda _, c: _where(c[0], _ZERO, Piecewise.line(0, 1)),
    "PRelu": lambda _, c: _leaky(*c),
    "Relu": lambda _, c: _maximum(c[0], _ZERO),
    "Sub": lambda _, c: None if c[1] is None else _sum(c[0], -c[1]),
    "Sum": lambda _, c: functools.reduce(_sum, c),
    "ThresholdedRelu": lambda node, c: _above(c[0], _alpha(node, 1.0)),
    "Where": lambda _, c: _where(*c),
}
"""What an operator makes of its operands as functions."""

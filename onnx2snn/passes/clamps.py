"""Recognise the spellings of a clamp, ``min(max(x, low), high)``, and of a leaky one."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clamp", "Leak", "clamp_of", "leak_of"]

_FLOATS = {
    ir.DataType.FLOAT: float(np.finfo(np.float32).max),
    ir.DataType.DOUBLE: float(np.finfo(np.float64).max),
    ir.DataType.FLOAT16: float(np.finfo(np.float16).max),
}
_Bounds: TypeAlias = tuple[ir.Value | None, float, float]
_FLIPPED = {
    "Greater": "Less",
    "GreaterOrEqual": "LessOrEqual",
    "Less": "Greater",
    "LessOrEqual": "GreaterOrEqual",
}


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

    def after(self, inner: Clamp) -> Clamp:
        """Return the clamp that does first ``inner``, then this one."""
        low, high = (min(max(bound, self.low), self.high) for bound in (inner.low, inner.high))
        return Clamp(inner.x, low, high)


@dataclasses.dataclass(frozen=True)
class Leak:
    """``x`` where it is positive, else ``slope * x``."""

    x: ir.Value
    slope: float


def clamp_of(node: ir.Node) -> Clamp | None:
    """Return the clamp that ``node`` computes, or None."""
    x, low, high = _bounds(node) or (None, 0.0, 0.0)
    if x is None or x.dtype not in _FLOATS or math.isnan(low) or math.isnan(high) or low > high:
        return None
    largest = _FLOATS[x.dtype]
    low = -math.inf if low <= -largest else low
    high = math.inf if high >= largest else high
    return Clamp(x, low, high)


def leak_of(node: ir.Node) -> Leak | None:
    """Return the leaky clamp that ``node`` computes, or None."""
    if is_op(node, "PRelu"):
        return _leak(node.inputs[0], _number(node.inputs[1], node.inputs[0]))
    if is_op(node, "LeakyRelu"):
        return _leak(node.inputs[0], node.attributes.get_float("alpha", 0.01))
    if is_op(node, "Max") and len(node.inputs) == 2:
        x, other = node.inputs
        return _scaled(x, other) or _scaled(other, x)
    if is_op(node, "Where"):
        comparison = _comparison(node.inputs[0])
        if comparison is None or comparison[2] != 0:
            return None
        x, is_above, _ = comparison
        kept, scaled = node.inputs[1:] if is_above else reversed(node.inputs[1:])
        return _scaled(x, scaled) if kept is x else None
    return None


def _leak(x: ir.Value | None, slope: float | None) -> Leak | None:
    is_float = x is not None and x.dtype in _FLOATS
    return Leak(x, slope) if x is not None and is_float and slope is not None else None


def _scaled(x: ir.Value | None, value: ir.Value | None) -> Leak | None:
    """Return the leak whose lower half is ``value``, if that is ``x`` times 0 to 1."""
    product = value.producer() if value is not None else None
    if product is None or not is_op(product, "Mul") or x not in product.inputs:
        return None
    a, b = product.inputs
    slope = _number(b if a is x else a, x)
    return _leak(x, slope) if slope is not None and 0 <= slope <= 1 else None


def _bounds(node: ir.Node) -> _Bounds | None:
    rule = _RULES.get(node.op_type) if is_op(node, node.op_type) else None
    return rule(node) if rule is not None else None


def _relu(node: ir.Node) -> _Bounds | None:
    return node.inputs[0], 0.0, math.inf


def _leaky(node: ir.Node) -> _Bounds | None:
    leak = leak_of(node)
    return _relu(node) if leak is not None and leak.slope == 0 else None


def _thresholded(node: ir.Node) -> _Bounds | None:
    return _relu(node) if node.attributes.get_float("alpha", 1.0) == 0 else None


def _clip(node: ir.Node) -> _Bounds | None:
    if {"min", "max"} & set(node.attributes):
        return None
    x, low, high = [*node.inputs, None, None][:3]
    numbers = [
        default if bound is None else _number(bound, x)
        for bound, default in ((low, -math.inf), (high, math.inf))
    ]
    if numbers[0] is None or numbers[1] is None:
        return None
    return x, numbers[0], numbers[1]


def _extremum(node: ir.Node) -> _Bounds | None:
    if len(node.inputs) != 2:
        return None
    for x, other in (node.inputs, reversed(node.inputs)):
        number = _number(other, x)
        if number is not None:
            return (x, number, math.inf) if is_op(node, "Max") else (x, -math.inf, number)
    return None


def _selection(node: ir.Node) -> _Bounds | None:
    """Read ``Where(x > c, x, c)`` and its seven relatives."""
    comparison = _comparison(node.inputs[0])
    if comparison is None:
        return None
    x, is_above, number = comparison
    upper, lower = node.inputs[1:] if is_above else reversed(node.inputs[1:])
    if upper is x and _number(lower, x) == number:
        return x, number, math.inf
    if lower is x and _number(upper, x) == number:
        return x, -math.inf, number
    return None


def _mask(node: ir.Node) -> _Bounds | None:
    """Read ``x * Cast(x > 0)``."""
    for x, other in (node.inputs, reversed(node.inputs)):
        cast = other.producer() if other is not None else None
        comparison = _comparison(cast.inputs[0]) if is_op(cast, "Cast") and cast else None
        if comparison is not None and comparison[0] is x and comparison[1:] == (True, 0):
            return x, 0.0, math.inf
    return None


def _comparison(value: ir.Value | None) -> tuple[ir.Value, bool, float] | None:
    """Return x, whether true means above, and c, if ``value`` compares x with a number c."""
    node = value.producer() if value is not None else None
    if node is None or not is_op(node, *_FLIPPED):
        return None
    a, b = node.inputs
    for x, other, op in ((a, b, node.op_type), (b, a, _FLIPPED[node.op_type])):
        number = _number(other, x)
        if x is not None and number is not None:
            return x, op.startswith("Greater"), number
    return None


def _number(value: ir.Value | None, x: ir.Value | None) -> float | None:
    """Return the one number of a constant that leaves the shape of ``x`` as it is."""
    if value is None or x is None or not is_constant(value) or is_constant(x):
        return None
    data = array(value)
    fits = data.ndim == 0 or (x.shape is not None and data.ndim <= len(x.shape))
    is_number = data.size == 1 and data.dtype.kind in "fiu"
    return float(data.astype(np.float64).item()) if is_number and fits else None


_RULES: dict[str, Callable[[ir.Node], _Bounds | None]] = {
    "Clip": _clip,
    "LeakyRelu": _leaky,
    "Max": _extremum,
    "Min": _extremum,
    "Mul": _mask,
    "PRelu": _leaky,
    "Relu": _relu,
    "ThresholdedRelu": _thresholded,
    "Where": _selection,
}

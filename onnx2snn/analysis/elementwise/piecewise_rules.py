"""Operators as functions that are straight between kinks."""

from __future__ import annotations

import math
import operator

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.elementwise.arithmetic import (
    arithmetic_of,
    clip_curve,
    fold_curves,
)
from onnx2snn.analysis.elementwise.chain import Algebra, rules_of_operands
from onnx2snn.analysis.elementwise.piecewise import Piecewise
from onnx2snn.graph import array, is_op

__all__ = ["FLOATS", "PIECEWISE"]

FLOATS = {
    ir.DataType.FLOAT: float(np.finfo(np.float32).max),
    ir.DataType.DOUBLE: float(np.finfo(np.float64).max),
    ir.DataType.FLOAT16: float(np.finfo(np.float16).max),
}
"""Types of the values that are followed, and their largest numbers."""

_ZERO = Piecewise.constant(0)
_ONE = Piecewise.constant(1)
_TRUTHS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not")


def _read_constant(value: ir.Value, root: ir.Value) -> Piecewise | None:
    """Return a constant that is one number and leaves the shape of ``root`` as it is."""
    data = array(value)
    is_number = data.size == 1 and data.dtype.kind in "fiub"
    if not is_number or not _keeps_rank(data, root):
        return None
    number = float(data.astype(np.float64).item())
    if math.isnan(number):
        return None
    if abs(number) >= _largest_number(root):
        number = math.copysign(math.inf, number)
    return Piecewise.constant(number)


def _keeps_rank(data: np.ndarray, root: ir.Value) -> bool:
    """Whether the result of ``data`` and ``root`` has no more axes than ``root``."""
    if data.ndim == 0:
        return True
    if root.shape is None:
        return False
    return data.ndim <= len(root.shape)


def _largest_number(value: ir.Value) -> float:
    if value.dtype is None:
        return math.inf
    return FLOATS.get(value.dtype, math.inf)


def _compare(one: Piecewise, other: Piecewise) -> Piecewise | None:
    """Return 1 where ``one`` is larger than ``other``, else 0."""
    if not one.is_finite or not other.is_finite:
        return None
    return one.is_above(other)


def _compare_or_equal(one: Piecewise, other: Piecewise) -> Piecewise | None:
    """Return 1 where ``one`` is larger than ``other`` or the same, else 0."""
    if not one.is_finite or not other.is_finite:
        return None
    return one.is_not_below(other)


def _find_magnitude(curve: Piecewise) -> Piecewise | None:
    return curve.maximum(-curve)


def _negate_truth(truth: Piecewise) -> Piecewise | None:
    return truth.choose(_ZERO, _ONE)


def _leak_below_zero(curve: Piecewise, slope: Piecewise) -> Piecewise | None:
    """Return ``curve`` where it is not below 0, else its product with ``slope``."""
    leak = curve * slope
    if leak is None:
        return None
    is_kept = curve.is_not_below(_ZERO)
    return is_kept.choose(curve, leak)


_FUNCTIONS = arithmetic_of(_ZERO) | {
    "Abs": _find_magnitude,
    "Greater": _compare,
    "GreaterOrEqual": _compare_or_equal,
    "Less": lambda one, other: _compare(other, one),
    "LessOrEqual": lambda one, other: _compare_or_equal(other, one),
    "Not": _negate_truth,
    "PRelu": _leak_below_zero,
    "Sum": lambda *curves: fold_curves(operator.add, *curves),
    "Where": Piecewise.choose,
}


def _clip(
    node: ir.Node,
    curve: Piecewise,
    low: Piecewise,
    high: Piecewise,
) -> Piecewise | None:
    has_bounds_as_attributes = "min" in node.attributes or "max" in node.attributes
    if has_bounds_as_attributes or low.kinks or high.kinks:
        return None
    if low.lines[0].offset > high.lines[0].offset:
        return None
    return clip_curve(curve, low, high)


def _cast(node: ir.Node, curve: Piecewise) -> Piecewise | None:
    """Return what is cast to real numbers, if it is a truth value or one already."""
    value = node.inputs[0]
    target = node.attributes.get_int("to", 0)
    if value is None or target not in FLOATS:
        return None
    is_truth = value.dtype == ir.DataType.BOOL or is_op(value.producer(), *_TRUTHS)
    if not is_truth and value.dtype != target:
        return None
    return curve


def _leaky_relu(node: ir.Node, curve: Piecewise) -> Piecewise | None:
    slope = node.attributes.get_float("alpha", 0.01)
    return _leak_below_zero(curve, Piecewise.constant(slope))


def _thresholded_relu(node: ir.Node, curve: Piecewise) -> Piecewise | None:
    threshold = Piecewise.constant(node.attributes.get_float("alpha", 1.0))
    is_kept = curve.is_above(threshold)
    return is_kept.choose(curve, _ZERO)


PIECEWISE = Algebra(
    identity=Piecewise.line(1, 0),
    number=Piecewise.constant,
    constant=_read_constant,
    rules={
        **rules_of_operands(_FUNCTIONS),
        "Cast": _cast,
        "Clip": _clip,
        "LeakyRelu": _leaky_relu,
        "ThresholdedRelu": _thresholded_relu,
    },
)
"""Functions that are straight between kinks; constants are one number for all elements."""

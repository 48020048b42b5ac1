"""Decide of a function of one number whether it is of a kind that neurons can compute."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.analysis.elementwise.piecewise import Line
from onnx2snn.analysis.elementwise.samples import POINTS, STEPS_PER_SIDE

if TYPE_CHECKING:
    from onnx2snn.analysis.elementwise.clamped_line import ClampedLine
    from onnx2snn.analysis.elementwise.piecewise import Piecewise

__all__ = [
    "UniformSteps",
    "clamp_bounds",
    "is_bent",
    "is_relu_like",
    "is_saturating",
    "slope_below_zero",
    "uniform_steps",
]

_Array: TypeAlias = np.ndarray[Any, Any]

_STEEPEST = 50.0
"""Largest magnitude of an activation, in units of 1 + |x|: beyond it there is a pole."""

_STRAIGHT = 0.05
"""Largest bend far from 0, in units of 1 + the range on that side: 1 / x is flat there."""

_GAP = 1e-2
"""Smallest distance from a line that is no guard, which only keeps a divisor away from 0."""

_CHANGE = 1e-6
"""Smallest difference between two values of a function that is no constant."""

_EQUAL = 1e-5
"""Largest error of a slope or step, as a part of a step: constants are float32."""


def is_relu_like(curve: Piecewise) -> bool:
    """Whether a function is ``x`` from 0 on, and ``slope * x`` below."""
    bends_at_zero = list(curve.kinks) == [0]
    begins_there = curve.lines[0].offset == 0
    is_x_above = curve.lines[-1] == Line(1, 0)
    return bends_at_zero and begins_there and is_x_above


def slope_below_zero(curve: Piecewise) -> float:
    """Return the slope of a function where it begins."""
    return curve.lines[0].slope


def clamp_bounds(curve: Piecewise) -> tuple[float, float] | None:
    """Return the bounds if a function is ``min(max(x, low), high)``, else None.

    One of them may be infinite. Bounds that are one number make a constant, which is no clamp.
    """
    sloped = [line for line in curve.lines if line.slope]
    if sloped != [Line(1, 0)] or not curve.kinks:
        return None
    low = -math.inf
    high = math.inf
    first = curve.lines[0]
    if not first.slope:
        low = first.offset
    last = curve.lines[-1]
    if not last.slope:
        high = last.offset
    return low, high


def is_saturating(samples: _Array) -> bool:
    """Whether a function is finite, flat on one side far from 0, and straight on the other.

    That is what activations have in common.

    Args:
        samples: Its values at ``POINTS``, or one number.
    """
    spread = np.broadcast_to(samples, POINTS.shape)
    values = spread.astype(np.float64)
    if not _is_tame(values):
        return False
    is_constant = np.ptp(values) < _CHANGE
    if is_constant:
        return False
    sides = _sides(values)
    are_straight = all(map(_is_straight, sides))
    return are_straight and any(map(_is_flat, sides))


def is_bent(samples: _Array) -> bool:
    """Whether a function is finite, a line on each side far from 0, and not one line as a whole.

    So are functions in pieces that a comparison chooses between: ``Where(|x| > 1, x, 0)``.

    Args:
        samples: Its values at ``POINTS``, or one number.
    """
    spread = np.broadcast_to(samples, POINTS.shape)
    values = spread.astype(np.float64)
    if not _is_tame(values) or not all(map(_is_straight, _sides(values))):
        return False
    first, last = values[0], values[2 * STEPS_PER_SIDE]
    slope = (last - first) / (2 * POINTS[2 * STEPS_PER_SIDE])
    line = first + slope * (POINTS - POINTS[0])
    return bool(np.abs(values - line).max() > _GAP)


def _sides(values: _Array) -> tuple[_Array, _Array]:
    """Return the samples on each side, from 0 outward."""
    middle = STEPS_PER_SIDE
    return values[middle::-1], values[middle : 2 * middle + 1]


def _is_tame(values: _Array) -> bool:
    """Whether the samples are numbers of a size that activations have."""
    are_finite = np.isfinite(values)
    if not are_finite.all():
        return False
    limits = _STEEPEST * (1 + np.abs(POINTS))
    is_small = np.abs(values) <= limits
    return bool(is_small.all())


def _is_flat(side: _Array) -> bool:
    """Whether samples, from 0 outward, change no more from half way on."""
    middle = side[STEPS_PER_SIDE // 2]
    change = side[-1] - middle
    return bool(abs(change) <= _largest_bend(side))


def _is_straight(side: _Array) -> bool:
    """Whether samples, from 0 outward, are a line from half way on."""
    middle = side[STEPS_PER_SIDE // 2]
    between = side[3 * STEPS_PER_SIDE // 4]
    bend = side[-1] - 2 * between + middle
    return bool(abs(bend) <= _largest_bend(side))


def _largest_bend(side: _Array) -> float:
    height = float(np.ptp(side))
    return _STRAIGHT * (1 + height)


@dataclasses.dataclass(frozen=True, eq=False)
class UniformSteps:
    """``theta / L * clip(floor(x * L / theta + v_init), 0, L)``, or odd-symmetric.

    Attributes:
        theta: The largest value, float32.
        levels: Number of steps L from 0 to ``theta``, >= 1.
        v_init: How far below a step ``x`` is taken for it, as a part of a step, 0 to 1.
        is_signed: Whether the values reach from ``-theta`` to ``theta``, not from 0.
    """

    theta: _Array
    levels: int
    v_init: float
    is_signed: bool


def uniform_steps(line: ClampedLine) -> UniformSteps | None:
    """Return the steps of a function if they are equal in x and in y; else None."""
    if not line.is_bounded or not _has_equal_steps(line):
        return None
    step = np.abs(line.slope)
    highest = line.high / step
    lowest = line.low / step
    levels = np.rint(highest)
    is_signed = _are_close(lowest, -levels)
    begins_on_step = is_signed or _are_close(lowest, 0.0)
    if not begins_on_step or not _are_close(highest, levels):
        return None
    count = _common_number(levels, 0)
    v_init = _common_number(_initial_potentials(line), _EQUAL)
    if count is None or v_init is None:
        return None
    is_within_step = -_EQUAL <= v_init <= 1 + _EQUAL
    if not is_within_step:
        return None
    rounded = round(v_init, 4)
    return UniformSteps(
        theta=np.asarray(line.high, np.float32),
        levels=int(count),
        v_init=min(max(rounded, 0.0), 1.0),
        is_signed=is_signed,
    )


def _has_equal_steps(line: ClampedLine) -> bool:
    """Whether a function rounds, reaches above 0, and rises by as much as x per step."""
    if line.rounding is None:
        return False
    reaches_above_zero = np.all(line.high > 0)
    if not reaches_above_zero:
        return False
    slope_before = line.rounding.line.slope
    return _are_close(slope_before * line.slope, 1.0)


def _initial_potentials(line: ClampedLine) -> _Array:
    """Return how far steps are ahead of x, as parts of a step.

    That is by how much the rounding is, less what is subtracted behind it. To round down what
    is negated is to round up.
    """
    assert line.rounding is not None
    ahead = line.rounding.ahead
    offset = line.rounding.line.offset
    behind = line.offset / np.abs(line.slope)
    is_negated = line.slope < 0
    before = np.where(is_negated, -offset, offset)
    within = np.where(is_negated, 1 - ahead, ahead)
    return before + within + behind


def _common_number(values: _Array, tolerance: float) -> float | None:
    """Return the first of ``values`` if they differ by no more than ``tolerance``."""
    numbers = np.atleast_1d(values)
    if np.ptp(numbers) > tolerance:
        return None
    return float(numbers.flat[0])


def _are_close(values: _Array, expected: _Array | float) -> bool:
    errors = np.abs(values - expected)
    sizes = np.maximum(1, np.abs(expected))
    limits = _EQUAL * sizes
    return bool(np.all(errors <= limits))

"""Kinds of functions that neurons can compute."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from onnx2snn.analysis.elementwise.clamped_line import ClampedLine
from onnx2snn.analysis.elementwise.kinds import (
    clamp_bounds,
    is_relu_like,
    slope_below_zero,
    uniform_steps,
)
from onnx2snn.analysis.elementwise.piecewise import Piecewise

X = Piecewise.line(1, 0)
ZERO = Piecewise.constant(0)


def leaky(slope: float, kink: float = 0) -> Piecewise:
    """Return ``x`` from ``kink`` on, else ``slope * x``."""
    found = X.is_not_below(Piecewise.constant(kink)).choose(X, Piecewise.line(slope, 0))
    assert found is not None
    return found


@pytest.mark.parametrize("slope", [-0.5, 0, 0.1, 3])
def test_relu_like(slope: float) -> None:
    curve = leaky(slope)
    assert is_relu_like(curve)
    assert slope_below_zero(curve) == slope


@pytest.mark.parametrize(
    "curve", [X, ZERO, leaky(0.1, kink=1), leaky(0.5) + Piecewise.constant(1)]
)
def test_not_relu_like(curve: Piecewise) -> None:
    assert not is_relu_like(curve)


@pytest.mark.parametrize(
    "low, high", [(-1, 2), (0, 6), (-math.inf, 3), (0.5, math.inf)]
)
def test_bounds_of_a_clamp(low: float, high: float) -> None:
    raised = X.maximum(Piecewise.constant(low))
    assert raised is not None
    lowered = (-raised).maximum(Piecewise.constant(-high))
    assert lowered is not None
    assert clamp_bounds(-lowered) == (low, high)


@pytest.mark.parametrize("curve", [X, ZERO, leaky(0.1), Piecewise.line(2, 0)])
def test_no_clamp(curve: Piecewise) -> None:
    assert clamp_bounds(curve) is None


def quantizer(levels: int, step: float, shift: float, *, ahead: float) -> ClampedLine:
    """Return ``step * clip(floor(x / step + shift + ahead), 0, levels)``."""
    line = ClampedLine.identity() / ClampedLine.constant(step)
    assert line is not None
    shifted = line + ClampedLine.constant(shift)
    assert shifted is not None
    rounded = shifted.round_uniformly(ahead)
    assert rounded is not None
    limited = dataclasses.replace(
        rounded, low=np.asarray(0.0), high=np.asarray(float(levels))
    )
    result = limited * ClampedLine.constant(step)
    assert result is not None
    return result


@pytest.mark.parametrize("shift, ahead", [(0.25, 0.0), (0.0, 0.5), (-0.25, 1.0)])
def test_steps(shift: float, ahead: float) -> None:
    steps = uniform_steps(quantizer(4, 0.25, shift, ahead=ahead))
    assert steps is not None
    assert (steps.theta, steps.levels, steps.is_signed) == (1, 4, False)
    assert steps.v_init == shift + ahead


def test_steps_that_are_too_far_ahead() -> None:
    assert uniform_steps(quantizer(4, 0.25, 0.75, ahead=0.5)) is None


def test_steps_of_another_size_in_y() -> None:
    twice = quantizer(4, 0.25, 0.0, ahead=0.5) * ClampedLine.constant(2)
    assert twice is not None
    assert uniform_steps(twice) is None


def test_a_line_without_rounding_or_limits_has_no_steps() -> None:
    assert uniform_steps(ClampedLine.identity()) is None
    rounded = ClampedLine.identity().round_uniformly(0.5)
    assert rounded is not None
    assert uniform_steps(rounded) is None

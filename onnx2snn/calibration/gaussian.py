"""Thresholds for activations known only by mean and standard deviation: no data is needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.thresholds import Threshold, complete_threshold

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["gaussian_threshold"]

_DEAD = -6.0
"""Means below so many deviations are dead: positive once in 10**9 samples."""

_CERTAIN = 1e5
"""Means above so many deviations are taken as constants."""

_OFFSETS = np.linspace(0, 8, 41)
"""The first thresholds tried, in deviations above a positive mean."""

_BISECTIONS = 40

_erfc = np.frompyfunc(math.erfc, 1, 1)


def gaussian_threshold(
    mean: ArrayLike, std: ArrayLike, levels: int, *, bound: ArrayLike | None = None
) -> Threshold:
    """Return the threshold of least mean squared error for normally distributed values.

    With ``x`` drawn from ``N(mean, std^2)`` per channel and ``b_i = (2i - 1) theta / 2n``, the
    squared error of the n-level quantizer of ``max(x, 0)`` is stationary where

        theta = n sum_i E[x; x >= b_i] / sum_i (2i - 1) P(x >= b_i),    i = 1..n.

    A grid finds the neighborhood of the best such point, bisection the point. A channel whose
    mean is six deviations below zero, or not positive with no deviation, counts as dead.

    Args:
        mean: Mean of each channel, in units of the activation, shape [channels].
        std: Standard deviation of each channel, >= 0, shape [channels].
        levels: n, at least 1.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Raises:
        ValueError: ``levels`` is less than 1, a deviation is negative or a number not finite.

    Source: Huang et al. 2025, the closed form. They iterate ``theta <- k theta``, with k the
    right side over theta, 100 times from theta = 1, which is far from settled for 32 levels;
    ours are the grid, the bisection on k > 1, and deviations as the unit.
    """
    mean = np.asarray(mean, float)
    std = np.asarray(std, float)
    mean, std = np.broadcast_arrays(mean, std)
    _check_arguments(mean, std, levels)
    mean = mean.reshape(-1)
    std = std.reshape(-1)
    is_constant = std * _CERTAIN <= np.abs(mean)
    unit = np.where(is_constant, 1.0, std)
    standard_mean = np.where(is_constant, 0.0, mean / unit)
    is_dead = np.where(is_constant, mean <= 0, standard_mean < _DEAD)
    standard_mean = np.maximum(standard_mean, _DEAD)
    values = _best_thresholds(standard_mean, levels) * unit
    values = np.where(is_constant, mean, values)
    return complete_threshold(values, is_dead, bound)


def _check_arguments(mean: np.ndarray, std: np.ndarray, levels: int) -> None:
    """Check the arguments of ``gaussian_threshold``; see there."""
    if levels < 1:
        message = f"levels must be at least 1, not {levels}"
        raise ValueError(message)
    has_finite_means = np.isfinite(mean).all()
    is_finite = np.isfinite(std).all()
    has_finite_deviations = is_finite and (std >= 0).all()
    if not (has_finite_means and has_finite_deviations):
        message = "means must be finite and standard deviations finite and not negative"
        raise ValueError(message)


def _best_thresholds(mean: np.ndarray, levels: int) -> np.ndarray:
    """Return the best threshold for unit deviations, shape [channels]."""
    best = _best_of_grid(mean, levels)
    spacing = _OFFSETS[1]
    low = np.maximum(best - spacing, 0)
    high = best + spacing
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        probability, partial_mean = _tail_sums(mean, middle, levels)
        is_below = levels * partial_mean > middle * probability
        low = np.where(is_below, middle, low)
        high = np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)


def _best_of_grid(mean: np.ndarray, levels: int) -> np.ndarray:
    """Return the best of some thresholds, for unit deviations, shape [channels]."""
    # The best is never below the mean: the i-th tail weighs 2i - 1 in the denominator, and
    # the later the tail, the less it holds.
    lowest = np.maximum(mean, 0)
    thetas = lowest[:, None] + _OFFSETS
    column = mean[:, None]
    probability, partial_mean = _tail_sums(column, thetas, levels)
    step = thetas / levels
    quadratic = step**2 * probability
    linear = 2 * step * partial_mean
    error = quadratic - linear
    channels = np.arange(len(mean))
    best = error.argmin(axis=1)
    return np.asarray(thetas[channels, best])


def _tail_sums(
    mean: np.ndarray, theta: np.ndarray, levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``sum (2i - 1) P(x >= b_i)`` and ``sum E[x; x >= b_i]`` for unit deviations."""
    odd = 2 * np.arange(levels) + 1
    half_step = theta / (2 * levels)
    mean = mean[..., None]
    points = odd * half_step[..., None]
    distance = points - mean
    in_error_units = distance / math.sqrt(2)
    above = np.asarray(_erfc(in_error_units), float) / 2
    exponential = np.exp(-(distance**2) / 2)
    density = exponential / math.sqrt(2 * math.pi)
    partial_mean = mean * above + density
    weighted = above @ odd
    total = partial_mean.sum(axis=-1)
    return weighted, total

"""Rules that choose each channel's firing threshold from the distribution of its activation.

``calibration.threshold_rules`` gives them their names, and puts folds of the data together.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.quantization_error import QuantizationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from onnx2snn.calibration.histogram import Histogram

__all__ = [
    "Threshold",
    "balanced_threshold",
    "complete_threshold",
    "max_threshold",
    "mse_threshold",
    "percentile_threshold",
]

_REFINEMENT = 10  # finer steps within one step of the grid

_ABOVE_LARGEST = np.arange(20, 10, -1) / 10
"""Thresholds that are tried above the largest activation, as parts of it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Threshold:
    """Firing thresholds of one activation.

    Attributes:
        values: Threshold of each channel, in units of the activation, > 0, shape [channels].
        dead: Whether the channel was never positive, so that its value is a stand-in, shape
            [channels].
    """

    values: np.ndarray
    dead: np.ndarray


def complete_threshold(
    values: np.ndarray, dead: np.ndarray, bound: ArrayLike | None = None
) -> Threshold:
    """Return thresholds, capped at ``bound``, with a stand-in for dead channels.

    The stand-in is the median over the channels alive; if none is, the bound; if there is no
    bound, 1.

    Args:
        values: Threshold of each channel; unused where dead, shape [channels].
        dead: Channels that were never positive, shape [channels].
        bound: The activation's upper bound (Clip's), > 0, a number or shape [channels].

    Raises:
        ValueError: A bound is not positive.
    """
    upper_bound = np.inf if bound is None else bound
    limit = np.asarray(upper_bound, float)
    cap = np.broadcast_to(limit, dead.shape)
    if not (cap > 0).all():
        message = f"the bound must be positive, not {bound!r}"
        raise ValueError(message)
    if dead.all():
        is_bounded = np.isfinite(cap)
        stand_in = np.where(is_bounded, cap, 1.0)
    else:
        alive = values[~dead]
        median = np.median(alive)
        stand_in = np.full(dead.shape, median)
    completed = np.where(dead, stand_in, values)
    capped = np.minimum(completed, cap)
    return Threshold(capped, dead)


def max_threshold(histogram: Histogram, *, bound: ArrayLike | None = None) -> Threshold:
    """Return each channel's largest activation.

    Source: Diehl et al. 2015; channel-wise, Kim et al. 2020.
    """
    dead = _is_dead(histogram)
    return complete_threshold(histogram.maximum, dead, bound)


def percentile_threshold(
    histogram: Histogram, percentile: float = 99.9, *, bound: ArrayLike | None = None
) -> Threshold:
    """Return the percentile of each channel's positive activations: zeros do not count.

    It is exact within a bin of the histogram, and never above the largest activation.

    Args:
        histogram: The activations seen.
        percentile: In percent, above 0 and at most 100.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Raises:
        ValueError: The percentile is out of range.

    Source: Rueckauer et al. 2017.
    """
    if not 0 < percentile <= 100:
        message = f"percentile must be above 0 and at most 100, not {percentile}"
        raise ValueError(message)
    counts = histogram.positive()
    reached = counts.cumsum(axis=1)
    positive = reached[:, -1:]
    wanted = percentile / 100 * positive
    last_bin = counts.shape[1] - 1
    bins_below = (reached < wanted).sum(axis=1)
    index = np.minimum(bins_below, last_bin)
    channel = np.arange(histogram.channels)
    inside = counts[channel, index]
    below = reached[channel, index] - inside
    missing = wanted[:, 0] - below
    at_least_one = np.maximum(inside, 1)
    share = missing / at_least_one
    bins_passed = index + share
    values = bins_passed * histogram.width
    values = np.minimum(values, histogram.maximum)
    dead = _is_dead(histogram)
    return complete_threshold(values, dead, bound)


def balanced_threshold(
    histogram: Histogram, iterations: int = 1000, *, bound: ArrayLike | None = None
) -> Threshold:
    """Return thresholds that grew, from 0, by twice what lies above them in the mean.

        theta += 2 mean[(x - theta) 1(x > theta)]

    This is gradient descent on the squared clipping error. Values are taken to lie in the middle
    of their bin of the histogram.

    Args:
        histogram: The activations seen, zeros included.
        iterations: How often this is done; there, once a batch.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Source: Bu et al., 2025 (local threshold balancing).
    """
    counts = histogram.positive().astype(float)
    bins = counts.shape[1]
    width = histogram.width[:, None]
    middles = np.arange(bins) + 0.5
    centers = middles * width
    seen = np.maximum(histogram.count, 1)
    values = np.zeros(histogram.channels)
    for _ in range(iterations):
        distance = centers - values[:, None]
        above = np.maximum(distance, 0)
        weighted = counts * above
        excess = weighted.sum(axis=1)
        values += 2 * excess / seen
    dead = _is_dead(histogram)
    return complete_threshold(values, dead, bound)


def mse_threshold(
    histogram: Histogram,
    time_steps: int,
    grid: int = 100,
    *,
    bound: ArrayLike | None = None,
) -> Threshold:
    """Return the threshold whose quantizer has the least mean squared error.

    The quantizer is what a neuron with ``v_init = theta / 2`` computes in T steps,
    ``theta/T clip(floor(T x / theta + 1/2), 0, T)``. Tried are ``theta = max (1 - i / grid)``,
    ``i = 0 .. grid - 1``, and tenths of the maximum up to twice that, since a larger value may
    come; then, around the best, steps ten times finer than those of the grid.
    Values are taken to be spread evenly within a bin of the histogram.

    Args:
        histogram: The activations seen.
        time_steps: T, at least 1.
        grid: Number of thresholds tried at first, at least 1.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Raises:
        ValueError: ``time_steps`` or ``grid`` is less than 1.

    Source: Li et al. 2021; the second, finer grid, and what is above the maximum, are ours.
    """
    if time_steps < 1 or grid < 1:
        message = f"time_steps and grid must be at least 1, not {time_steps} and {grid}"
        raise ValueError(message)
    dead = _is_dead(histogram)
    error = QuantizationError(histogram, time_steps)
    largest = np.where(dead, 1.0, histogram.maximum)[:, None]
    values = _search(error, largest, grid)
    return complete_threshold(values, dead, bound)


def _search(error: QuantizationError, largest: np.ndarray, grid: int) -> np.ndarray:
    """Return the best thresholds of each channel, on a grid and then on a finer one."""
    up_to_largest = 1 - np.arange(grid) / grid
    coarse_grid = np.concatenate([_ABOVE_LARGEST, up_to_largest])
    candidates = largest * coarse_grid
    coarse = error.argmin(candidates)[:, None]
    finer_steps = np.arange(1 - _REFINEMENT, _REFINEMENT)
    offsets = largest * (finer_steps / (_REFINEMENT * grid))
    around = coarse + offsets
    fine = np.hstack([coarse, around])
    return error.argmin(fine)


def _is_dead(histogram: Histogram) -> np.ndarray:
    """Return of each channel whether it was never positive."""
    return np.asarray(histogram.maximum <= 0)

"""Rules that choose each channel's firing threshold from the distribution of its activation.

``calibration.threshold_rules`` gives them their names, and puts folds of the data together.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.unseen_values import unseen_errors

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
    "quantization_errors",
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
    ``i = 0 .. grid - 1``, and up to twice the maximum, since a larger value may come; then,
    between the neighbors of the best, steps ten times finer.
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
    largest = np.where(dead, 1.0, histogram.maximum)[:, None]
    error = _QuantizationError(histogram, time_steps)
    up_to_largest = 1 - np.arange(grid) / grid
    coarse_grid = np.concatenate([_ABOVE_LARGEST, up_to_largest])
    candidates = largest * coarse_grid
    coarse = error.argmin(candidates)[:, None]
    finer_steps = np.arange(1 - _REFINEMENT, _REFINEMENT)
    offsets = largest * (finer_steps / (_REFINEMENT * grid))
    around = coarse + offsets
    fine = np.hstack([coarse, around])
    values = error.argmin(fine)
    return complete_threshold(values, dead, bound)


def _is_dead(histogram: Histogram) -> np.ndarray:
    """Return of each channel whether it was never positive."""
    return np.asarray(histogram.maximum <= 0)


def quantization_errors(
    histogram: Histogram, time_steps: int, thetas: np.ndarray
) -> np.ndarray:
    """Return each channel's squared error of the quantizer, for each of some thresholds.

    In units of the activation squared, summed over the samples, but for a number that does not
    depend on the thresholds.

    Args:
        histogram: The activations seen.
        time_steps: T, at least 1.
        thetas: Thresholds of each channel, > 0, shape [channels, candidates].

    Returns:
        Errors, shape [channels, candidates].
    """
    error = _QuantizationError(histogram, time_steps)
    return error.errors(thetas)


class _QuantizationError:
    """The quantizer's squared error, from the tails of a histogram's positive part.

    With ``b_k = (2k - 1) theta / 2T`` the point where the k-th spike comes, and M0, M1 the
    number and the sum of the values at and above a point, the squared error is, but for the
    sum of squares, which does not depend on theta,

        (theta/T)^2 sum_k (2k - 1) M0(b_k)  -  2 theta/T sum_k M1(b_k).
    """

    def __init__(self, histogram: Histogram, time_steps: int) -> None:
        counts = histogram.positive().astype(float)
        bins = counts.shape[1]
        centers = np.arange(bins) + 0.5
        self._counts = np.pad(counts, [(0, 0), (0, 1)])
        self._count_above = _tail_sums(counts)
        weighted = counts * centers
        self._sum_above = _tail_sums(weighted)
        self._width = histogram.width
        self._odd = 2 * np.arange(time_steps) + 1
        self._histogram = histogram

    def argmin(self, thetas: np.ndarray) -> np.ndarray:
        """Return the best of each channel's candidates, the first if several are.

        They are to be good for the values seen and one that was not.

        Args:
            thetas: Candidates, > 0, shape [channels, candidates].
        """
        errors = self.errors(thetas) + unseen_errors(self._histogram, thetas)
        best = errors.argmin(axis=1)
        channels = np.arange(len(thetas))
        return np.asarray(thetas[channels, best])

    def errors(self, thetas: np.ndarray) -> np.ndarray:
        """Return each channel's errors, squared units of the activation, shape of ``thetas``."""
        errors = []
        for channel, width in enumerate(self._width):
            in_bins = thetas[channel] / width
            error = self._channel_errors(channel, in_bins)
            errors.append(error * width**2)
        return np.array(errors)

    def _channel_errors(self, channel: int, thetas: np.ndarray) -> np.ndarray:
        """Return the errors of thresholds in units of a bin."""
        step = thetas / len(self._odd)
        last_bin = self._counts.shape[1] - 1
        firing_points = self._odd * step[:, None] / 2
        points = np.minimum(firing_points, last_bin)
        index = points.astype(np.intp)
        inside = points - index
        counts = self._counts[channel]
        share = counts[index] * (1 - inside)
        center = index + (1 + inside) / 2
        count_above = self._count_above[channel]
        count = count_above[index] + share
        sum_above = self._sum_above[channel]
        total = sum_above[index] + share * center
        quadratic = step**2 * (count @ self._odd)
        linear = 2 * step * total.sum(axis=1)
        errors = quadratic - linear
        return np.asarray(errors)


def _tail_sums(values: np.ndarray) -> np.ndarray:
    """Return at i the sum over all entries after i, shape [channels, bins + 1]."""
    backwards = values[:, ::-1]
    sums_backwards = backwards.cumsum(axis=1)
    sums = sums_backwards[:, ::-1]
    after = sums[:, 1:]
    return np.pad(after, [(0, 0), (0, 2)])

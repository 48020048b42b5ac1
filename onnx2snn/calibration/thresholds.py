"""Rules that choose each channel's firing threshold from the distribution of its activation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from onnx2snn.calibration.histogram import Histogram

__all__ = [
    "Threshold",
    "balanced_threshold",
    "max_threshold",
    "mse_threshold",
    "percentile_threshold",
    "quantization_errors",
    "threshold",
]

_REFINEMENT = 10  # finer steps within one step of the grid


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


def threshold(
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
    cap = np.broadcast_to(
        np.asarray(np.inf if bound is None else bound, float), dead.shape
    )
    if not (cap > 0).all():
        message = f"the bound must be positive, not {bound!r}"
        raise ValueError(message)
    unknown = np.where(np.isfinite(cap), cap, 1.0)
    stand_in = (
        np.full(dead.shape, np.median(values[~dead])) if not dead.all() else unknown
    )
    return Threshold(np.minimum(np.where(dead, stand_in, values), cap), dead)


def max_threshold(histogram: Histogram, *, bound: ArrayLike | None = None) -> Threshold:
    """Return each channel's largest activation.

    Source: Diehl et al. 2015; channel-wise, Kim et al. 2020.
    """
    return threshold(histogram.maximum, histogram.maximum <= 0, bound)


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
    wanted = percentile / 100 * reached[:, -1:]
    index = np.minimum((reached < wanted).sum(axis=1), counts.shape[1] - 1)
    channel = np.arange(histogram.channels)
    inside = counts[channel, index]
    missing = wanted[:, 0] - (reached[channel, index] - inside)
    values = (index + missing / np.maximum(inside, 1)) * histogram.width
    return threshold(
        np.minimum(values, histogram.maximum), histogram.maximum <= 0, bound
    )


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
    centers = (np.arange(counts.shape[1]) + 0.5) * histogram.width[:, None]
    seen = np.maximum(histogram.count, 1)
    values = np.zeros(histogram.channels)
    for _ in range(iterations):
        above = np.maximum(centers - values[:, None], 0)
        values += 2 * (counts * above).sum(axis=1) / seen
    return threshold(values, histogram.maximum <= 0, bound)


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
    ``i = 0 .. grid - 1``, then, between the neighbors of the best, steps ten times finer.
    Values are taken to be spread evenly within a bin of the histogram.

    Args:
        histogram: The activations seen.
        time_steps: T, at least 1.
        grid: Number of thresholds tried at first, at least 1.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Raises:
        ValueError: ``time_steps`` or ``grid`` is less than 1.

    Source: Li et al. 2021; the second, finer grid is ours.
    """
    if time_steps < 1 or grid < 1:
        message = f"time_steps and grid must be at least 1, not {time_steps} and {grid}"
        raise ValueError(message)
    dead = histogram.maximum <= 0
    largest = np.where(dead, 1.0, histogram.maximum)[:, None]
    error = _QuantisationError(histogram, time_steps)
    coarse = error.argmin(largest * (1 - np.arange(grid) / grid))
    steps = np.arange(1 - _REFINEMENT, _REFINEMENT) / (_REFINEMENT * grid)
    fine = np.hstack([coarse[:, None], coarse[:, None] + largest * steps])
    return threshold(error.argmin(np.minimum(fine, largest)), dead, bound)


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
    return _QuantisationError(histogram, time_steps).of(thetas)


class _QuantisationError:
    """The quantizer's squared error, from the tails of a histogram's positive part.

    With ``b_k = (2k - 1) theta / 2T`` the point where the k-th spike comes, and M0, M1 the
    number and the sum of the values at and above a point, the squared error is, but for the
    sum of squares, which does not depend on theta,

        (theta/T)^2 sum_k (2k - 1) M0(b_k)  -  2 theta/T sum_k M1(b_k).
    """

    def __init__(self, histogram: Histogram, time_steps: int) -> None:
        counts = histogram.positive().astype(float)
        centers = np.arange(counts.shape[1]) + 0.5
        self._counts = np.pad(counts, [(0, 0), (0, 1)])
        self._count_above = _tail_sums(counts)
        self._sum_above = _tail_sums(counts * centers)
        self._width = histogram.width
        self._odd = 2 * np.arange(time_steps) + 1

    def argmin(self, thetas: np.ndarray) -> np.ndarray:
        """Return the best of each channel's candidates, the first if several are.

        Args:
            thetas: Candidates, > 0, shape [channels, candidates].
        """
        best = self.of(thetas).argmin(axis=1)
        return np.asarray(thetas[np.arange(len(thetas)), best])

    def of(self, thetas: np.ndarray) -> np.ndarray:
        """Return each channel's errors, squared units of the activation, shape of ``thetas``."""
        found = [
            self._errors(channel, candidates / width) * width**2
            for channel, (candidates, width) in enumerate(
                zip(thetas, self._width, strict=True)
            )
        ]
        return np.array(found)

    def _errors(self, channel: int, thetas: np.ndarray) -> np.ndarray:
        """Return the errors of thresholds in units of a bin."""
        step = thetas / len(self._odd)
        points = np.minimum(self._odd * step[:, None] / 2, self._counts.shape[1] - 1)
        index = points.astype(np.intp)
        inside = points - index
        share = self._counts[channel][index] * (1 - inside)
        count = self._count_above[channel][index] + share
        total = self._sum_above[channel][index] + share * (index + (1 + inside) / 2)
        return np.asarray(step**2 * (count @ self._odd) - 2 * step * total.sum(axis=1))


def _tail_sums(values: np.ndarray) -> np.ndarray:
    """Return at i the sum over all entries after i, shape [channels, bins + 1]."""
    sums = values[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.pad(sums[:, 1:], [(0, 0), (0, 2)])

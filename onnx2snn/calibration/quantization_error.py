"""The squared error that a quantizer of T levels makes on the values of a histogram."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.unseen_values import UnseenValue

if TYPE_CHECKING:
    from onnx2snn.calibration.histogram import Histogram

__all__ = ["QuantizationError", "quantization_errors"]

_POINTS = 2**14
"""Points looked up at a time: what is known of them stays in the cache of a processor."""


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
    error = QuantizationError(histogram, time_steps)
    return error.errors(thetas)


class QuantizationError:
    """The quantizer's squared error, from the tails of a histogram's positive part.

    With ``b_k = (2k - 1) theta / 2T`` the point where the k-th spike comes, and M0, M1 the
    number and the sum of the values at and above a point, the squared error is, but for the
    sum of squares, which does not depend on theta,

        (theta/T)^2 sum_k (2k - 1) M0(b_k)  -  2 theta/T sum_k M1(b_k).
    """

    def __init__(self, histogram: Histogram, time_steps: int) -> None:
        """Sum up the tails of ``histogram``, for T steps."""
        counts = histogram.positive().astype(float)
        bins = counts.shape[1]
        centers = np.arange(bins) + 0.5
        self._counts = counts
        self._count_above = _tail_sums(counts)
        self._sum_above = _tail_sums(counts * centers)
        self._width = histogram.width
        self._odd = 2 * np.arange(time_steps) + 1
        self._histogram = histogram

    @functools.cached_property
    def _unseen(self) -> UnseenValue:
        return UnseenValue(self._histogram)

    def argmin(self, thetas: np.ndarray) -> np.ndarray:
        """Return the best of each channel's candidates, the first if several are.

        They are to be good for the values seen and one that was not.

        Args:
            thetas: Candidates, > 0, shape [channels, candidates].
        """
        errors = self.errors(thetas) + self._unseen.errors(thetas)
        best = errors.argmin(axis=1)
        channels = np.arange(len(thetas))
        return np.asarray(thetas[channels, best])

    def errors(self, thetas: np.ndarray) -> np.ndarray:
        """Return each channel's errors, squared units of the activation, shape of ``thetas``."""
        channels, candidates = thetas.shape
        width = self._width[:, None]
        steps = thetas / width / len(self._odd)
        errors = np.empty_like(steps)
        points_a_channel = candidates * len(self._odd)
        rows = max(1, _POINTS // points_a_channel)
        for start in range(0, channels, rows):
            part = slice(start, start + rows)
            errors[part] = self._errors_in_bins(part, steps[part])
        return np.asarray(errors * width**2)

    def _errors_in_bins(self, channels: slice, steps: np.ndarray) -> np.ndarray:
        """Return the errors of some channels, squared units of a bin, shape of ``steps``.

        Args:
            channels: The channels.
            steps: Parts of the thresholds that one of T spikes is worth, in units of a bin.
        """
        bins = self._counts.shape[1]
        points = steps[:, :, None] * (self._odd / 2)
        np.minimum(points, bins, out=points)
        index = np.minimum(points.astype(np.intp), bins - 1)
        inside = points - index
        first_bins = np.arange(len(steps)) * bins
        at = index + first_bins[:, None, None]
        share = self._counts[channels].take(at) * (1 - inside)
        center = index + (1 + inside) / 2
        count = self._count_above[channels].take(at) + share
        total = self._sum_above[channels].take(at) + share * center
        quadratic = steps**2 * (count @ self._odd)
        linear = 2 * steps * total.sum(axis=2)
        return np.asarray(quadratic - linear)


def _tail_sums(values: np.ndarray) -> np.ndarray:
    """Return at i the sum over all entries after i, shape of ``values``."""
    sums = np.zeros_like(values)
    from_the_last = values[:, :0:-1]
    np.cumsum(from_the_last, axis=1, out=sums[:, -2::-1])
    return sums

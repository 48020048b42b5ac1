"""The squared error that a quantizer of T levels makes on the values of a histogram."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.unseen_values import UnseenValue

if TYPE_CHECKING:
    from onnx2snn.calibration.histogram import Histogram

__all__ = ["QuantizationError", "quantization_errors"]


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
        channels, bins = counts.shape
        centers = np.arange(bins) + 0.5
        self._counts = np.zeros((channels, bins + 1))
        self._counts[:, :bins] = counts
        self._count_above = _tail_sums(counts)
        weighted = counts * centers
        self._sum_above = _tail_sums(weighted)
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
    channels, bins = values.shape
    sums = np.zeros((channels, bins + 1))
    from_the_last = values[:, :0:-1]
    sums_backwards = from_the_last.cumsum(axis=1)
    sums[:, : bins - 1] = sums_backwards[:, ::-1]
    return sums

"""The values of an activation that are larger than all that were seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx2snn.calibration.histogram import Histogram

__all__ = ["UnseenValue"]

_BELOW = 0.9
"""The part of the nonzero values that lies below the tail."""

_TINY = np.finfo(np.float32).tiny
"""Least excess of a tail: a dead channel has none."""


class UnseenValue:
    """One value of each channel that was not seen, larger than all that were.

    Of n values seen, the next one is larger than all with a probability of about 1 / n, so one
    such value belongs to them. By how much it is larger is taken to be exponentially
    distributed, with the mean excess beta of the tail: with d = theta - max,

        E (x - theta)+^2 = 2 beta^2 exp(-d / beta)          where d >= 0,
        E (x - theta)^2 = d^2 - 2 d beta + 2 beta^2         where d < 0.

    Among many values it says little; among few it is what keeps a threshold from clipping
    whatever is a bit larger than those seen.

    Args:
        histogram: The activations seen.

    Source: I. J. Good, 1953, for the probability; the rest is ours.
    """

    def __init__(self, histogram: Histogram) -> None:
        """Find the largest values seen, and the tails."""
        self._beta = _mean_excess(histogram)[:, None]
        self._largest = np.maximum(histogram.maximum, 0)[:, None]

    def errors(self, thetas: np.ndarray) -> np.ndarray:
        """Return the squared error by which thresholds clip it.

        Args:
            thetas: Thresholds of each channel, > 0, shape [channels, candidates].

        Returns:
            Errors, in squared units of the activation, shape of ``thetas``.
        """
        beta = self._beta
        difference = thetas - self._largest
        room = np.maximum(difference, 0)
        lacking = np.maximum(-difference, 0)
        excesses_of_room = room / np.maximum(beta, _TINY)
        beyond = 2 * beta**2 * np.exp(-excesses_of_room)
        errors = lacking**2 + 2 * lacking * beta + beyond
        return np.asarray(errors)


def _mean_excess(histogram: Histogram) -> np.ndarray:
    """Return by how much the largest tenth of each channel's values exceeds the rest, [channels].

    It is the mean of what they are above the smallest of them, of the values that are not 0.
    """
    reached = histogram.positive().cumsum(axis=1, dtype=np.int64)
    channels, bins = reached.shape
    channel = np.arange(channels)
    seen = reached[:, -1]
    is_below = reached < _BELOW * seen[:, None]
    start = np.count_nonzero(is_below, axis=1)
    summed = np.zeros((channels, bins + 1), np.int64)
    np.cumsum(reached, axis=1, out=summed[:, 1:])
    # A value is as many bins above the start as there are, from it on, that it is beyond.
    reached_from_start = summed[:, -1] - summed[channel, start]
    in_bins = seen * (bins - start) - reached_from_start
    below = np.where(start, reached[channel, start - 1], 0)
    values = np.maximum(seen - below, 1)
    excess = in_bins * histogram.width / values
    return _at_least_typical(excess, histogram.maximum)


def _at_least_typical(excess: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Return the excess of each channel, at least what is typical for its largest value.

    A channel of few values may show none.
    """
    is_alive = largest > 0
    if not is_alive.any():
        return excess
    relative = excess[is_alive] / largest[is_alive]
    typical = np.median(relative)
    alive = np.where(is_alive, largest, 0)
    least = typical * alive
    return np.asarray(np.maximum(excess, least))

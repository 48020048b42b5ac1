"""Histograms of activations, and of what spikes carry of them, in units of the threshold."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

__all__ = ["Histogram", "HistogramSums"]

_SIDE = 24
"""Bins up to the largest value that spikes can carry, at most."""

_BEYOND = 1.25
"""Values are told apart up to so many times the largest that spikes can carry."""


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Shares of values by their size.

    Attributes:
        width: Width of a bin, in thresholds.
        first: Number of the first bin; bin n holds what is nearest to n times the width, and the
            outermost bins all that lies beyond.
        ann: Share of the ANN's activations in each bin, of all.
        snn: The same of what the spikes carry.
    """

    width: float
    first: int
    ann: tuple[float, ...]
    snn: tuple[float, ...]

    @property
    def silent(self) -> tuple[float, float]:
        """Shares of the ANN's activations and of what spikes carry that are nearest to 0."""
        return self.ann[-self.first], self.snn[-self.first]


class HistogramSums:
    """Counts of values, batch by batch.

    Args:
        time_steps: T.
        levels: Most spikes that a neuron sends in a step.
    """

    def __init__(self, time_steps: int, levels: int) -> None:
        self._width = max(1 / time_steps, levels / _SIDE)
        self._last = math.ceil(_BEYOND * levels / self._width)
        bins = 2 * self._last + 1
        self._ann = np.zeros(bins)
        self._snn = np.zeros(bins)

    def add(self, activations: np.ndarray, carried: np.ndarray) -> None:
        """Count values of a batch, both in thresholds."""
        self._ann += self._count(activations)
        self._snn += self._count(carried)

    def _count(self, values: np.ndarray) -> np.ndarray:
        nearest = np.floor(values.reshape(-1) / self._width + 0.5)
        places = np.clip(nearest, -self._last, self._last) + self._last
        return np.bincount(places.astype(np.int64), minlength=2 * self._last + 1)

    def result(self) -> Histogram:
        """Return the shares; negative values only where there are some."""
        is_signed = self._ann[: self._last].any() or self._snn[: self._last].any()
        first = 0 if is_signed else self._last
        ann = self._ann[first:] / self._ann.sum()
        snn = self._snn[first:] / self._snn.sum()
        return Histogram(
            self._width,
            first - self._last,
            tuple(map(float, ann)),
            tuple(map(float, snn)),
        )

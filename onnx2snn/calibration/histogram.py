"""The distribution of a value, one histogram per channel, gathered batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Histogram"]

_BLOCK = 1 << 20  # elements binned at a time, so that temporaries stay in the cache
_SMALLEST_EXPONENT = (
    -100
)  # ranges below 2**-100 are not told apart: float32 would overflow


class Histogram:
    """Streaming histograms of one value, in memory independent of the number of samples.

    Each channel's bins cover ``[0, r)``, or ``[-r, r)`` once any value was negative, where
    ``r`` is the least power of two above the channel's largest magnitude. When a value falls
    outside, the range doubles and pairs of bins merge. As ranges and bin widths are powers of
    two, this is exact: the result does not depend on how the values were split into batches.

    Zeros are counted apart and are in no bin.

    Attributes:
        counts: Number of non-zero values in each bin, shape [channels, bins].
        count: Number of values seen, zeros included, shape [channels].
        zeros: Number of values equal to zero, shape [channels].
        maximum: Largest value, exact, shape [channels]; -inf before the first value.
        minimum: Smallest value, exact, shape [channels]; inf before the first value.
        total: Sum of the values in float64, shape [channels].
        is_signed: Whether the bins cover negative values.
    """

    def __init__(self, channels: int, bins: int = 2048) -> None:
        """Start empty.

        Args:
            channels: Number of channels, at least 1.
            bins: Bins per channel, a power of two, at least 4.

        Raises:
            ValueError: One of the two is out of range.
        """
        if channels < 1:
            message = f"channels must be at least 1, not {channels}"
            raise ValueError(message)
        if bins < 4 or bins & (bins - 1):
            message = f"bins must be a power of two and at least 4, not {bins}"
            raise ValueError(message)
        self.counts = np.zeros((channels, bins), np.int64)
        self.count = np.zeros(channels, np.int64)
        self.zeros = np.zeros(channels, np.int64)
        self.maximum = np.full(channels, -np.inf)
        self.minimum = np.full(channels, np.inf)
        self.total = np.zeros(channels)
        self.is_signed = False
        self._exponent = np.full(channels, _SMALLEST_EXPONENT, np.int64)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.counts.shape[0]

    @property
    def bins(self) -> int:
        """Number of bins per channel."""
        return self.counts.shape[1]

    @property
    def width(self) -> np.ndarray:
        """Width of a bin in units of the value, shape [channels]."""
        return np.ldexp(1.0, self._exponent + int(self.is_signed)) / self.bins

    @property
    def lower_edge(self) -> np.ndarray:
        """Left end of the first bin in units of the value, shape [channels]."""
        return -self.width * self._first_positive()

    def positive(self) -> np.ndarray:
        """Return the counts of the bins above zero, shape [channels, bins or bins / 2]."""
        return self.counts[:, self._first_positive() :]

    def _first_positive(self) -> int:
        return self.bins // 2 if self.is_signed else 0

    def update(self, values: np.ndarray) -> None:
        """Add values.

        Args:
            values: Floating-point numbers, shape [channels, n], any n.

        Raises:
            CalibrationError: A value is NaN or infinite.
            ValueError: The shape is another.
        """
        if values.ndim != 2 or len(values) != self.channels:
            message = (
                f"values have shape {list(values.shape)}, expected [{self.channels}, n]"
            )
            raise ValueError(message)
        if values.shape[1] == 0:
            return
        if values.dtype != np.float64:
            values = values.astype(np.float32, copy=False)
        self._include(
            values.min(axis=1).astype(float), values.max(axis=1).astype(float)
        )
        self.count += values.shape[1]
        self.total += values.sum(axis=1, dtype=float)
        self._bin(values)

    def _include(self, minimum: np.ndarray, maximum: np.ndarray) -> None:
        bad = ~(np.isfinite(minimum) & np.isfinite(maximum))
        if bad.any():
            message = (
                f"NaN or infinite values in channels {np.flatnonzero(bad).tolist()}"
            )
            raise CalibrationError(message)
        np.minimum(self.minimum, minimum, out=self.minimum)
        np.maximum(self.maximum, maximum, out=self.maximum)
        if not self.is_signed and (minimum < 0).any():
            self.counts = _moved_up(_merged(self.counts, 1))
            self.is_signed = True
        magnitude = np.maximum(np.abs(minimum), np.abs(maximum))
        _, exponent = np.frexp(np.maximum(magnitude, np.ldexp(0.5, _SMALLEST_EXPONENT)))
        self._widen(np.maximum(self._exponent, exponent))

    def _widen(self, exponent: np.ndarray) -> None:
        for doublings in np.unique(exponent - self._exponent):
            if doublings > 0:
                channels = exponent - self._exponent == doublings
                self.counts[channels] = self._doubled(
                    self.counts[channels], int(doublings)
                )
        self._exponent = exponent

    def _doubled(self, counts: np.ndarray, doublings: int) -> np.ndarray:
        if not self.is_signed:
            return _merged(counts, doublings)
        below, above = np.split(counts, 2, axis=1)
        return np.hstack(
            [_merged(below[:, ::-1], doublings)[:, ::-1], _merged(above, doublings)]
        )

    def _bin(self, values: np.ndarray) -> None:
        channels, n = values.shape
        step = max(1, _BLOCK // n)
        for first in range(0, channels, step):
            for start in range(0, n, _BLOCK):
                self._bin_block(
                    slice(first, first + step), values[:, start : start + _BLOCK]
                )

    def _bin_block(self, channels: slice, values: np.ndarray) -> None:
        block, first = values[channels], self._first_positive()
        scale = (1 / self.width[channels]).astype(block.dtype)
        scaled = block * scale[:, None]
        if self.is_signed:
            np.floor(scaled, out=scaled)
        index = scaled.astype(np.intp)
        index += np.arange(len(block))[:, None] * self.bins + first
        zeros = block.shape[1] - np.count_nonzero(block, axis=1)
        counts = np.bincount(index.ravel(), minlength=len(block) * self.bins)
        self.counts[channels] += counts.reshape(len(block), self.bins)
        self.counts[channels, first] -= zeros
        self.zeros[channels] += zeros

    @classmethod
    def sum(cls, parts: Sequence[Histogram]) -> Histogram:
        """Return the histogram of the values of all ``parts``, which have the same channels."""
        result = cls(parts[0].channels, parts[0].bins)
        for part in parts:
            result.add(part)
        return result

    def add(self, other: Histogram) -> None:
        """Add the values of ``other``, which has the same channels and bins."""
        if not other.count.any():
            return
        self._include(other.minimum, other.maximum)
        counts = other.counts
        if self.is_signed and not other.is_signed:
            counts = _moved_up(_merged(counts, 1))
        doublings = self.exponent - other.exponent
        for steps in np.unique(doublings):
            channels = doublings == steps
            self.counts[channels] += self._doubled(counts[channels], int(steps))
        self.count += other.count
        self.zeros += other.zeros
        self.total += other.total

    @property
    def exponent(self) -> np.ndarray:
        """Exponent of 2 of the range r, shape [channels]."""
        return self._exponent

    def merged(self) -> Histogram:
        """Return one histogram, of one channel, of the values of all channels."""
        result = Histogram(1, self.bins)
        result.is_signed = self.is_signed
        result._exponent = self._exponent.max(keepdims=True)
        for doublings in np.unique(result._exponent - self._exponent):
            channels = result._exponent - self._exponent == doublings
            result.counts += self._doubled(self.counts[channels], int(doublings)).sum(
                axis=0
            )
        result.count[:] = self.count.sum()
        result.zeros[:] = self.zeros.sum()
        result.maximum[:] = self.maximum.max()
        result.minimum[:] = self.minimum.min()
        result.total[:] = self.total.sum()
        return result


def _merged(counts: np.ndarray, doublings: int) -> np.ndarray:
    """Merge bins as the range ``[0, r)`` doubles; the bins keep their number."""
    channels, bins = counts.shape
    group = min(1 << min(doublings, 62), bins)
    result = np.zeros_like(counts)
    result[:, : bins // group] = counts.reshape(channels, bins // group, group).sum(
        axis=2
    )
    return result


def _moved_up(counts: np.ndarray) -> np.ndarray:
    """Make the lower half of the bins the upper one, leaving room for negative values."""
    half = counts.shape[1] // 2
    return np.hstack([np.zeros_like(counts[:, half:]), counts[:, :half]])

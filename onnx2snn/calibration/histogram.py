"""The distribution of a value, one histogram per channel, gathered batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.bins import (
    count_into,
    halve_bins,
    make_room_below,
    merge_bins,
)
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Histogram"]

_BLOCK = 1 << 16
"""Elements binned at a time, so that temporaries stay in the cache."""

_SMALLEST_EXPONENT = -100
"""Ranges below 2**-100 are not told apart: float32 would overflow."""


class Histogram:
    """Streaming histograms of one value, in memory independent of the number of samples.

    Each channel's bins cover ``[0, r)``, or ``[-r, r)`` once any value was negative, where
    ``r`` is the least power of two above the channel's largest magnitude. When a value falls
    outside, the range doubles and pairs of bins merge. As ranges and bin widths are powers of
    two, this is exact: the result does not depend on how the values were split into batches.

    Zeros are counted apart and are in no bin.

    Attributes:
        counts: Number of non-zero values in each bin, shape [channels, bins]; int32 as long as
            that holds them.
        count: Number of values seen, zeros included, shape [channels].
        zeros: Number of values equal to zero, shape [channels].
        maximum: Largest value, exact, shape [channels]; -inf before the first value.
        minimum: Smallest value, exact, shape [channels]; inf before the first value.
        total: Sum of the values in float64, shape [channels].
        is_signed: Whether the bins cover negative values.
        exponent: Exponent of 2 of the range r, shape [channels].
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
        is_power_of_two = bins & (bins - 1) == 0
        if bins < 4 or not is_power_of_two:
            message = f"bins must be a power of two and at least 4, not {bins}"
            raise ValueError(message)
        self.counts = np.zeros((channels, bins), np.int32)
        self.count = np.zeros(channels, np.int64)
        self.zeros = np.zeros(channels, np.int64)
        self.maximum = np.full(channels, -np.inf)
        self.minimum = np.full(channels, np.inf)
        self.total = np.zeros(channels)
        self.is_signed = False
        self.exponent = np.full(channels, _SMALLEST_EXPONENT, np.int64)

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
        exponent = self.exponent + int(self.is_signed)
        length = np.ldexp(1.0, exponent)
        return length / self.bins

    @property
    def lower_edge(self) -> np.ndarray:
        """Left end of the first bin in units of the value, shape [channels]."""
        return -self.width * self._first_positive

    def positive(self) -> np.ndarray:
        """Return the counts of the bins above zero, shape [channels, bins or bins / 2]."""
        return self.counts[:, self._first_positive :]

    @property
    def _first_positive(self) -> int:
        """Number of the first bin above zero."""
        if self.is_signed:
            return self.bins // 2
        return 0

    def update(self, values: np.ndarray) -> None:
        """Add values.

        Args:
            values: Floating-point numbers, shape [channels, n], any n.

        Raises:
            CalibrationError: A value is NaN or infinite.
            ValueError: The shape is another.
        """
        if values.ndim != 2 or len(values) != self.channels:
            shape = list(values.shape)
            message = f"values have shape {shape}, expected [{self.channels}, n]"
            raise ValueError(message)
        values_a_channel = values.shape[1]
        if values_a_channel == 0:
            return
        if values.dtype != np.float64:
            values = values.astype(np.float32, copy=False)
        smallest = values.min(axis=1)
        minimum = smallest.astype(float)
        largest = values.max(axis=1)
        maximum = largest.astype(float)
        self._include_extremes(minimum, maximum)
        self._count_more(values_a_channel)
        total = values.sum(axis=1, dtype=float)
        self.total += total
        self._add_to_bins(values)

    def _count_more(self, values: np.ndarray | int) -> None:
        """Count so many values a channel, and let no bin overflow."""
        self.count += values
        largest = self.count.max()
        if largest > np.iinfo(self.counts.dtype).max:
            self.counts = self.counts.astype(np.int64)

    def _include_extremes(self, minimum: np.ndarray, maximum: np.ndarray) -> None:
        """Widen the ranges so that they hold each channel's smallest and largest value."""
        is_finite = np.isfinite(minimum) & np.isfinite(maximum)
        is_bad = ~is_finite
        if is_bad.any():
            bad = np.count_nonzero(is_bad)
            message = f"NaN or infinite values in {bad} of {self.channels} channels"
            raise CalibrationError(message)
        np.minimum(self.minimum, minimum, out=self.minimum)
        np.maximum(self.maximum, maximum, out=self.maximum)
        has_negative = (minimum < 0).any()
        if not self.is_signed and has_negative:
            self.counts = make_room_below(self.counts)
            self.is_signed = True
        smallest = np.ldexp(0.5, _SMALLEST_EXPONENT)
        magnitude_below = np.abs(minimum)
        magnitude_above = np.abs(maximum)
        magnitude = np.maximum(magnitude_below, magnitude_above)
        nonzero = np.maximum(magnitude, smallest)
        _, exponent = np.frexp(nonzero)
        widest = np.maximum(self.exponent, exponent)
        self._widen_ranges(widest)

    def _widen_ranges(self, exponent: np.ndarray) -> None:
        """Double the ranges until their exponents are those given, shape [channels]."""
        doublings = exponent - self.exponent
        if self.count.any():
            self._merge_counts(doublings)
        self.exponent = exponent

    def _merge_counts(self, doublings: np.ndarray) -> None:
        """Merge bins as each channel's range doubles so many times, shape [channels]."""
        for count in np.unique(doublings):
            if count > 0:
                channels = doublings == count
                old = self.counts[channels]
                widened = self._double_range(old, int(count))
                self.counts[channels] = widened

    def _double_range(self, counts: np.ndarray, doublings: int) -> np.ndarray:
        """Return ``counts`` of bins whose range doubled so many times."""
        if not self.is_signed:
            return merge_bins(counts, doublings)
        below, above = np.split(counts, 2, axis=1)
        from_zero_down = below[:, ::-1]
        merged = merge_bins(from_zero_down, doublings)
        below = merged[:, ::-1]
        merged_above = merge_bins(above, doublings)
        return np.hstack([below, merged_above])

    def _add_to_bins(self, values: np.ndarray) -> None:
        """Count values, [channels, n], block by block."""
        channels, n = values.shape
        step = max(1, _BLOCK // n)
        for first in range(0, channels, step):
            rows = slice(first, first + step)
            for start in range(0, n, _BLOCK):
                columns = slice(start, start + _BLOCK)
                block = values[rows, columns]
                self._add_block_to_bins(rows, block)

    def _add_block_to_bins(self, channels: slice, block: np.ndarray) -> None:
        """Count the values of some channels; zeros apart."""
        first = self._first_positive
        width = self.width[channels]
        reciprocal = 1 / width
        bins_a_unit = reciprocal.astype(block.dtype)
        scaled = block * bins_a_unit[:, None]
        if self.is_signed:
            np.floor(scaled, out=scaled)
        rows, values_a_row = block.shape
        row_numbers = np.arange(rows)
        first_of_rows = row_numbers[:, None] * self.bins
        index = scaled.astype(np.intp)
        index += first_of_rows + first
        nonzeros = np.count_nonzero(block, axis=1)
        zeros = values_a_row - nonzeros
        counts = self.counts[channels]
        count_into(counts, index)
        counts[:, first] -= zeros
        self.zeros[channels] += zeros

    @classmethod
    def sum(cls, parts: Sequence[Histogram]) -> Histogram:
        """Return the histogram of the values of all ``parts``, which have the same channels."""
        first = parts[0]
        result = cls(first.channels, first.bins)
        result.is_signed = any(part.is_signed for part in parts)
        result.exponent = np.max([part.exponent for part in parts], axis=0)
        for part in parts:
            result.add(part)
        return result

    def in_ranges_of(self, other: Histogram, bins: int) -> Histogram:
        """Return the same values in so many bins of the ranges of ``other``.

        Args:
            other: A histogram whose ranges hold these values.
            bins: Bins per channel, no more than there are.
        """
        counts = halve_bins(self.counts, bins)
        if other.is_signed and not self.is_signed:
            counts = make_room_below(counts)
        result = Histogram(self.channels, bins)
        vars(result).update(vars(self), counts=counts, is_signed=other.is_signed)
        result._merge_counts(other.exponent - self.exponent)
        result.exponent = other.exponent
        return result

    def add(self, other: Histogram) -> None:
        """Add the values of ``other``, which has the same channels and bins."""
        if not other.count.any():
            return
        self._include_extremes(other.minimum, other.maximum)
        self._count_more(other.count)
        counts = other.counts
        if self.is_signed and not other.is_signed:
            counts = make_room_below(counts)
        doublings = self.exponent - other.exponent
        if doublings.any():
            self._add_narrower(counts, doublings)
        else:
            self.counts += counts
        self.zeros += other.zeros
        self.total += other.total

    def _add_narrower(self, counts: np.ndarray, doublings: np.ndarray) -> None:
        """Add bins whose ranges are to double so many times, shape [channels]."""
        for count in np.unique(doublings):
            channels = doublings == count
            old = counts[channels]
            widened = self._double_range(old, int(count))
            self.counts[channels] += widened

    def merged(self) -> Histogram:
        """Return one histogram, of one channel, of the values of all channels."""
        result = Histogram(1, self.bins)
        result.is_signed = self.is_signed
        result.exponent = self.exponent.max(keepdims=True)
        result._count_more(self.count.sum())
        doublings = result.exponent - self.exponent
        for count in np.unique(doublings):
            channels = doublings == count
            old = self.counts[channels]
            widened = self._double_range(old, int(count))
            result.counts += widened.sum(axis=0)
        result.zeros[:] = self.zeros.sum()
        result.maximum[:] = self.maximum.max()
        result.minimum[:] = self.minimum.min()
        result.total[:] = self.total.sum()
        return result

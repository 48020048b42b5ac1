"""The geometry that convolutions and pools share: padding, output size, strided windows."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Axis", "Window", "declared_axes"]


@dataclasses.dataclass(frozen=True)
class Axis:
    """A window that slides along one spatial axis.

    Attributes:
        size: Length of the input along this axis.
        kernel: Number of taps.
        stride: Distance of neighboring windows.
        dilation: Distance of neighboring taps.
        begin: Padding before the input.
        end: Padding after the input, as the attributes declare it.
        ceil: Whether a last window that does not fit, but starts on the input, counts.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    begin: int
    end: int
    ceil: bool = False

    @property
    def extent(self) -> int:
        """Distance from the first to the last tap, both included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def output(self) -> int:
        """Number of windows."""
        room = self.size + self.begin + self.end - self.extent
        if not self.ceil:
            return room // self.stride + 1
        windows = -(-room // self.stride) + 1
        last_start = (windows - 1) * self.stride
        if last_start < self.size + self.begin:
            return windows
        return windows - 1

    @property
    def reach(self) -> int:
        """Distance from the first window's start to the last one's start, included."""
        return (self.output - 1) * self.stride + 1

    @property
    def overhang(self) -> int:
        """Padding after the input that the windows reach, the one from ``ceil`` included."""
        last_end = self.reach - 1 + self.extent
        return max(0, last_end - self.size - self.begin)

    def tap(self, index: int) -> slice:
        """Return where tap ``index`` of every window lies on the padded input."""
        start = index * self.dilation
        return slice(start, start + self.reach, self.stride)

    def counts(self, *, with_padding: bool) -> np.ndarray:
        """Return, for each window, how many of its taps lie on the input.

        Args:
            with_padding: Whether those on declared padding count as well.
        """
        starts = np.arange(self.output) * self.stride
        first_tap = starts - self.begin
        taps = np.arange(self.kernel) * self.dilation
        column = first_tap[:, None]
        position = column + taps
        low = -self.begin if with_padding else 0
        high = self.size + self.end if with_padding else self.size
        is_inside = (position >= low) & (position < high)
        counts = np.count_nonzero(is_inside, axis=1)
        return np.asarray(counts)


@dataclasses.dataclass(frozen=True)
class Window:
    """A window that slides over all spatial axes of an array ``[N, C, ...]``."""

    axes: tuple[Axis, ...]

    @classmethod
    def of(
        cls,
        spatial: Sequence[int],
        kernel: Sequence[int],
        attributes: Mapping[str, Any],
    ) -> Window:
        """Read the window off a node.

        Args:
            spatial: Shape of the input without its first two axes.
            kernel: Number of taps along each of these axes.
            attributes: Attributes of Conv, MaxPool or AveragePool; what is absent or None has
                its default.
        """
        auto_pad = attributes.get("auto_pad") or "NOTSET"
        axes = declared_axes(spatial, kernel, attributes)
        padded = tuple(_auto_padded(axis, auto_pad) for axis in axes)
        return cls(padded)

    @property
    def output(self) -> tuple[int, ...]:
        """Number of windows along each axis."""
        return tuple(axis.output for axis in self.axes)

    @property
    def taps(self) -> int:
        """Number of taps of one window."""
        return math.prod(axis.kernel for axis in self.axes)

    def pad(self, x: np.ndarray, fill: float) -> np.ndarray:
        """Return ``x`` with ``fill`` around it, or ``x`` itself where no window leaves it."""
        if not any(axis.begin or axis.overhang for axis in self.axes):
            return x
        sizes = []
        inner = []
        for axis in self.axes:
            end = axis.begin + axis.size
            inner.append(slice(axis.begin, end))
            sizes.append(end + axis.overhang)
        batch, channels = x.shape[:2]
        shape = (batch, channels, *sizes)
        padded = np.full(shape, fill, x.dtype)
        padded[:, :, *inner] = x
        return padded

    def places(self) -> Iterator[tuple[Any, ...]]:
        """Yield, tap by tap, the index of that tap in all windows of the padded input."""
        kernel = [axis.kernel for axis in self.axes]
        for taps in np.ndindex(*kernel):
            slices = [axis.tap(tap) for axis, tap in zip(self.axes, taps, strict=True)]
            yield (..., *slices)

    def view(self, padded: np.ndarray) -> np.ndarray:
        """Return all windows of ``padded``, shape ``[N, C, *kernel, *output]``, without a copy."""
        rank = len(self.axes)
        spatial = tuple(range(2, 2 + rank))
        inside = tuple(range(2 + rank, 2 + 2 * rank))
        extents = tuple(axis.extent for axis in self.axes)
        windows = sliding_window_view(padded, extents, axis=spatial)
        at_stride = [slice(0, axis.reach, axis.stride) for axis in self.axes]
        at_dilation = [slice(None, None, axis.dilation) for axis in self.axes]
        windows = windows[:, :, *at_stride, *at_dilation]
        return windows.transpose(0, 1, *inside, *spatial)


def declared_axes(
    spatial: Sequence[int], kernel: Sequence[int], attributes: Mapping[str, Any]
) -> list[Axis]:
    """Return one axis for each element of ``spatial``, as the attributes say it literally."""
    rank = len(kernel)
    strides = attributes.get("strides") or [1] * rank
    dilations = attributes.get("dilations") or [1] * rank
    pads = attributes.get("pads") or [0] * (2 * rank)
    ceil = bool(attributes.get("ceil_mode"))
    return [
        Axis(
            size=size,
            kernel=kernel[i],
            stride=strides[i],
            dilation=dilations[i],
            begin=pads[i],
            end=pads[i + rank],
            ceil=ceil,
        )
        for i, size in enumerate(spatial)
    ]


def _auto_padded(axis: Axis, auto_pad: str) -> Axis:
    if auto_pad in {"NOTSET", "VALID"}:
        return axis
    windows = -(-axis.size // axis.stride)
    last_end = (windows - 1) * axis.stride + axis.extent
    total = max(0, last_end - axis.size)
    small = total // 2
    large = total - small
    if auto_pad == "SAME_UPPER":
        return dataclasses.replace(axis, begin=small, end=large, ceil=False)
    return dataclasses.replace(axis, begin=large, end=small, ceil=False)

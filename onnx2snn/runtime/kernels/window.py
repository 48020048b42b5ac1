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
        starts_on_input = (windows - 1) * self.stride < self.size + self.begin
        return windows if starts_on_input else windows - 1

    @property
    def overhang(self) -> int:
        """Padding after the input that the windows reach, the one from ``ceil`` included."""
        return max(
            0, (self.output - 1) * self.stride + self.extent - self.size - self.begin
        )

    def tap(self, index: int) -> slice:
        """Return where tap ``index`` of every window lies on the padded input."""
        start = index * self.dilation
        return slice(start, start + (self.output - 1) * self.stride + 1, self.stride)

    def counts(self, *, with_padding: bool) -> np.ndarray:
        """Return, for each window, how many of its taps lie on the input or declared padding."""
        first = np.arange(self.output)[:, None] * self.stride - self.begin
        position = first + np.arange(self.kernel) * self.dilation
        low, high = (
            (-self.begin, self.size + self.end) if with_padding else (0, self.size)
        )
        counts: np.ndarray = np.count_nonzero(
            (position >= low) & (position < high), axis=1
        )
        return counts


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
        return cls(tuple(_auto_padded(axis, auto_pad) for axis in axes))

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
        sizes = [axis.begin + axis.size + axis.overhang for axis in self.axes]
        padded = np.full((*x.shape[:2], *sizes), fill, x.dtype)
        inner: tuple[Any, ...] = (
            ...,
            *(slice(axis.begin, axis.begin + axis.size) for axis in self.axes),
        )
        padded[inner] = x
        return padded

    def places(self) -> Iterator[tuple[Any, ...]]:
        """Yield, tap by tap, the index of that tap in all windows of the padded input."""
        for index in np.ndindex(*(axis.kernel for axis in self.axes)):
            taps = zip(self.axes, index, strict=True)
            yield (..., *(axis.tap(position) for axis, position in taps))

    def view(self, padded: np.ndarray) -> np.ndarray:
        """Return all windows of ``padded``, shape ``[N, C, *kernel, *output]``, without a copy."""
        rank = len(self.axes)
        extents = tuple(axis.extent for axis in self.axes)
        windows = sliding_window_view(padded, extents, axis=tuple(range(2, 2 + rank)))
        at_stride = tuple(
            slice(0, (axis.output - 1) * axis.stride + 1, axis.stride)
            for axis in self.axes
        )
        at_dilation = tuple(slice(None, None, axis.dilation) for axis in self.axes)
        windows = windows[(slice(None), slice(None), *at_stride, *at_dilation)]
        return windows.transpose(
            0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank)
        )


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
        Axis(size, kernel[i], strides[i], dilations[i], pads[i], pads[i + rank], ceil)
        for i, size in enumerate(spatial)
    ]


def _auto_padded(axis: Axis, auto_pad: str) -> Axis:
    if auto_pad in {"NOTSET", "VALID"}:
        return axis
    windows = -(-axis.size // axis.stride)
    total = max(0, (windows - 1) * axis.stride + axis.extent - axis.size)
    small, large = total // 2, total - total // 2
    begin, end = (small, large) if auto_pad == "SAME_UPPER" else (large, small)
    return dataclasses.replace(axis, begin=begin, end=end, ceil=False)

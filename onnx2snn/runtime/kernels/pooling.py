"""Pooling of any rank in NumPy: one array operation per tap of the window."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from onnx2snn.runtime.kernels.window import Window

__all__ = ["AveragePool", "GlobalLpPool", "MaxPool", "MaxRoiPool"]


class MaxPool(OpRun):
    """Largest value in each window, and on request its index in the flattened input."""

    def _run(
        self,
        x: np.ndarray,
        *,
        kernel_shape: list[int],
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray, ...]:
        spatial = x.shape[2:]
        window = Window.of(spatial, kernel_shape, attributes)
        lowest = _lowest_number(x.dtype)
        padded = window.pad(x, lowest)
        taps = (padded[places] for places in window.places())
        largest = next(taps).copy()
        for tap in taps:
            np.maximum(largest, tap, out=largest)
        if len(self.output) == 1:
            return (largest,)
        column_major = bool(attributes.get("storage_order"))
        indices = _indices_of_largest(padded, window, column_major=column_major)
        return largest, indices


def _lowest_number(dtype: np.dtype[Any]) -> float:
    if np.issubdtype(dtype, np.integer):
        return float(np.iinfo(dtype).min)
    return -math.inf


def _indices_of_largest(
    padded: np.ndarray, window: Window, *, column_major: bool
) -> np.ndarray:
    """Return where each window's first largest value lies in the flattened unpadded input."""
    batch, channels = padded.shape[:2]
    spatial = [axis.size for axis in window.axes]
    plane_size = math.prod(spatial)
    plane = np.arange(plane_size)
    plane = plane.reshape(spatial, order="F" if column_major else "C")
    plane_of_one = plane[None, None]
    padded_plane = window.pad(plane_of_one, 0)
    indices = _flat_windows(padded_plane, window)
    values = _flat_windows(padded, window)
    best = values.argmax(axis=2, keepdims=True)
    indices = np.broadcast_to(indices, values.shape)
    chosen = np.take_along_axis(indices, best, axis=2)
    one_each = [1] * len(spatial)
    planes = np.arange(batch * channels)
    plane_starts = plane_size * planes
    plane_starts = plane_starts.reshape(batch, channels, *one_each)
    best_indices = chosen[:, :, 0]
    return np.asarray(best_indices + plane_starts)


def _flat_windows(padded: np.ndarray, window: Window) -> np.ndarray:
    """Return all windows, shape ``[N, C, taps, *output]``."""
    batch, channels = padded.shape[:2]
    windows = window.view(padded)
    return windows.reshape(batch, channels, window.taps, *window.output)


class AveragePool(OpRun):
    """Mean of each window, over the points on the input or, on request, its padding too."""

    def _run(
        self,
        x: np.ndarray,
        *,
        kernel_shape: list[int],
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray]:
        spatial = x.shape[2:]
        window = Window.of(spatial, kernel_shape, attributes)
        padded = window.pad(x, 0)
        batch, channels = x.shape[:2]
        shape = (batch, channels, *window.output)
        total = np.zeros(shape, x.dtype)
        for places in window.places():
            total += padded[places]
        with_padding = bool(attributes.get("count_include_pad"))
        axis_counts = [axis.counts(with_padding=with_padding) for axis in window.axes]
        counts = functools.reduce(np.multiply.outer, axis_counts)
        divisors = counts.astype(x.dtype)
        total /= divisors
        return (total,)


class GlobalLpPool(OpRun):
    """The p-norm over all spatial axes."""

    def _run(
        self,
        x: np.ndarray,
        p: int = 2,
        **_: object,
    ) -> tuple[np.ndarray]:
        axes = tuple(range(2, x.ndim))
        powers = np.abs(x) ** p
        total = np.sum(powers, axis=axes, keepdims=True)
        norm = np.power(total, 1 / p)
        return (norm.astype(x.dtype),)


class MaxRoiPool(OpRun):
    """Largest value in each cell of a grid over a region of interest; 0 in an empty cell."""

    def _run(
        self,
        x: np.ndarray,
        rois: np.ndarray,
        *,
        pooled_shape: list[int],
        spatial_scale: float,
    ) -> tuple[np.ndarray]:
        samples = rois[:, 0].astype(int)
        scaled = rois[:, 1:] * spatial_scale
        rounded = np.floor(scaled + 0.5)
        corners = rounded.astype(int)
        channels = x.shape[1]
        shape = (len(rois), channels, *pooled_shape)
        y = np.zeros(shape, x.dtype)
        for pooled, sample, corner in zip(y, samples, corners, strict=True):
            image = x[sample]
            _pool_region(image, corner, pooled)
        return (y,)


def _pool_region(image: np.ndarray, corner: np.ndarray, pooled: np.ndarray) -> None:
    """Write the largest value of each cell of a region.

    Args:
        image: Shape ``[C, H, W]``.
        corner: The first and last column and row: x1, y1, x2, y2, both included.
        pooled: Where they are written, shape ``[C, *pooled_shape]``.
    """
    x1, y1, x2, y2 = corner
    _, height, width = image.shape
    _, row_count, column_count = pooled.shape
    rows = _cell_ranges(y1, y2, row_count, height)
    columns = _cell_ranges(x1, x2, column_count, width)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            cell = image[:, row, column]
            if cell.size:
                largest = cell.max(axis=(1, 2))
                pooled[:, i, j] = largest


def _cell_ranges(first: int, last: int, count: int, size: int) -> list[slice]:
    """Return the ranges of ``count`` cells that together cover ``first`` to ``last``."""
    length = max(last - first + 1, 1)
    step = length / count
    cells = []
    for cell in range(count):
        start = math.floor(cell * step) + first
        end = math.ceil((cell + 1) * step) + first
        inside = np.clip([start, end], 0, size)
        cells.append(slice(*inside))
    return cells

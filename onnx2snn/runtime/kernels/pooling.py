"""Pooling of any rank in NumPy: one array operation per tap of the window."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun

from onnx2snn.runtime.kernels.window import Window

__all__ = ["AveragePool", "GlobalLpPool", "MaxPool", "MaxRoiPool"]


class MaxPool(OpRun):
    """Largest value in each window, and on request its index in the flattened input."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray, ...]:  # noqa: ANN401
        window = Window.of(x.shape[2:], attributes["kernel_shape"], attributes)
        padded = window.pad(x, _lowest(x.dtype))
        taps = (padded[places] for places in window.places())
        largest = next(taps).copy()
        for tap in taps:
            np.maximum(largest, tap, out=largest)
        if len(self.output) == 1:
            return (largest,)
        column_major = bool(attributes.get("storage_order"))
        return largest, _indices(padded, window, column_major=column_major)


def _lowest(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).min) if np.issubdtype(dtype, np.integer) else -math.inf


def _indices(padded: np.ndarray, window: Window, *, column_major: bool) -> np.ndarray:
    """Return where each window's first largest value lies in the flattened unpadded input."""
    batch, channels = padded.shape[:2]
    spatial = [axis.size for axis in window.axes]
    plane = math.prod(spatial)
    index = np.arange(plane).reshape(spatial, order="F" if column_major else "C")
    indices = _windows(window.pad(index[None, None], 0), window)
    values = _windows(padded, window)
    best = values.argmax(axis=2, keepdims=True)
    chosen = np.take_along_axis(np.broadcast_to(indices, values.shape), best, axis=2)[
        :, :, 0
    ]
    first = plane * np.arange(batch * channels)
    result: np.ndarray = chosen + first.reshape(batch, channels, *[1] * len(spatial))
    return result


def _windows(padded: np.ndarray, window: Window) -> np.ndarray:
    return window.view(padded).reshape(*padded.shape[:2], window.taps, *window.output)


class AveragePool(OpRun):
    """Mean of each window, over the points on the input or, on request, its padding too."""

    def _run(self, x: np.ndarray, **attributes: Any) -> tuple[np.ndarray]:  # noqa: ANN401
        window = Window.of(x.shape[2:], attributes["kernel_shape"], attributes)
        padded = window.pad(x, 0)
        total = np.zeros((*x.shape[:2], *window.output), x.dtype)
        for places in window.places():
            total += padded[places]
        with_padding = bool(attributes.get("count_include_pad"))
        counts = [axis.counts(with_padding=with_padding) for axis in window.axes]
        total /= functools.reduce(np.multiply.outer, counts).astype(x.dtype)
        return (total,)


class GlobalLpPool(OpRun):
    """The p-norm over all spatial axes."""

    def _run(self, x: np.ndarray, p: int = 2, **_: object) -> tuple[np.ndarray]:
        axes = tuple(range(2, x.ndim))
        total = np.sum(np.abs(x) ** p, axis=axes, keepdims=True)
        return (np.power(total, 1 / p).astype(x.dtype),)


class MaxRoiPool(OpRun):
    """Largest value in each cell of a grid over a region of interest; 0 in an empty cell."""

    def _run(
        self,
        x: np.ndarray,
        rois: np.ndarray,
        **attributes: Any,  # noqa: ANN401
    ) -> tuple[np.ndarray]:
        height, width = attributes["pooled_shape"]
        y = np.zeros((len(rois), x.shape[1], height, width), x.dtype)
        scaled = np.floor(rois[:, 1:] * attributes["spatial_scale"] + 0.5).astype(int)
        for index, (x1, y1, x2, y2) in enumerate(scaled):
            image = x[int(rois[index, 0])]
            rows = _cells(y1, y2, height, image.shape[1])
            columns = _cells(x1, x2, width, image.shape[2])
            for (i, row), (j, column) in itertools.product(
                enumerate(rows), enumerate(columns)
            ):
                cell = image[:, row, column]
                if cell.size:
                    y[index, :, i, j] = cell.max(axis=(1, 2))
        return (y,)


def _cells(first: int, last: int, count: int, size: int) -> list[slice]:
    """Return the ranges of ``count`` cells that together cover ``first`` to ``last``."""
    step = max(last - first + 1, 1) / count
    starts = [math.floor(cell * step) + first for cell in range(count)]
    ends = [math.ceil((cell + 1) * step) + first for cell in range(count)]
    bounds = np.clip([starts, ends], 0, size)
    return [slice(*bound) for bound in bounds.T]

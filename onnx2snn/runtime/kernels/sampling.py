"""Sampling an image at points between its pixels."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np
from onnx.reference.op_run import OpRun

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GridSample"]

_BEND = -0.75
"""The coefficient of cubic interpolation that ONNX prescribes."""


class GridSample(OpRun):
    """Values of an image at the points of a grid, -1 to 1 along each axis.

    The image may have any number of axes. onnx's own kernel takes each point by itself, and
    knows the names of the modes of opset 20 only.
    """

    def _run(
        self,
        x: np.ndarray,
        grid: np.ndarray,
        mode: str = "linear",
        padding_mode: str = "zeros",
        align_corners: int = 0,
    ) -> tuple[np.ndarray]:
        mode = mode.removeprefix("bi")
        axes = [
            _Axis(size, padding_mode, is_aligned=bool(align_corners))
            for size in x.shape[2:]
        ]
        by_axis = np.moveaxis(grid, -1, 0)
        coordinates = by_axis[::-1]  # the last axis comes first in a grid
        neighbors = [
            axis.neighbors(coordinate, mode)
            for axis, coordinate in zip(axes, coordinates, strict=True)
        ]
        *points, _ = grid.shape
        channels = x.shape[1]
        total = np.zeros((*points, channels), x.dtype)
        for corner in itertools.product(*neighbors):
            places = [place for place, _ in corner]
            shares = [share for _, share in corner]
            weight = np.prod(shares, axis=0)
            pixels = _padded_pixels(x, places, axes)
            weighted = weight[..., None] * pixels
            total += weighted.astype(x.dtype)
        channels_second = np.moveaxis(total, -1, 1)
        return (np.ascontiguousarray(channels_second),)


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One spatial axis of the image.

    Attributes:
        size: Number of pixels along it.
        padding_mode: Values outside the image: ``zeros``, ``border`` or ``reflection``.
        is_aligned: Whether -1 and 1 are the centers of the outermost pixels, not their edges.
    """

    size: int
    padding_mode: str
    is_aligned: bool

    @property
    def low(self) -> float:
        """Place of the coordinate -1, in pixels."""
        if self.is_aligned:
            return 0.0
        return -0.5

    @property
    def high(self) -> float:
        """Place of the coordinate 1, in pixels."""
        if self.is_aligned:
            return self.size - 1.0
        return self.size - 0.5

    def neighbors(
        self, coordinate: np.ndarray, mode: str
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the pixels that count at a coordinate, each with its share."""
        length = self.high - self.low
        place = (coordinate + 1) / 2 * length + self.low
        if mode == "nearest":
            place = np.rint(place)
        if (
            mode != "cubic"
        ):  # of which each of the four pixels is brought inside by itself
            place = self._brought_inside(place)
        first = np.floor(place)
        shares = _pixel_shares(place - first, mode)
        return [(first + offset, share) for offset, share in shares.items()]

    def _brought_inside(self, place: np.ndarray) -> np.ndarray:
        if self.padding_mode == "reflection":
            return self.reflected(place)
        if self.padding_mode == "border":
            return np.asarray(np.clip(place, 0, self.size - 1))
        return place

    def reflected(self, place: np.ndarray) -> np.ndarray:
        """Return ``place``, folded at both ends until it lies between them."""
        length = self.high - self.low
        if length <= 0:
            return np.full_like(place, self.low)
        along = np.mod(place - self.low, 2 * length)
        back = 2 * length - along
        folded = np.minimum(along, back)
        return self.low + folded


def _pixel_shares(rest: np.ndarray, mode: str) -> dict[int, np.ndarray]:
    """Return the shares of the pixels around a point, by their offset from the first.

    Args:
        rest: Distance of the point from the pixel before it, 0 to 1.
        mode: ``nearest``, ``linear`` or ``cubic``.
    """
    if mode == "nearest":
        return {0: np.ones_like(rest)}
    if mode == "linear":
        return {0: 1 - rest, 1: rest}
    return {
        -1: _far_share(rest + 1),
        0: _near_share(rest),
        1: _near_share(1 - rest),
        2: _far_share(2 - rest),
    }


def _near_share(distance: np.ndarray) -> np.ndarray:
    """Return the share of a pixel at a distance from 0 to 1."""
    cubic = (_BEND + 2) * distance - (_BEND + 3)
    return np.asarray(cubic * distance * distance + 1)


def _far_share(distance: np.ndarray) -> np.ndarray:
    """Return the share of a pixel at a distance from 1 to 2."""
    linear = _BEND * distance - 5 * _BEND
    quadratic = linear * distance + 8 * _BEND
    return np.asarray(quadratic * distance - 4 * _BEND)


def _padded_pixels(
    x: np.ndarray, places: Sequence[np.ndarray], axes: Sequence[_Axis]
) -> np.ndarray:
    """Return pixels, [N, ..., C]; those outside as the padding mode says."""
    is_inside = np.ones(places[0].shape, bool)
    indices = []
    for place, axis in zip(places, axes, strict=True):
        folded = place
        if axis.padding_mode == "reflection":
            folded = axis.reflected(place)
        elif axis.padding_mode == "zeros":
            is_inside &= (place >= 0) & (place < axis.size)
        clipped = np.clip(folded, 0, axis.size - 1)
        indices.append(clipped.astype(np.int64))
    batch, *points = places[0].shape
    new_axes = [1] * len(points)
    samples = np.arange(batch).reshape(-1, *new_axes)
    channels_last = np.moveaxis(x, 1, -1)
    pixels = channels_last[samples, *indices]
    zero = np.zeros([], x.dtype)
    has_pixel = is_inside[..., None]
    return np.where(has_pixel, pixels, zero)

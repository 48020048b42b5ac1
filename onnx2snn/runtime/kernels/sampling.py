"""Sampling an image at points between its pixels."""

from __future__ import annotations

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
    """Values of an image at the points of a grid, -1 to 1 along each axis, in any number of axes.

    onnx's own takes each point by itself, and knows the names of the modes of opset 20 only.
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
        points, borders = [], []
        for size, point in zip(
            x.shape[2:], np.moveaxis(grid, -1, 0)[::-1], strict=True
        ):
            low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
            place = (point + 1) / 2 * (high - low) + low
            place = np.rint(place) if mode == "nearest" else place
            if padding_mode == "reflection" and mode != "cubic":
                place = _reflected(place, low, high)
            elif padding_mode == "border" and mode != "cubic":
                place = np.clip(place, 0, size - 1)
            points.append(place)
            borders.append((low, high))
        total = np.zeros((*grid.shape[:-1], x.shape[1]), x.dtype)
        choices = [_neighbors(place, mode) for place in points]
        for chosen in itertools.product(*choices):
            weight = np.prod([share for _, share in chosen], axis=0)
            pixels = _pixels(x, [index for index, _ in chosen], borders, padding_mode)
            total += (weight[..., None] * pixels).astype(x.dtype)
        return (np.ascontiguousarray(np.moveaxis(total, -1, 1)),)


def _neighbors(place: np.ndarray, mode: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the pixels that count along one axis, each with its share."""
    first = np.floor(place)
    rest = place - first
    if mode == "nearest":
        shares = {0: np.ones_like(rest)}
    elif mode == "linear":
        shares = {0: 1 - rest, 1: rest}
    else:
        shares = {
            -1: _far(rest + 1),
            0: _near(rest),
            1: _near(1 - rest),
            2: _far(2 - rest),
        }
    return [(first + offset, share) for offset, share in shares.items()]


def _near(distance: np.ndarray) -> np.ndarray:
    """Return the share of a pixel at a distance from 0 to 1."""
    return np.asarray(((_BEND + 2) * distance - (_BEND + 3)) * distance * distance + 1)


def _far(distance: np.ndarray) -> np.ndarray:
    """Return the share of a pixel at a distance from 1 to 2."""
    share = (
        (_BEND * distance - 5 * _BEND) * distance + 8 * _BEND
    ) * distance - 4 * _BEND
    return np.asarray(share)


def _pixels(
    x: np.ndarray,
    places: Sequence[np.ndarray],
    borders: Sequence[tuple[float, float]],
    padding_mode: str,
) -> np.ndarray:
    """Return pixels, [N, ..., C], those outside as ``padding_mode`` says."""
    inside, indices = np.ones(places[0].shape, bool), []
    for size, place, (low, high) in zip(x.shape[2:], places, borders, strict=True):
        if padding_mode == "reflection":
            place = _reflected(place, low, high)  # noqa: PLW2901 (the same place, folded in)
        elif padding_mode == "zeros":
            inside &= (place >= 0) & (place < size)
        indices.append(np.clip(place, 0, size - 1).astype(np.int64))
    sample = np.arange(len(x)).reshape(-1, *[1] * (places[0].ndim - 1))
    pixels = np.moveaxis(x, 1, -1)[sample, *indices]
    return np.where(inside[..., None], pixels, np.zeros([], x.dtype))


def _reflected(place: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return ``place``, folded at ``low`` and ``high`` until it lies between them."""
    if high <= low:
        return np.full_like(place, low)
    turn = 2 * (high - low)
    along = np.mod(place - low, turn)
    return low + np.minimum(along, turn - along)

"""Ridge regression whose strength is judged by samples left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HELD_OUT", "ridge"]

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, math.inf)
HELD_OUT = 4
"""One sample of so many is left out when the strength is judged."""


def ridge(
    x: np.ndarray, y: np.ndarray, samples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix and the offset that bring ``x @ matrix + offset`` closest to ``y``.

    Minimizes, group by group,

        sum |y - x W - b|^2 + strength * trace(x' x) / inputs * |W|^2,

    with the strength that, learned from three quarters of the samples, does best on the fourth.
    The strongest leaves W at 0; 0 and 0 are returned if that does no good either.

    Args:
        x: [groups, places, inputs].
        y: [groups, places, outputs].
        samples: Number of the sample that each place belongs to, [places].

    Returns:
        The matrix, [groups, inputs, outputs], and the offset, [groups, 1, outputs].
    """
    held_out = samples % HELD_OUT == HELD_OUT - 1
    nothing = (
        np.zeros((len(x), x.shape[2], y.shape[2])),
        np.zeros((len(x), 1, y.shape[2])),
    )
    if held_out.all() or not held_out.any():
        return nothing
    known, unseen = ~held_out, held_out
    errors = [float(np.square(y[:, unseen], dtype=np.float64).sum())]
    for matrix, offset in _solutions(x[:, known], y[:, known], _STRENGTHS):
        rest = (
            y[:, unseen]
            - x[:, unseen] @ matrix.astype(x.dtype)
            - offset.astype(x.dtype)
        )
        errors.append(float(np.square(rest, dtype=np.float64).sum()))
    best = int(np.argmin(errors))
    if best == 0:
        return nothing
    return next(_solutions(x, y, _STRENGTHS[best - 1 : best]))


def _solutions(
    x: np.ndarray, y: np.ndarray, strengths: tuple[float, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield matrix and offset for each strength: in the smaller of the two spaces."""
    x_mean, y_mean = (a.mean(axis=1, keepdims=True, dtype=np.float64) for a in (x, y))
    x, y = x - x_mean.astype(x.dtype), y - y_mean.astype(y.dtype)
    few_places = x.shape[1] < x.shape[2]
    turned = x.swapaxes(1, 2)
    products = (x @ turned if few_places else turned @ x).astype(np.float64)
    scale = np.trace(products, axis1=1, axis2=2) / x.shape[2]
    right = (y if few_places else turned @ y).astype(np.float64)
    diagonal = np.arange(products.shape[1])
    for strength in strengths:
        if strength == math.inf:
            yield np.zeros((len(x), x.shape[2], y.shape[2])), y_mean
            continue
        system = products.copy()
        system[:, diagonal, diagonal] += (strength * scale + np.finfo(np.float32).tiny)[
            :, None
        ]
        solution = np.linalg.solve(system, right)
        matrix = turned.astype(np.float64) @ solution if few_places else solution
        yield matrix, y_mean - x_mean @ matrix

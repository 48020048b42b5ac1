"""Ridge regression whose strength is chosen on samples that are held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Solution = tuple[np.ndarray, np.ndarray]

__all__ = ["HELD_OUT", "solve_ridge"]

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, math.inf)
HELD_OUT = 4
"""One sample of so many is held out, to choose the strength on."""

_TINY = np.finfo(np.float32).tiny
"""Added to every strength: the system has a solution where inputs are 0, too."""


def solve_ridge(x: np.ndarray, y: np.ndarray, samples: np.ndarray) -> Solution:
    """Return the matrix and the offset that bring ``x @ matrix + offset`` closest to ``y``.

    Minimizes, group by group,

        sum |y - x W - b|^2 + strength * trace(x' x) / inputs * |W|^2,

    with the strength that, learned from three quarters of the samples, does best on the fourth.
    The strongest leaves W at 0; 0 and 0 are returned if that does no good either.

    Args:
        x: [groups, positions, inputs]; its memory is used for other numbers.
        y: [groups, positions, outputs]; likewise.
        samples: Number of the sample that each position belongs to, [positions].

    Returns:
        The matrix, [groups, inputs, outputs], and the offset, [groups, 1, outputs].
    """
    held_out = samples % HELD_OUT == HELD_OUT - 1
    if held_out.all() or not held_out.any():
        return _zero_solution(x, y)
    known = ~held_out
    errors = [_squared_sum(y[:, held_out])]
    unseen_x = x[:, held_out]
    unseen_y = y[:, held_out]
    for matrix, offset in _solutions(x[:, known], y[:, known], _STRENGTHS):
        explained = unseen_x @ matrix.astype(x.dtype)
        shift = offset.astype(x.dtype)
        residual = unseen_y - explained - shift
        errors.append(_squared_sum(residual))
    best = int(np.argmin(errors))
    if best == 0:
        return _zero_solution(x, y)
    strength = _STRENGTHS[best - 1]
    return next(_solutions(x, y, [strength]))


def _zero_solution(x: np.ndarray, y: np.ndarray) -> Solution:
    """Return a matrix and an offset of zeros, in the shapes they have for ``x`` and ``y``."""
    groups, _, inputs = x.shape
    outputs = y.shape[2]
    matrix = np.zeros((groups, inputs, outputs))
    offset = np.zeros((groups, 1, outputs))
    return matrix, offset


def _squared_sum(numbers: np.ndarray) -> float:
    squares = np.square(numbers, dtype=np.float64)
    return float(squares.sum())


def _solutions(
    x: np.ndarray, y: np.ndarray, strengths: Iterable[float]
) -> Iterator[Solution]:
    """Yield matrix and offset for each strength.

    The system is solved in the smaller of two spaces: among positions, where there are fewer
    of them than inputs, with W = x' (x x' + strength)^-1 y, else among inputs, with
    W = (x' x + strength)^-1 x' y.

    Args:
        x: [groups, positions, inputs]; the mean is taken from it in place.
        y: [groups, positions, outputs]; likewise.
        strengths: The strengths.
    """
    x_mean = _mean_over_positions(x)
    y_mean = _mean_over_positions(y)
    x -= x_mean.astype(x.dtype)
    y -= y_mean.astype(y.dtype)
    transposed = x.swapaxes(1, 2)
    positions, inputs = x.shape[1:]
    is_among_positions = positions < inputs
    products = x @ transposed if is_among_positions else transposed @ x
    products = products.astype(np.float64)
    right_side = y if is_among_positions else transposed @ y
    right_side = right_side.astype(np.float64)
    traces = np.trace(products, axis1=1, axis2=2)
    variance = traces / inputs
    for strength in strengths:
        if strength == math.inf:
            zeros, _ = _zero_solution(x, y)
            yield zeros, y_mean
            continue
        penalty = strength * variance + _TINY
        system = _add_to_diagonal(products, penalty)
        matrix = np.linalg.solve(system, right_side)
        if is_among_positions:
            matrix = transposed.astype(np.float64) @ matrix
        offset = y_mean - x_mean @ matrix
        yield matrix, offset


def _mean_over_positions(numbers: np.ndarray) -> np.ndarray:
    mean = numbers.mean(axis=1, keepdims=True, dtype=np.float64)
    return np.asarray(mean)


def _add_to_diagonal(products: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return the matrix of each group with a number, [groups], added to its diagonal."""
    system = products.copy()
    size = products.shape[1]
    diagonal = np.arange(size)
    system[:, diagonal, diagonal] += penalty[:, None]
    return system

"""Fitting constant weights to the spikes that drive them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.correction.grid import Grid
from onnx2snn.correction.least_squares import HELD_OUT, solve_ridge
from onnx2snn.graph import display_name
from onnx2snn.storage.journal import remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.correction.linear_map import LinearMap
    from onnx2snn.correction.sample_count import SampleCount
    from onnx2snn.correction.weights_to_fit import WeightsToFit

__all__ = ["fit_weights"]

_POSITIONS = 2**16
"""Positions in all samples that least squares aims at: of 1,024 images 8 x 8 each."""

_LEAST_POSITIONS = 8
"""Positions along each axis that it looks at in any case, however many samples there are."""

_NUMBERS = 2**26
"""Most numbers that least squares lays out at a time: 256 MB in float32, and some copies."""


def fit_weights(weights: WeightsToFit, count: SampleCount) -> np.ndarray:
    """Fit weights to the spikes that drive them, by least squares; return what the bias gains.

    With x the mean spikes over the T steps, z the current they make and a the target value in
    the ANN, over samples and positions:

        dW, db = argmin sum |a - z - x dW - db|^2 + ridge |dW|^2

    The strength of the ridge is the one that does best on samples left out; if none does, the
    weights stay. Positions where x or the residual a - z is undefined do not count: 0 / 0 where
    no spike was sent.

    Source: Li et al., ICML 2021 (weight calibration, there by gradients); the closed form and
    the choice of the ridge are ours.

    Args:
        weights: The weights.
        count: Number of samples; it is told what was fitted.

    Returns:
        db, in a shape that broadcasts to the target value.
    """
    name = f"weights of {display_name(weights.map.node)}"
    found = remembered(name, lambda: _solve(weights, count.samples))
    if found["counts"].size:
        inputs, positions = found["counts"].tolist()
        count.add(weights.map.node, inputs, positions)
    if np.any(found["matrix"]):
        weights.map.add_to_weights(found["matrix"])
    return found["bias"]


def _solve(weights: WeightsToFit, samples: int) -> dict[str, np.ndarray]:
    """Return what weights and bias gain.

    Args:
        weights: The weights.
        samples: Number of samples.

    Returns:
        ``matrix``, [groups, inputs, outputs]; ``bias``, in a shape that broadcasts to the target
        value; and ``counts``, the inputs and positions of a fit to all samples, else empty.
    """
    batches, is_complete = _unfold_batches(weights, samples)
    rows = [batch.rows for batch in batches]
    laid_out = samples if is_complete else min(samples, sum(rows))
    positions = [batch.operand.shape[1] for batch in batches]
    numbers = _number_samples(rows, positions, laid_out)
    shape = [1] * batches[0].rank
    shape[weights.map.channel_axis] = -1
    x, y = _join_batches(batches)
    is_defined = _is_finite(x) & _is_finite(y)
    counts = [x.shape[2], int(is_defined.sum())] if is_complete else []
    if not is_defined.all():
        x, y = x[:, is_defined], y[:, is_defined]
        numbers = numbers[is_defined]
    matrix, offset = solve_ridge(x, y, numbers)
    bias = offset.reshape(shape).astype(y.dtype)
    return {"matrix": matrix, "bias": bias, "counts": np.array(counts, np.int64)}


@dataclasses.dataclass(frozen=True)
class _UnfoldedBatch:
    """One batch, laid out for least squares.

    Attributes:
        operand: The numbers that the weights see, [groups, positions, inputs].
        residual: The difference of the target value to the ANN's, [groups, positions, outputs].
        rows: Length of axis 0 of the operand: the number of samples, if that is their axis.
        rank: Number of axes of the target value.
    """

    operand: np.ndarray
    residual: np.ndarray
    rows: int
    rank: int


def _unfold_batches(
    weights: WeightsToFit, samples: int
) -> tuple[list[_UnfoldedBatch], bool]:
    """Return the batches, as many as memory holds, and whether these are all."""
    linear_map = weights.map
    in_memory = _NUMBERS // linear_map.inputs_per_position
    positions_a_sample = min(_POSITIONS, in_memory) // samples
    batches = []
    laid_out = 0
    for number, (operand, residual) in enumerate(weights.samples):
        axes = _count_spatial_axes(linear_map, residual.shape)
        exponent = 1 / max(axes, 1)
        along_axis = math.floor(positions_a_sample**exponent)
        along = max(_LEAST_POSITIONS, along_axis)
        grid = Grid(along, number)
        channels_last = np.moveaxis(operand, linear_map.channel_axis, -1)
        unfolded = _UnfoldedBatch(
            operand=linear_map.unfold_operand(operand, residual.shape, grid),
            residual=linear_map.unfold_output(residual, grid),
            rows=len(channels_last),
            rank=residual.ndim,
        )
        batches.append(unfolded)
        laid_out += unfolded.operand.size
        if laid_out > _NUMBERS:
            return batches, False
    return batches, True


def _join_batches(batches: list[_UnfoldedBatch]) -> tuple[np.ndarray, np.ndarray]:
    """Return operands and residuals of all batches, which are used up."""
    x = np.concatenate([batch.operand for batch in batches], axis=1)
    y = np.concatenate([batch.residual for batch in batches], axis=1)
    batches.clear()
    return x, y


def _count_spatial_axes(linear_map: LinearMap, shape: Sequence[int]) -> int:
    """Return how many axes, but those of samples and channels, are longer than 1."""
    lengths = np.delete(shape, [0, linear_map.channel_axis])
    return int(np.count_nonzero(lengths > 1))


def _is_finite(unfolded: np.ndarray) -> np.ndarray:
    """Return of each position whether all its numbers are defined, [positions]."""
    is_finite = np.isfinite(unfolded)
    return np.asarray(is_finite.all(axis=(0, 2)))


def _number_samples(rows: list[int], positions: list[int], samples: int) -> np.ndarray:
    """Return the number of the sample that each position belongs to.

    Rows that are no samples, as where a sequence comes first or both are one axis, cannot be told
    apart: then those of a batch count as one sample or, of few batches, as a run of neighbors.

    Args:
        rows: Length of axis 0 of the operand, of each batch.
        positions: How many positions are looked at, of each batch.
        samples: Number of samples in these batches.
    """
    if sum(rows) == samples:
        counts = np.array(positions)
        positions_a_row = counts // np.maximum(rows, 1)
        repeats = np.repeat(positions_a_row, rows)
        return np.repeat(np.arange(samples), repeats)
    if len(positions) >= HELD_OUT:
        batches = np.arange(len(positions))
        return np.repeat(batches, positions)
    runs = [np.arange(count) * HELD_OUT // max(count, 1) for count in positions]
    return np.concatenate(runs)

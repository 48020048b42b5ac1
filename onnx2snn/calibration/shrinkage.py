"""Drawing the thresholds of a layer's channels together, as far as unseen samples ask for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.quantization_error import quantization_errors
from onnx2snn.calibration.thresholds import complete_threshold, mse_threshold
from onnx2snn.calibration.unseen_values import UnseenValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from onnx2snn.calibration.thresholds import Threshold

__all__ = ["error_on_unseen_samples", "quantization_error", "shrunk_mse_threshold"]

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

_ROUNDING = 1e-9
"""The part of an error that is taken for rounding."""

_BINS_A_STEP = 32
"""Bins for each step of a quantizer, where shares are compared."""

_LEAST_BINS = 256
"""The least number of bins there."""

_GRID = 25
"""Thresholds up to the largest activation that are tried at first there."""


def shrunk_mse_threshold(
    folds: Sequence[Histogram], time_steps: int, *, bound: ArrayLike | None = None
) -> Threshold:
    """Return thresholds of least squared error on samples that were not used to choose them.

    A channel that answers to rare inputs shows its largest values on few samples, or on none:
    its own threshold then clips what it is there for. So the thresholds are drawn toward the
    largest one of the layer,

        theta = theta_channel^(1 - share) theta_largest^share,

    by the share, 0 to 1, that does best in cross-validation: thresholds from all folds but one
    are compared by the quantizer's squared error on that one. With plenty of data it is 0.

    Args:
        folds: The activations seen, in parts of about the same size; those without samples
            do not count.
        time_steps: T, at least 1.
        bound: The activation's upper bound, > 0, a number or shape [channels].

    Source: the quantizer's error is that of Li et al. 2021; the shrinkage is ours.
    """
    whole = Histogram.sum(folds)
    found = mse_threshold(whole, time_steps, bound=bound)
    parts = _parts_with_samples(folds)
    if len(parts) < 2:
        return found
    errors = _errors_on_unseen_samples(parts, whole, time_steps, bound)
    best = _first_of_best(errors)
    values = _draw_toward_largest(found.values, _SHARES[best])
    return complete_threshold(values, found.dead, bound)


def error_on_unseen_samples(
    folds: Sequence[Histogram], time_steps: int, *, bound: ArrayLike | None = None
) -> float:
    """Return the squared error that ``shrunk_mse_threshold`` is to be expected to have.

    Each fold is quantized with thresholds that come from the others; the errors are summed
    over samples and channels, but for a number that does not depend on thresholds. Of one fold
    alone, it is the error on the values that the thresholds were chosen from.
    """
    whole = Histogram.sum(folds)
    parts = _parts_with_samples(folds)
    if len(parts) < 2:
        threshold = mse_threshold(whole, time_steps, bound=bound)
        return quantization_error(whole, time_steps, threshold.values)
    errors = _errors_on_unseen_samples(parts, whole, time_steps, bound)
    return float(errors.min())


def quantization_error(
    histogram: Histogram, time_steps: int, values: np.ndarray
) -> float:
    """Return the squared error of thresholds, [channels], on values seen and one that was not.

    It is summed over samples and channels, but for a number that does not depend on thresholds.
    """
    thetas = values[:, None]
    errors = quantization_errors(histogram, time_steps, thetas)
    errors_unseen = UnseenValue(histogram).errors(thetas)
    return float(errors.sum() + errors_unseen.sum())


def _parts_with_samples(folds: Sequence[Histogram]) -> list[Histogram]:
    return [fold for fold in folds if fold.count.any()]


def _first_of_best(errors: np.ndarray) -> int:
    """Return the first share with the least error, but for rounding: of one channel, all have."""
    least = errors.min()
    margin = _ROUNDING * abs(least)
    return int(np.argmax(errors <= least + margin))


def _draw_toward_largest(values: np.ndarray, share: float) -> np.ndarray:
    """Return the thresholds, drawn toward the largest by a share from 0 to 1."""
    largest = values.max()
    from_values = values ** (1 - share)
    return np.asarray(from_values * largest**share)


def _errors_on_unseen_samples(
    parts: Sequence[Histogram],
    whole: Histogram,
    time_steps: int,
    bound: ArrayLike | None,
) -> np.ndarray:
    """Return for each share the error on parts from which no threshold was chosen.

    A share is told from another by fewer bins and thresholds than the best threshold is.

    Args:
        parts: The parts.
        whole: The sum of all.
        time_steps: T.
        bound: The activation's upper bound.
    """
    errors = np.zeros(len(_SHARES))
    unseen = UnseenValue(whole)
    wanted = _BINS_A_STEP * 2 ** math.ceil(math.log2(time_steps))
    bins = min(whole.bins, max(_LEAST_BINS, wanted))
    coarse = [part.in_ranges_of(whole, bins) for part in parts]
    for held_out in coarse:
        others = [part for part in coarse if part is not held_out]
        rest = Histogram.sum(others)
        threshold = mse_threshold(rest, time_steps, _GRID, bound=bound)
        values = threshold.values
        candidates = [_draw_toward_largest(values, share) for share in _SHARES]
        thetas = np.stack(candidates, axis=1)
        errors_held_out = quantization_errors(held_out, time_steps, thetas)
        errors += errors_held_out.sum(axis=0)
        errors_unseen = unseen.errors(thetas)
        errors += errors_unseen.sum(axis=0) / len(parts)
    return errors

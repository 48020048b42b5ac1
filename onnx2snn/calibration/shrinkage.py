"""Drawing the thresholds of a layer's channels together, as far as unseen samples ask for it."""

from __future__ import annotations

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
    found = mse_threshold(Histogram.sum(folds), time_steps, bound=bound)
    parts = _parts_with_samples(folds)
    if len(parts) < 2:
        return found
    errors = _errors_on_unseen_samples(parts, time_steps, bound)
    best = int(np.argmin(errors))
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
    parts = _parts_with_samples(folds)
    if len(parts) < 2:
        whole = Histogram.sum(folds)
        threshold = mse_threshold(whole, time_steps, bound=bound)
        return quantization_error(whole, time_steps, threshold.values)
    errors = _errors_on_unseen_samples(parts, time_steps, bound)
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


def _draw_toward_largest(values: np.ndarray, share: float) -> np.ndarray:
    """Return the thresholds, drawn toward the largest by a share from 0 to 1."""
    largest = values.max()
    from_values = values ** (1 - share)
    return np.asarray(from_values * largest**share)


def _errors_on_unseen_samples(
    parts: Sequence[Histogram], time_steps: int, bound: ArrayLike | None
) -> np.ndarray:
    """Return for each share the error on parts from which no threshold was chosen."""
    errors = np.zeros(len(_SHARES))
    unseen = UnseenValue(Histogram.sum(parts))
    for held_out in parts:
        others = [part for part in parts if part is not held_out]
        rest = Histogram.sum(others)
        threshold = mse_threshold(rest, time_steps, bound=bound)
        values = threshold.values
        candidates = [_draw_toward_largest(values, share) for share in _SHARES]
        thetas = np.stack(candidates, axis=1)
        errors_held_out = quantization_errors(held_out, time_steps, thetas)
        errors += errors_held_out.sum(axis=0)
        errors_unseen = unseen.errors(thetas)
        errors += errors_unseen.sum(axis=0) / len(parts)
    return errors

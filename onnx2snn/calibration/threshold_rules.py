"""The rules by which thresholds are chosen, by name.

``methods.threshold_rules`` declares them as choices of a method; ``calibration.thresholds`` has
the computations, from one histogram to the thresholds of its channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.shrinkage import shrunk_mse_threshold
from onnx2snn.calibration.thresholds import (
    balanced_threshold,
    max_threshold,
    percentile_threshold,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from onnx2snn.calibration.thresholds import Threshold

    Rule = Callable[[Sequence[Histogram], int, ArrayLike | None], Threshold]

__all__ = ["RULES"]


def _max(folds: Sequence[Histogram], _: int, bound: ArrayLike | None) -> Threshold:
    return max_threshold(Histogram.sum(folds), bound=bound)


def _percentile(
    folds: Sequence[Histogram], _: int, bound: ArrayLike | None
) -> Threshold:
    return percentile_threshold(Histogram.sum(folds), bound=bound)


def _mse(
    folds: Sequence[Histogram], time_steps: int, bound: ArrayLike | None
) -> Threshold:
    return shrunk_mse_threshold(folds, time_steps, bound=bound)


def _balanced(folds: Sequence[Histogram], _: int, bound: ArrayLike | None) -> Threshold:
    return balanced_threshold(Histogram.sum(folds), bound=bound)


RULES: dict[str, Rule] = {
    "max": _max,
    "percentile": _percentile,
    "mse": _mse,
    "balanced": _balanced,
}
"""Name to rule: from the activations seen, in parts, T and the upper bound to thresholds."""

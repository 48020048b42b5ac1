"""The difference between two arrays that come in parts."""

from __future__ import annotations

import math

import numpy as np

from onnx2snn.evaluation.result import Deviation
from onnx2snn.evaluation.values import is_exact

__all__ = ["Difference"]


class Difference:
    """Sums over all entries of an output that tell the ANN's values from a network's.

    Attributes:
        compared: Number of entries that are compared.
        not_compared: Number of entries of the ANN's output that are not: its shape is another,
            or only one of the two values is finite.
    """

    def __init__(self) -> None:
        """Start with no entries."""
        self.compared = 0
        self.not_compared = 0
        self._ann = 0.0
        self._snn = 0.0
        self._both = 0.0
        self._apart = 0.0
        self._largest = 0.0
        self._equal = 0
        self._are_real = True
        self._are_numbers = True

    def add(self, ann: np.ndarray, snn: np.ndarray) -> None:
        """Take in the outputs for one feed."""
        self._are_real &= not is_exact(ann)
        self._are_numbers &= _are_numbers(ann) and _are_numbers(snn)
        if ann.shape != snn.shape:
            self.not_compared += ann.size
            return
        self._equal += _count_true(ann == snn)
        if not self._are_numbers:
            self.compared += ann.size
            return
        of_ann = _as_doubles(ann)
        of_snn = _as_doubles(snn)
        self._add_numbers(of_ann, of_snn)

    def _add_numbers(self, ann: np.ndarray, snn: np.ndarray) -> None:
        """Take in finite numbers; those not finite are no difference where both are the same."""
        is_finite = np.isfinite(ann) & np.isfinite(snn)
        are_both_nan = np.isnan(ann) & np.isnan(snn)
        is_same = (ann == snn) | are_both_nan
        apart = _count_true(~is_finite & ~is_same)
        self.not_compared += apart
        self.compared += ann.size - apart
        a = ann[is_finite]
        b = snn[is_finite]
        difference = a - b
        largest = np.abs(difference).max(initial=0)
        self._ann += float(a @ a)
        self._snn += float(b @ b)
        self._both += float(a @ b)
        self._apart += float(difference @ difference)
        self._largest = max(self._largest, float(largest))

    @property
    def cosine(self) -> float | None:
        """Cosine similarity, -1 to 1; None if one of the two is zero everywhere."""
        norms = math.sqrt(self._ann) * math.sqrt(self._snn)
        if not norms or not math.isfinite(norms):
            return None
        cosine = self._both / norms
        return max(-1.0, min(cosine, 1.0))

    @property
    def relative_error(self) -> float | None:
        """Norm of the difference by that of the ANN's output; None if that is zero alone."""
        if not math.isfinite(self._apart + self._ann):
            return None
        if self._apart == 0:
            return 0.0
        if self._ann == 0:
            return None
        return math.sqrt(self._apart / self._ann)

    def summary(self) -> Deviation:
        """Return the measures that say something about values of this type."""
        has_numbers = self._are_numbers and self.compared > 0
        is_measured = has_numbers and self._are_real
        is_counted = not self._are_real and self.compared > 0
        equal = 100 * self._equal / self.compared if is_counted else None
        return Deviation(
            cosine=self.cosine if is_measured else None,
            relative_error=self.relative_error if is_measured else None,
            largest_difference=self._largest if has_numbers else None,
            equal=None if equal is None else round(equal, 2),
            compared=self.compared,
            not_compared=self.not_compared,
        )


def _count_true(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))


def _are_numbers(values: np.ndarray) -> bool:
    return values.dtype.kind in "iuf" or not is_exact(values)


def _as_doubles(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float64).ravel()

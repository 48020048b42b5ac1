"""Differences between the outputs of two models, beyond what rounding explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COARSE_TOLERANCE", "TOLERANCE", "output_differences"]

TOLERANCE = 1e-4
"""Largest error of a float output, as a part of the output's largest absolute value.

Import only reorders a few roundings (a folded Div, a MatMul as Gemm): on 42 public networks
the largest error was 1e-6. A wrong operator is off by a part in ten or more.
"""

COARSE_TOLERANCE = 5e-2
"""The same where the original rounds to few bits inside.

A sum that lies between two integers may be rounded to the other one: a network quantized to 8
bits in 20 layers was off by 1e-2 at the output. bfloat16 has 8 bits.
"""

_HALF_TOLERANCE = 2e-2
"""The same for an output in float16."""

_RARE = 100
"""One in so many integers of an output may be off by 1."""

_QUANTIZED = (
    ir.DataType.INT8,
    ir.DataType.UINT8,
    ir.DataType.INT16,
    ir.DataType.UINT16,
)
"""Types of integers that stand for real numbers, in a quantized network."""


def output_differences(
    expected: Mapping[str, object], actual: Mapping[str, object], *, coarse: bool
) -> list[str]:
    """Return how ``actual`` differs from ``expected``, a line for each output that does.

    Args:
        expected: Outputs of the original, by name. Of maps, as a classifier of scikit-learn gives
            them, the values are compared; what else is no array is passed over.
        actual: Outputs of the imported model.
        coarse: Whether the original rounds to few bits inside. Its indices and truth values,
            which one rounding changes, are not compared.
    """
    differences = []
    for output, value in expected.items():
        if output not in actual:
            differences.append(f"output {output!r} is lost")
            continue
        wanted = _values_of_maps(value)
        found = _values_of_maps(actual[output])
        if isinstance(wanted, np.ndarray):
            difference = _difference(wanted, found, coarse=coarse)
            if difference is not None:
                differences.append(f"output {output!r} {difference}")
    return differences


def _values_of_maps(output: object) -> object:
    """Return the values of a sequence of maps as an array; any other output as it is."""
    if isinstance(output, list) and all(isinstance(item, dict) for item in output):
        return np.array([list(item.values()) for item in output], np.float32)
    return output


def _difference(expected: np.ndarray, actual: object, *, coarse: bool) -> str | None:
    if not isinstance(actual, np.ndarray) or actual.dtype != expected.dtype:
        return f"has another type than {expected.dtype}"
    if actual.shape != expected.shape:
        return f"has shape {actual.shape}, not {expected.shape}"
    dtype = ir.DataType.from_numpy(expected.dtype)
    stands_for_reals = dtype.is_floating_point() or (coarse and dtype in _QUANTIZED)
    if stands_for_reals:
        tolerance = _tolerance(dtype, coarse=coarse)
        return _difference_of_reals(expected, actual, tolerance)
    if coarse or _is_equal_but_for_rounding(expected, actual):
        return None
    return "differs"


def _tolerance(dtype: ir.DataType, *, coarse: bool) -> float:
    if coarse:
        return COARSE_TOLERANCE
    if dtype is ir.DataType.FLOAT16:
        return _HALF_TOLERANCE
    return TOLERANCE


def _difference_of_reals(
    expected: np.ndarray, actual: np.ndarray, tolerance: float
) -> str | None:
    wanted = expected.astype(np.float64)
    found = actual.astype(np.float64)
    is_finite = np.isfinite(wanted)
    if not np.array_equal(wanted[~is_finite], found[~is_finite], equal_nan=True):
        return "differs where the original is infinite or not a number"
    numbers = wanted[is_finite]
    largest = np.abs(numbers).max(initial=0)
    error = np.abs(numbers - found[is_finite]).max(initial=0)
    if error <= tolerance * largest:
        return None
    return f"differs by {error:.3g}, its largest value is {largest:.3g}"


def _is_equal_but_for_rounding(expected: np.ndarray, actual: np.ndarray) -> bool:
    """Whether integers are equal, but for one in a hundred that may be off by 1."""
    if expected.dtype.kind not in "iu":
        return np.array_equal(expected, actual)
    error = np.abs(expected.astype(np.float64) - actual)
    is_off_by_one = error.max(initial=0) <= 1
    is_rare = np.count_nonzero(error) <= error.size / _RARE
    return bool(is_off_by_one and is_rare)

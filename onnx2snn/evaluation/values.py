"""Outputs of a model as arrays: of text, of maps and of sequences as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.input_specs import is_real

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_array", "is_exact", "squeezed"]


def as_array(value: object) -> np.ndarray | None:
    """Return an output as an array; None if it has no form of one.

    Args:
        value: A tensor; a sequence of maps from classes to scores, a map a sample, as
            classifiers of scikit-learn give them; or a sequence of tensors.
    """
    if isinstance(value, list):
        return _array_of_items(value)
    if not isinstance(value, np.ndarray | np.generic):
        return None
    array = np.asarray(value)
    return array.astype(str) if array.dtype.hasobject else array


def _array_of_items(items: Sequence[object]) -> np.ndarray | None:
    """Return a sequence as an array if all its items have one form."""
    rows = [_values_of(item) for item in items]
    if len({row.shape for row in rows}) != 1:
        return None
    return np.stack(rows)


def _values_of(item: object) -> np.ndarray:
    """Return the values of a map in the order of its keys; anything else as it is."""
    if isinstance(item, Mapping):
        return np.array(list(item.values()))
    return np.asarray(item)


def is_exact(values: np.ndarray) -> bool:
    """Whether values are whole numbers, truth values or text: the same or not, never near."""
    return not is_real(values.dtype)


def squeezed(values: np.ndarray) -> np.ndarray:
    """Return values [N, ...] without their axes of length 1, but for that of the samples."""
    sizes = [size for size in values.shape[1:] if size != 1]
    return values.reshape(len(values), *sizes)

"""The forms in which labels name classes."""

from __future__ import annotations

import numpy as np

__all__ = [
    "are_binary",
    "are_numbers",
    "are_two_numbers",
    "are_whole",
    "class_numbers",
    "one_hot_axis",
    "second_class",
    "without_class",
]

_PAIRS = ({0, 1}, {-1, 1})
"""Values of labels of two classes."""


_NO_CLASS = (-100, -1, 255)
"""Numbers that data sets of maps give to what has no class, and that losses leave out."""


def without_class(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return where maps of labels [N, ...] have a number that stands for no class."""
    if labels.ndim == 1:
        return np.zeros(labels.shape, bool)
    is_outside = (labels < 0) | (labels >= classes)
    return is_outside & np.isin(labels, _NO_CLASS)


def are_numbers(values: np.ndarray) -> bool:
    """Whether values are numbers or truth values, no text."""
    return values.dtype.kind != "U"


def are_whole(labels: np.ndarray) -> bool:
    """Whether numbers are whole, of whatever type."""
    return bool(np.array_equal(labels, np.floor(labels)))


def are_binary(labels: np.ndarray) -> bool:
    """Whether labels have the values 0 and 1, or -1 and 1, only."""
    if not are_numbers(labels):
        return False
    values = set(np.unique(labels).tolist())
    return any(values <= pair for pair in _PAIRS)


def are_two_numbers(labels: np.ndarray) -> bool:
    """Whether labels are two whole numbers, which no probability can be: a mask of 0 and 255."""
    if not are_numbers(labels) or not are_whole(labels):
        return False
    values = np.unique(labels)
    return bool(len(values) == 2 and values[1] > 1)


def second_class(labels: np.ndarray) -> np.ndarray:
    """Return 1.0 for the second of two classes, 0.0 for the first.

    Args:
        labels: Of the values 0 and 1, -1 and 1, or two other numbers.
    """
    largest = labels.max(initial=0)
    border = 0 if largest <= 1 else labels.min()
    return (labels > border).astype(np.float64)


def class_numbers(labels: np.ndarray) -> np.ndarray:
    """Return labels as numbers that compare with any answer."""
    return labels.astype(np.float64)


def one_hot_axis(labels: np.ndarray) -> int | None:
    """Return the axis of the classes if labels are 1 for one class and 0 for the others.

    Args:
        labels: [N, ...]; the axis is that behind the samples, or the last.
    """
    if labels.ndim < 2 or not are_numbers(labels):
        return None
    if not np.isin(labels, (0, 1)).all():
        return None
    for axis in (1, labels.ndim - 1):
        if (labels.sum(axis) == 1).all():
            return axis
    return None

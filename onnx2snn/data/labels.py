"""Labels of samples: of any type, and as many as there are samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.data.batches import refuse_problems
from onnx2snn.data.sources import array_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["join_labels", "read_labels"]

_LABEL_KINDS = "biufU"
"""Kinds of NumPy types that labels may have: truth values, numbers, text."""


def read_labels(labels: Any, samples: int, name: str) -> np.ndarray:  # noqa: ANN401 (any array-like)
    """Return labels as an array with a row for each sample, if they are as many.

    Args:
        labels: An array, a tensor or lists: for each sample a number, text, or an array of
            them. Where feeds are stacked, labels may be stacked as they are, [feeds, rows, ...].
        samples: Number of samples.
        name: Name of the data, for messages.

    Raises:
        CalibrationError: They are neither numbers nor text, or not finite.
    """
    array = array_of(labels)
    if array.dtype.kind not in _LABEL_KINDS:
        found = f"{array.dtype} {list(array.shape)}"
        refuse_problems(name, [f"labels are {found}, expected numbers or text"])
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        refuse_problems(name, ["labels have values that are NaN or infinite"])
    return _one_row_a_sample(np.atleast_1d(array), samples)


def _one_row_a_sample(labels: np.ndarray, samples: int) -> np.ndarray:
    """Return labels with the axis of stacked feeds joined to that of their samples."""
    if labels.ndim < 2 or len(labels) == samples:
        return labels
    feeds, rows, *rest = labels.shape
    if feeds * rows == samples:
        return labels.reshape(samples, *rest)
    return labels


def join_labels(labels: Sequence[np.ndarray | None], name: str) -> np.ndarray | None:
    """Return the labels of all feeds, None if none has any.

    Raises:
        CalibrationError: Some feeds have none, or they differ in shape.
    """
    known = [found for found in labels if found is not None]
    bare = [index for index, found in enumerate(labels) if found is None]
    if not known:
        return None
    if bare:
        counts = f"{len(bare)} of {len(labels)}"
        refuse_problems(name, [f"{counts} feeds have no labels, first feed {bare[0]}"])
    shapes = {found.shape[1:] for found in known}
    if len(shapes) > 1:
        words = ", ".join(str(list(shape)) for shape in sorted(shapes))
        refuse_problems(name, [f"the labels of a sample differ in shape: {words}"])
    return np.concatenate(known)

"""The axis along which an output holds the samples: it need not be the first, or any.

An output of rows that no batch can be joined by (what NonMaxSuppression selects, indices into
the batch, a mean over it) is told by running a few samples at once and apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.data.input_specs import is_real
from onnx2snn.errors import RuntimeShapeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from onnx2snn.data.batches import Batch, Dataset
    from onnx2snn.data.input_specs import Arrays

    Output: TypeAlias = np.ndarray | None
    """An output; None of one that is no array."""

    Found: TypeAlias = Mapping[str, Output]
    """Outputs by name."""

    RunOnce: TypeAlias = Callable[[Arrays], Found]
    """Gives the outputs for a batch, whose samples come first."""

    Axis: TypeAlias = int | None
    """The axis of samples; CONSTANT, or None where there is none."""

    Axes: TypeAlias = Mapping[str, Axis]
    """Name of each output to the axis of its samples."""

    _FindAxis: TypeAlias = Callable[[Output, Sequence[Output]], Axis]

__all__ = ["CONSTANT", "are_free", "are_near", "sample_axes"]

CONSTANT = -1
"""In the place of an axis: the output is the same whatever the samples."""

_PROBED = 3
"""Samples that are run at once and apart."""

_TOLERANCE = 1e-2
"""Difference between the same samples run at once and apart, by their spread.

Sums in another order round otherwise, and now and then a neuron near its threshold then fires in
one run and not in the other. Values in the places of others differ by about their spread.
"""


def are_free(data: Dataset) -> bool:
    """Whether samples can be run in batches of any size: neither model nor data bakes one in."""
    if data.samples == 1:
        return False
    sizes = [next(data.batches(size)).valid for size in (1, 2)]
    return sizes == [1, 2]


def sample_axes(
    run: RunOnce, data: Dataset, declared: Collection[str], *, draws_numbers: bool
) -> Axes:
    """Return the axis of the samples in each output.

    Args:
        run: Runs the network on a batch.
        data: The samples.
        declared: Names of the outputs whose first axis the file declares as that of the samples.
            They are believed if it is as long. Of the others a few samples tell, run at once and
            apart.
        draws_numbers: Whether the network draws random numbers: then other batches give other
            values, and the shapes tell alone.

    Returns:
        Name of the output to its axis; CONSTANT of one that is always the same; None where
        batches cannot be joined.
    """
    if not are_free(data):
        first = next(data.batches(1))
        return _axes_of_baked(run(first.feeds), first.rows)
    whole = next(data.batches(_PROBED))
    at_once = run(whole.feeds)
    rows = whole.valid
    believed = [name for name in declared if _has_rows(at_once[name], rows)]
    axes: dict[str, Axis] = dict.fromkeys(believed, 0)
    if axes.keys() == at_once.keys():
        return axes
    find_axis = _axis_of_shape if draws_numbers else _axis_of
    return _probed_axes(run, whole, at_once, find_axis) | axes


def _axes_of_baked(outputs: Found, rows: int) -> Axes:
    """Return axis 0 of outputs that have a row for each sample of a batch of a baked size."""
    axes = {}
    for name, values in outputs.items():
        axes[name] = 0 if _has_rows(values, rows) else None
    return axes


def _has_rows(values: Output, rows: int) -> bool:
    return values is not None and values.shape[:1] == (rows,)


def _probed_axes(
    run: RunOnce, whole: Batch, at_once: Found, find_axis: _FindAxis
) -> dict[str, Axis]:
    """Return the axes by which what is run apart, joined, is what is run at once."""
    first = _cut_feeds(whole, slice(1))
    others = _cut_feeds(whole, slice(1, None))
    try:
        parts = [run(first), run(others)]
    except RuntimeShapeError:  # it does not run on so few
        return dict.fromkeys(at_once)
    axes = {}
    for name, values in at_once.items():
        apart = [part[name] for part in parts]
        axes[name] = find_axis(values, apart)
    return axes


def _axis_of_shape(whole: Output, parts: Sequence[Output]) -> Axis:
    """Return the only axis by which parts may be joined to the shape of the whole."""
    arrays = [part for part in parts if part is not None]
    if whole is None or len(arrays) < len(parts):
        return None
    fitting = [axis for axis in range(whole.ndim) if _fit_along(axis, whole, arrays)]
    return fitting[0] if len(fitting) == 1 else None


def _cut_feeds(batch: Batch, rows: slice) -> Arrays:
    """Return some rows of a batch; a scalar serves them all."""
    cut = {}
    for name, data in batch.feeds.items():
        is_scalar = data.ndim == 0
        cut[name] = data if is_scalar else data[rows]
    return cut


def _axis_of(whole: Output, parts: Sequence[Output]) -> Axis:
    """Return the axis by which parts, joined, are the whole; CONSTANT if each is the whole."""
    if whole is None or not whole.size:
        return None
    arrays = [part for part in parts if part is not None]
    if len(arrays) < len(parts):
        return None
    if all(are_near(part, whole) for part in arrays):
        return CONSTANT
    for axis in range(whole.ndim):
        if _joins(axis, whole, arrays):
            return axis
    return None


def _joins(axis: int, whole: np.ndarray, parts: Sequence[np.ndarray]) -> bool:
    """Whether parts joined along an axis are the whole."""
    if not _fit_along(axis, whole, parts):
        return False
    joined = np.concatenate(parts, axis)
    return are_near(joined, whole)


def _fit_along(axis: int, whole: np.ndarray, parts: Sequence[np.ndarray]) -> bool:
    """Whether arrays joined along an axis have the shape of another."""
    rank = whole.ndim
    if any(part.ndim != rank for part in parts):
        return False
    others = {_other_sizes(part, axis) for part in (whole, *parts)}
    are_alike = len(others) == 1
    length = sum(part.shape[axis] for part in parts)
    return are_alike and length == whole.shape[axis]


def _other_sizes(array: np.ndarray, axis: int) -> tuple[int, ...]:
    return (*array.shape[:axis], *array.shape[axis + 1 :])


def are_near(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two arrays are the same but for rounding."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if not is_real(wanted.dtype):
        return bool(np.array_equal(found, wanted))
    a = found.astype(np.float64).ravel()
    b = wanted.astype(np.float64).ravel()
    if not np.isfinite(a + b).all():
        return bool(np.array_equal(a, b, equal_nan=True))
    spread = np.linalg.norm(b - b.mean())
    rounding = 1e-6 * np.linalg.norm(b)
    tolerance = _TOLERANCE * spread + rounding
    distance = np.linalg.norm(a - b)
    return bool(distance <= tolerance)

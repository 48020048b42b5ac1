"""Parts of a data set: samples that are set aside, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.batches import Dataset
from onnx2snn.data.stored_arrays import ArrayColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onnx2snn.data.batches import Batch
    from onnx2snn.data.input_specs import Specs
    from onnx2snn.data.stored_arrays import Columns

__all__ = ["MOST_HELD_OUT", "hold_out"]

MOST_HELD_OUT = 32
"""Samples that are set aside at most: they tell two networks apart, and are missed by nobody."""

_ONE_OF = 5
"""At most every fifth sample is set aside."""

_FEWEST = 10
"""Of fewer samples, none is set aside."""

_ROWS = 80
"""Samples read at a time."""


def hold_out(
    data: Dataset, specs: Specs, most: int = MOST_HELD_OUT
) -> tuple[Dataset, Dataset] | None:
    """Return the data without some samples, evenly spaced, and these samples.

    Args:
        data: Calibration data.
        specs: The inputs that it is for, as it holds them.
        most: Number of samples that are set aside at most.

    Returns:
        None where there are fewer than 10 samples, or a batch is of a fixed size above 1.
    """
    if data.samples < _FEWEST or not _count_samples(specs, data):
        return None
    distance = max(_ONE_OF, -(-data.samples // most))
    kept = _Rows(data, lambda number: number % distance != distance - 1)
    held_out = _Rows(data, lambda number: number % distance == distance - 1)
    name = "the calibration data"
    return (
        _Part(kept, specs, None, name).of(data),
        Dataset(held_out, specs, None, name),
    )


def _count_samples(specs: Specs, data: Dataset) -> bool:
    """Whether axis 0 of all inputs is that of the samples: of any number, or of one at a time."""
    sizes = {None if spec.shape is None else spec.shape[:1] for spec in specs}
    is_open = sizes == {(None,)}
    is_one = sizes == {(1,)}
    first = next(data.batches(1))
    lengths = {len(values) for values in first.feeds.values()}
    return len(lengths) == 1 and (is_open or is_one)


class _Part(Dataset):
    """The greater part of a data set, known by the digest of the whole."""

    _whole: Dataset

    def of(self, whole: Dataset) -> _Part:
        """Remember the whole; return itself."""
        self._whole = whole
        return self

    def sha256(self) -> str:
        """Return the digest of the whole."""
        return self._whole.sha256()


class _Rows:
    """Feeds of the samples of a data set whose numbers are wanted.

    Args:
        data: The data set.
        is_wanted: Whether a sample is, by its number.
    """

    def __init__(self, data: Dataset, is_wanted: Callable[[int], bool]) -> None:
        """Keep what is wanted of which data."""
        self._data = data
        self._is_wanted = is_wanted

    def __iter__(self) -> Iterator[Columns]:
        start = 0
        for batch in self._data.batches(_ROWS):
            rows = [row for row in range(batch.valid) if self._is_wanted(start + row)]
            if rows:
                yield _rows_of(batch, rows)
            start += batch.valid


def _rows_of(batch: Batch, rows: list[int]) -> Columns:
    """Return some rows of a batch, as columns of a feed."""
    return {
        name: ArrayColumn(np.ascontiguousarray(values[rows]))
        for name, values in batch.feeds.items()
    }

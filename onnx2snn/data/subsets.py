"""Parts of a data set: samples that are set aside, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.batches import Dataset
from onnx2snn.data.stored_arrays import ArrayColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from onnx2snn.data.batches import Batch
    from onnx2snn.data.input_specs import Arrays, Feeds, InputSpec, Specs
    from onnx2snn.data.stored_arrays import Columns

__all__ = ["MOST_HELD_OUT", "hold_out"]

MOST_HELD_OUT = 32
"""Samples that are set aside at most: they tell two networks apart, and are missed by nobody."""

_ONE_OF = 5
"""At most every fifth sample is set aside."""

_FEWEST = 10
"""Of fewer samples, none is set aside."""

_ROWS = 64
"""Samples read at a time, and in a feed at most."""

_NUMBERS = 2**24
"""Numbers in the samples of a feed at most, but for one sample."""


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
    kept = _Rows(data, specs, lambda number: number % distance != distance - 1)
    held_out = _Rows(data, specs, lambda number: number % distance == distance - 1)
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

    Where the number of samples in a feed is free, those of feeds in a row that have the same shape
    are joined, so that it does not matter how the data was cut.

    Args:
        data: The data set.
        specs: The inputs that it is for.
        is_wanted: Whether a sample is, by its number.
    """

    def __init__(
        self, data: Dataset, specs: Specs, is_wanted: Callable[[int], bool]
    ) -> None:
        """Keep what is wanted of which data."""
        self._data = data
        self._is_wanted = is_wanted
        self._is_free = all(_is_free(spec) for spec in specs)

    def __iter__(self) -> Iterator[Columns]:
        waiting: list[Arrays] = []
        for feeds in self._wanted():
            if waiting and not self._has_room(waiting, feeds):
                yield _join_samples(waiting)
                waiting = []
            waiting.append(feeds)
        if waiting:
            yield _join_samples(waiting)

    def _has_room(self, waiting: Sequence[Feeds], feeds: Feeds) -> bool:
        """Whether a sample can be in one feed with those before it."""
        first = waiting[0]
        have_one_shape = all(feeds[name].shape == first[name].shape for name in first)
        numbers = sum(values.size for values in feeds.values())
        most = min(_ROWS, _NUMBERS // max(1, numbers))
        return self._is_free and have_one_shape and len(waiting) < most

    def _wanted(self) -> Iterator[Arrays]:
        """Yield the samples that are wanted, one at a time."""
        start = 0
        for batch in self._data.batches(_ROWS):
            for row in range(batch.valid):
                if self._is_wanted(start + row):
                    yield _sample_of(batch, row)
            start += batch.valid


def _is_free(spec: InputSpec) -> bool:
    """Whether an input takes any number of samples."""
    return bool(spec.shape) and spec.rows is None


def _sample_of(batch: Batch, row: int) -> Arrays:
    """Return one sample of a batch."""
    return {name: values[row : row + 1] for name, values in batch.feeds.items()}


def _join_samples(samples: Sequence[Feeds]) -> Columns:
    """Return samples as columns of one feed."""
    columns: Columns = {}
    for name in samples[0]:
        parts = [feeds[name] for feeds in samples]
        columns[name] = ArrayColumn(np.concatenate(parts))
    return columns

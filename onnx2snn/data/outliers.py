"""Samples far larger than all others, which would decide thresholds for the rest."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.batches import Batch, Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx2snn.data.input_specs import Arrays

__all__ = ["Outlier", "find_outliers", "without_outliers"]

_LOGGER = logging.getLogger(__name__)

_FEWEST_SAMPLES = 8
"""Of fewer samples, nobody can say which are usual."""

_USUAL = 0.95
"""The part of the samples that are no outliers, whatever they are."""

_FACTOR = 10
"""An outlier is more than so many times as large as the largest of the usual samples."""

_SPREADS = 3
"""It is so many times as far from the median, in logarithms, as the largest usual one."""

_ROWS = 32  # samples read at a time

_NAMED = 5
"""Most outliers that a message names."""

_FOUND = (
    "%d of %d calibration samples would decide the thresholds for all others, and are left out: "
    "%s; check how they were preprocessed"
)


@dataclasses.dataclass(frozen=True)
class Outlier:
    """A sample that is far larger than the others.

    Attributes:
        input_name: The input.
        sample: Number of the sample, from 0.
        ratio: Its largest magnitude, in units of the one that most samples do not exceed.
    """

    input_name: str
    sample: int
    ratio: float

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"sample {self.sample} of {self.input_name!r}, {self.ratio:.3g} times as large as "
            "usual ones"
        )


def without_outliers(data: Dataset) -> Dataset:
    """Return ``data`` with another sample in the place of each outlier, and name them.

    The number of samples stays as it is: a batch may need it.
    """
    outliers = find_outliers(data)
    if not outliers:
        return data
    samples = {outlier.sample for outlier in outliers}
    named = [str(outlier) for outlier in outliers[:_NAMED]]
    if len(outliers) > _NAMED:
        named.append("...")
    _LOGGER.warning(_FOUND, len(samples), data.samples, "; ".join(named))
    return _Replaced(data, samples)


def find_outliers(data: Dataset) -> list[Outlier]:
    """Return the samples of real numbers that are far larger than the others, by input.

    A sample is one if its largest magnitude is more than 10 times that which 95 % of the samples
    do not exceed, and it is in logarithms 3 times as far from the median: values that are spread
    over decades have none.
    """
    outliers = []
    for name, magnitudes in _largest_magnitudes(data).items():
        for sample, ratio in _find_far(magnitudes).items():
            outliers.append(Outlier(name, sample, ratio))
    return outliers


def _find_far(magnitudes: np.ndarray) -> dict[int, float]:
    """Return the numbers of samples that are too large, and how many times."""
    positive = magnitudes[magnitudes > 0]
    if len(positive) < _FEWEST_SAMPLES:
        return {}
    median, usual = np.quantile(positive, [0.5, _USUAL], method="lower")
    spread = math.log(usual / median)
    far_from_median = median * math.exp(_SPREADS * spread)
    limit = max(_FACTOR * usual, far_from_median)
    found = {}
    for sample in np.flatnonzero(magnitudes > limit):
        ratio = magnitudes[sample] / usual
        found[int(sample)] = float(ratio)
    return found


def _largest_magnitudes(data: Dataset) -> Arrays:
    """Return the largest magnitude of each sample of each input of real numbers."""
    found: dict[str, list[np.ndarray]] = {}
    for batch in data.batches(_ROWS):
        for name, values in batch.feeds.items():
            is_real = values.dtype.kind == "f"
            if is_real and _counts_samples(values, batch):
                largest = _largest_of_rows(values[: batch.valid])
                found.setdefault(name, []).append(largest)
    magnitudes = {}
    for name, parts in found.items():
        of_samples = np.concatenate(parts)
        if len(of_samples) == data.samples:
            magnitudes[name] = of_samples
    return magnitudes


def _largest_of_rows(values: np.ndarray) -> np.ndarray:
    """Return the largest magnitude in each row; a missing value, NaN, has none."""
    rows = np.abs(values).reshape(len(values), -1)
    largest = np.fmax.reduce(rows, axis=1, initial=0)
    return np.asarray(largest, float)


def _counts_samples(values: np.ndarray, batch: Batch) -> bool:
    """Return whether axis 0 of an array of a batch counts samples, as far as can be told."""
    return values.ndim > 0 and len(values) >= batch.valid


class _Replaced(Dataset):
    """Data in which some samples are replaced by the first other one.

    Args:
        data: The data.
        samples: Numbers of the samples that are replaced.
    """

    def __init__(self, data: Dataset, samples: set[int]) -> None:
        """Keep what the data is."""
        self.__dict__.update(data.__dict__)
        self._replaced = samples
        kept = [number for number in range(data.samples) if number not in samples]
        self._first_kept = kept[0]

    def _cut_batches(self, batch_size: int) -> Iterator[Batch]:
        start = 0
        substitute = self._read_sample(self._first_kept)
        for batch in super()._cut_batches(batch_size):
            rows = (number - start for number in self._replaced)
            replaced = [row for row in rows if 0 <= row < batch.valid]
            feeds = _put_rows(batch, replaced, substitute) if replaced else batch.feeds
            yield dataclasses.replace(batch, feeds=feeds)
            start += batch.valid

    def _read_sample(self, number: int) -> Arrays:
        """Return the values of a sample, of the inputs that have a row for each."""
        start = 0
        for batch in super()._cut_batches(_ROWS):
            row = number - start
            if row < batch.valid:
                return {
                    name: values[row]
                    for name, values in batch.feeds.items()
                    if _counts_samples(values, batch)
                }
            start += batch.valid
        return {}


def _put_rows(batch: Batch, rows: Sequence[int], substitute: Arrays) -> Arrays:
    """Return the feeds of a batch with a substitute in the place of some rows."""
    feeds = dict(batch.feeds)
    for name, sample in substitute.items():
        values = feeds[name].copy()
        values[rows] = sample
        if batch.valid - 1 in rows:  # the padding repeats it
            values[batch.valid :] = sample
        feeds[name] = values
    return feeds

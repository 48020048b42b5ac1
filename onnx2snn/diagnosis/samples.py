"""The samples that a network is looked at on, in memory."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.batches import refuse_problems
from onnx2snn.data.labels import read_labels

if TYPE_CHECKING:
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Arrays

__all__ = ["Samples"]

_NUMBERS = 2**24
"""Numbers that all spikes of a batch may be."""


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Some samples, in the batches in which the network takes them.

    Attributes:
        batches: Feeds; where the network fixes the batch, the last may repeat samples.
        labels: A row for each sample; None if there are none.
        count: Number of samples.
        digest: SHA-256 of the data that they are the first of.
    """

    batches: list[Arrays]
    labels: np.ndarray | None
    count: int
    digest: str

    @classmethod
    def of(cls, data: Dataset, most: int, at_once: int, recorded: int = 1) -> Samples:
        """Return the first samples of the data.

        Args:
            data: The data.
            most: Most samples to take.
            at_once: Most samples in a batch.
            recorded: Numbers that are recorded of one sample.
        """
        rows = max(1, min(at_once, _NUMBERS // max(recorded, 1)))
        batches = []
        count = 0
        for batch in data.batches(rows):
            batches.append(batch.feeds)
            count = min(count + batch.valid, most)
            if count == most:
                break
        labels = None if data.labels is None else data.labels[:count]
        return cls(batches, labels, count, data.sha256())

    def first(self, most: int) -> Samples:
        """Return the first of them, in the batches that they are in."""
        count = min(most, self.count)
        rows = self.rows_of(self.batches[0])
        batches = self.batches[: -(-count // rows)]
        labels = None if self.labels is None else self.labels[:count]
        return Samples(batches, labels, count, self.digest)

    @staticmethod
    def rows_of(feeds: Arrays) -> int:
        """Return the number of samples in a batch, repeated ones among them."""
        return max((len(rows) for rows in feeds.values() if rows.ndim), default=1)

    def with_labels(self, labels: object) -> Samples:
        """Return them with labels that do not come with the data, a row a sample or more.

        Raises:
            CalibrationError: There are fewer, or they are no labels.
        """
        found = read_labels(labels, self.count, "the labels")
        if len(found) < self.count:
            problem = f"{len(found)} labels for {self.count} samples"
            refuse_problems("the labels", [problem])
        return dataclasses.replace(self, labels=found[: self.count])

    def joined(self) -> Arrays:
        """Return one array for each input, of the samples alone."""
        return {name: self._join(name) for name in self.batches[0]}

    def _join(self, name: str) -> np.ndarray:
        arrays = [feeds[name] for feeds in self.batches]
        if not arrays[0].ndim:
            return arrays[0]
        return np.concatenate(arrays)[: self.count]

"""The samples that an exported network is measured on."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.dataset import check_source, dataset
from onnx2snn.data.synthetic import synthetic_feeds
from onnx2snn.evaluation.ann import Ann

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.exporting.sources import Source
    from onnx2snn.importing.source import AnyModel

__all__ = [
    "Samples",
    "read_samples",
]

SYNTHETIC = 16
"""Samples where there is no data: enough to see that layers compute the same."""

BATCH = 16
"""Samples at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Samples, and what they are compared with.

    Attributes:
        feeds: The inputs, batch by batch.
        count: Number of samples.
        labels: Class numbers; None for none.
        ann: The ANN; None for none.
        is_synthetic: Whether they are made up.
    """

    feeds: list[Arrays]
    count: int
    labels: np.ndarray | None
    ann: Ann | None
    is_synthetic: bool


def read_samples(
    source: Source, data: object, ann: AnyModel | None, most: int
) -> Samples:
    """Return the first samples of the data, or synthetic ones where there is none.

    Args:
        source: The network.
        data: In any form that ``data.dataset`` takes; None for none.
        ann: The ANN; None for none.
        most: How many are wanted at most.
    """
    opened = None if ann is None else Ann.read(ann)
    specs = source.network.inputs
    if data is None:
        feeds = list(itertools.islice(synthetic_feeds(specs, SYNTHETIC), SYNTHETIC))
        count = sum(_rows(feed) for feed in feeds)
        return Samples(feeds, count, None, opened, is_synthetic=True)
    check_source(data)
    given = dataset(data, specs)
    feeds = []
    labels: list[np.ndarray] = []
    count = 0
    for batch in given.batches(BATCH):
        taken = min(batch.valid, most - count)
        if taken <= 0:
            break
        feeds.append({name: rows[:taken] for name, rows in batch.feeds.items()})
        if batch.labels is not None:
            labels.append(batch.labels[:taken])
        count += taken
    known = np.concatenate(labels) if labels else None
    return Samples(feeds, count, known, opened, is_synthetic=False)


def _rows(feed: Arrays) -> int:
    return max(len(rows) for rows in feed.values() if rows.ndim)

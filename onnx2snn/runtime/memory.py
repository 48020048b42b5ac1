"""Choose how many samples to compute at once, so that memory stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.events import time_means

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.runtime.subgraph import Subgraph

__all__ = ["rows_at_once"]

_NUMBERS = 2**26
"""Numbers of a value in memory at a time: 256 MB in float32."""


def rows_at_once(
    subgraph: Subgraph,
    data: Dataset,
    events: Collection[str],
    time_steps: int,
    most: int,
) -> int:
    """Return how many samples of the largest output fit into memory over all steps.

    Args:
        subgraph: Computes the outputs.
        data: Feeds; one sample is run to see how large the outputs are.
        events: Names of the inputs that are events in the data.
        time_steps: Number of times that each output is held.
        most: The answer is at most this, and at least 1.
    """
    batch = next(data.batches(1))
    feeds = time_means(batch.feeds, events, axis=1)
    arrays = subgraph.run(feeds)
    largest = max((array.size for array in arrays), default=1)
    numbers_a_sample = largest / max(batch.valid, 1) * time_steps
    rows = int(_NUMBERS / max(numbers_a_sample, 1))
    return max(1, min(most, rows))

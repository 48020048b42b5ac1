"""Choose how many samples to compute at once, so that memory stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.events import time_means
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.runtime.subgraph import Subgraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset

__all__ = ["rows_at_once"]

_NUMBERS = 2**26
"""Numbers of a value in memory at a time: 256 MB in float32."""


def rows_at_once(
    ann: ir.Model, values: Sequence[ir.Value], data: Dataset, time_steps: int, most: int
) -> int:
    """Return how many samples of the largest of ``values`` fit into memory over all steps.

    Args:
        ann: The network that computes ``values``.
        values: Values of its main graph.
        data: Feeds; one sample is run to see how large the values are.
        time_steps: Number of times that each value is held.
        most: The answer is at most this, and at least 1.
    """
    batch = next(data.batches(1))
    feeds = time_means(batch.feeds, event_names(ann.graph), axis=1)
    arrays = Subgraph(ann, values, ()).run(feeds)
    largest = max((array.size for array in arrays), default=1)
    numbers_a_sample = largest / max(batch.valid, 1) * time_steps
    rows = int(_NUMBERS / max(numbers_a_sample, 1))
    return max(1, min(most, rows))

"""Choose how many samples to compute at once, so that memory stays bounded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx2snn.data.events import time_means
from onnx2snn.schedules import TIME_STEPS

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

    from onnx2snn.data.dataset import Dataset
    from onnx2snn.runtime.subgraph import Subgraph

__all__ = ["MEMORY_LIMIT", "rows_at_once", "samples_within"]

MEMORY_LIMIT = 2**30
"""Bytes that a value of all steps may take, [T * N, ...], where the package chooses N."""

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


def samples_within(graph: ir.Graph, time_steps: int, limit: int) -> int:
    """Return how many samples a network with time in the batch may be given at once, >= 1.

    Args:
        graph: Its main graph.
        time_steps: T.
        limit: Bytes that the largest value of all steps may take.
    """
    made = (value for node in graph for value in node.outputs)
    largest = max(map(_bytes_of_a_sample, made), default=0)
    return max(1, limit // max(largest * time_steps, 1))


def _bytes_of_a_sample(value: ir.Value) -> int:
    """Return the bytes of one sample in one step, as far as its sizes are known; 0 of text."""
    if value.shape is None or value.dtype is None or value.dtype.is_string():
        return 0
    sizes = list(value.shape)
    is_of_all_steps = bool(sizes) and sizes[0] == TIME_STEPS
    of_a_sample = sizes[2:] if is_of_all_steps else sizes[1:]
    known = [size for size in of_a_sample if isinstance(size, int)]
    return math.ceil(math.prod(known) * value.dtype.itemsize)

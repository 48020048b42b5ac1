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

__all__ = ["MEMORY_LIMIT", "rows_at_once", "rows_of_all_outputs", "samples_within"]

MEMORY_LIMIT = 2**30
"""Bytes that a value of all steps may take, [T * N, ...], where the package chooses N."""

_NUMBERS = 2**26
"""Numbers of a value in memory at a time: 256 MB in float32."""

_PARTS = 4
"""Parts into which a batch may be split for cross-validation, sample by sample."""


def rows_at_once(
    subgraph: Subgraph,
    data: Dataset,
    events: Collection[str],
    time_steps: int,
    most: int,
) -> int:
    """Return how many samples of the largest output fit into memory over all steps.

    For outputs that are looked at one after another.

    Args:
        subgraph: Computes the outputs.
        data: Feeds; one sample is run to see how large the outputs are.
        events: Names of the inputs that are events in the data.
        time_steps: Number of times that each output is held.
        most: The answer is at most this, and at least 1.
    """
    sizes = _sizes_of_a_sample(subgraph, data, events)
    largest = max(sizes, default=1)
    rows = int(_NUMBERS / max(largest * time_steps, 1))
    return max(1, min(most, rows))


def rows_of_all_outputs(
    subgraph: Subgraph, data: Dataset, events: Collection[str], most: int
) -> int:
    """Return how many samples of all outputs together fit into memory.

    Where they are fewer than ``most``, they are a multiple of 4: every fourth sample of a batch
    is then every fourth of the data. Four are taken, too, where no more than one output of them
    fits.

    Args:
        subgraph: Computes the outputs, all at once.
        data: Feeds; one sample is run to see how large the outputs are.
        events: Names of the inputs that are events in the data.
        most: The answer is at most this, and at least 1.
    """
    sizes = _sizes_of_a_sample(subgraph, data, events)
    total = sum(sizes)
    rows = int(_NUMBERS / max(total, 1))
    largest = max(sizes, default=1)
    rows_of_largest = int(_NUMBERS / max(largest, 1))
    in_fours = max(rows // _PARTS, 1) * _PARTS
    return max(1, min(most, rows_of_largest, in_fours))


def _sizes_of_a_sample(
    subgraph: Subgraph, data: Dataset, events: Collection[str]
) -> list[float]:
    """Return how many numbers each output has for a sample."""
    batch = next(data.batches(1))
    feeds = time_means(batch.feeds, events, axis=1)
    arrays = subgraph.run(feeds)
    return [array.size / max(batch.valid, 1) for array in arrays]


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

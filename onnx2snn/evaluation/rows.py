"""The number of samples that are run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.events import time_means

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.data.batches import Dataset

__all__ = ["rows_at_a_time"]

_SAMPLES = 64
_NUMBERS = 2**18
"""Numbers in the inputs that are run at a time, at most: of more, MobileNetV2 takes longer."""


def rows_at_a_time(data: Dataset, events: Collection[str]) -> int:
    """Return how many samples to run at a time, by the size of the first.

    The larger an input, the more neurons there are, as a rule; states of few samples stay in the
    cache of a processor.
    """
    first = next(data.batches(1))
    sizes = [array.size for array in time_means(first.feeds, events, axis=1).values()]
    largest = max(sizes, default=1) / max(first.valid, 1)
    return max(1, min(_SAMPLES, int(_NUMBERS / max(largest, 1))))

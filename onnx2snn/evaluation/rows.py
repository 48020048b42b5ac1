"""The number of samples that are run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.data.events import time_means
from onnx2snn.runtime import Network

if TYPE_CHECKING:
    from onnx2snn.data.batches import Dataset
    from onnx2snn.evaluation.ann import Ann

__all__ = ["rows_at_a_time"]

_SAMPLES = 64
_NUMBERS = 2**18
"""Numbers in the inputs that are run at a time, at most: of more, MobileNetV2 takes longer."""


def rows_at_a_time(
    data: Dataset, network: Network | Ann, time_steps: int | None = None
) -> int:
    """Return how many samples to run at a time, by the size of the first.

    The larger an input, the more neurons there are, as a rule; states of few samples stay in the
    cache of a processor. With time in the batch, they are as few as memory asks for.

    Args:
        data: The samples.
        network: The network that is to run them.
        time_steps: The largest T it is to run for; None for its own.
    """
    first = next(data.batches(1))
    means = time_means(first.feeds, network.events, axis=1)
    sizes = [array.size for array in means.values()]
    largest = max(sizes, default=1) / max(first.valid, 1)
    rows = max(1, min(_SAMPLES, int(_NUMBERS / max(largest, 1))))
    if not isinstance(network, Network):
        return rows
    in_memory = network.samples_at_once(time_steps)
    return rows if in_memory is None else min(rows, in_memory)

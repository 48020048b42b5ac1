"""Batches of samples that are mixed among neighboring batches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from onnx2snn.data.dataset import Batch, Dataset
    from onnx2snn.data.input_specs import Feeds, InputSpec


__all__ = ["MixedBatches"]

_BLOCK = 16
"""Batches among which samples are mixed."""


class MixedBatches:
    """Batches, and how many samples they have, drawn from blocks of neighboring ones.

    Data whose batches may not be cut, as the network has a batch size of its own, comes in order.

    Args:
        data: The data.
        specs: The inputs that it is for.
        batch_size: Samples in a batch, >= 1, where the network leaves it free.
        random: Source of the order.
    """

    def __init__(
        self,
        data: Dataset,
        specs: Sequence[InputSpec],
        batch_size: int,
        random: np.random.Generator,
    ) -> None:
        self._data = data
        self._batch_size = batch_size
        self._random = random
        self._is_free = all(spec.rows is None for spec in specs)

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(self._data.samples / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Feeds, int]]:
        """Yield all batches once, in a new order."""
        if self._is_free:
            yield from self._mix_blocks()
            return
        for batch in self._data.batches(self._batch_size):
            yield batch.feeds, batch.valid

    def _mix_blocks(self) -> Iterator[tuple[Feeds, int]]:
        samples_a_block = self._batch_size * _BLOCK
        for block in self._data.batches(samples_a_block):
            if _is_by_sample(block):
                yield from self._mix_samples(block)
            else:
                yield block.feeds, block.valid

    def _mix_samples(self, block: Batch) -> Iterator[tuple[Feeds, int]]:
        order = self._random.permutation(block.valid)
        for start in range(0, block.valid, self._batch_size):
            end = start + self._batch_size
            rows = order[start:end]
            feeds = {name: array[rows] for name, array in block.feeds.items()}
            yield feeds, len(rows)


def _is_by_sample(block: Batch) -> bool:
    """Whether the first axis of every input counts samples."""
    arrays = block.feeds.values()
    return all(array.shape[:1] == (block.valid,) for array in arrays)

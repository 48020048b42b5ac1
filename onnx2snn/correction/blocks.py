"""Blocks of batches: neurons run on a block at a time, however small its batches are.

Many networks take one sample at a time. What is done for each of them then costs more than the
neurons themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from onnx2snn.data.batches import Batch

__all__ = ["cut_into_blocks", "join_batches", "split_batches"]


def cut_into_blocks(
    batches: Iterable[Batch], samples_at_once: int
) -> Iterator[list[Batch]]:
    """Yield batches in blocks of so many samples at most, or of one batch."""
    block: list[Batch] = []
    samples = 0
    for batch in batches:
        has_room = samples + batch.rows <= samples_at_once
        if block and not has_room:
            yield block
            block, samples = [], 0
        block.append(batch)
        samples += batch.rows
    if block:
        yield block


def join_batches(parts: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Return the arrays of some batches, of the same shape, as one."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts, axis=axis)


def split_batches(joined: np.ndarray, count: int, axis: int) -> list[np.ndarray]:
    """Return the arrays of so many batches that were joined along an axis."""
    if count == 1:
        return [joined]
    return np.split(joined, count, axis=axis)

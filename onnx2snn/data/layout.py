"""How a feed, one array per model input, is cut into batches the model accepts."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.input_specs import dtype_problem, shape_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx2snn.data.input_specs import InputSpec
    from onnx2snn.data.stored_arrays import Column

    Feed = Mapping[str, Column]

__all__ = ["Layout", "feed_problems"]


@dataclasses.dataclass(frozen=True)
class _Axis:
    """How one input of a feed is read: ``rows`` stored rows make up one batch.

    Attributes:
        spec: The input.
        length: Stored rows; None for a scalar, which serves every batch.
        inner: Samples in one stored row: more than 1 only where feeds are stacked.
        is_stacked: Whether a stored row is a whole feed of the input.
    """

    spec: InputSpec
    length: int | None
    inner: int
    is_stacked: bool

    @property
    def batches(self) -> int | None:
        """Number of batches if that is fixed: by stacking, or by a baked batch size."""
        if self.length is None:
            return None
        if self.is_stacked:
            return self.length
        return None if not self.spec.rows else -(-self.length // self.spec.rows)

    def rows(self, batches: int) -> int:
        """Stored rows that one of so many batches takes."""
        if self.is_stacked:
            return 1
        return self.spec.rows or -(-(self.length or 1) // batches)


def _axis(column: Column, spec: InputSpec) -> _Axis:
    shape = column.shape
    if shape == ():
        return _Axis(spec, None, 1, is_stacked=False)
    if spec.shape is not None and len(shape) == len(spec.shape) + 1:
        return _Axis(spec, shape[0], shape[1] if spec.shape else 1, is_stacked=True)
    return _Axis(spec, shape[0], 1, is_stacked=False)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The batches in a feed.

    Where an input is stacked, or its batch size is baked into the model, the number of batches
    follows; inputs with a free first axis are then split evenly. If all are free, a batch takes
    as many rows of each as the caller asks for.

    Attributes:
        axes: How each input is read.
        batches: Number of batches; None if it depends on the batch size asked for.
        samples: Number of samples: rows of the first input that is no scalar.
    """

    axes: tuple[_Axis, ...]
    batches: int | None
    samples: int

    @classmethod
    def of(cls, feed: Feed, specs: Sequence[InputSpec]) -> Layout:
        """Return the layout of a feed in which ``feed_problems`` found nothing."""
        axes = tuple(_axis(feed[spec.name], spec) for spec in specs)
        batches = next(
            (axis.batches for axis in axes if axis.batches is not None), None
        )
        samples = next(
            (axis.length * axis.inner for axis in axes if axis.length is not None), 1
        )
        if all(axis.length is None for axis in axes):
            batches = 1
        return cls(axes, batches, samples)

    def cut(
        self, feed: Feed, batch_size: int
    ) -> Iterator[tuple[dict[str, np.ndarray], int]]:
        """Yield each batch as stored, with the number of its samples that are not padding."""
        batches = self.batches or -(-self.samples // batch_size)
        rows = {
            axis.spec.name: batch_size if self.batches is None else axis.rows(batches)
            for axis in self.axes
        }
        main = next((axis for axis in self.axes if axis.length is not None), None)
        size = 1 if main is None else rows[main.spec.name] * main.inner
        parts = [
            self._parts(feed[axis.spec.name], axis, rows[axis.spec.name])
            for axis in self.axes
        ]
        for index in range(batches):
            arrays = {
                axis.spec.name: next(blocks)
                for axis, blocks in zip(self.axes, parts, strict=True)
            }
            yield arrays, min(size, self.samples - index * size)

    @staticmethod
    def _parts(column: Column, axis: _Axis, rows: int) -> Iterator[np.ndarray]:
        blocks = column.blocks(rows)
        if axis.length is None:
            return itertools.repeat(next(blocks))
        if axis.is_stacked:
            return (block[0] for block in blocks)
        return (_padded(block, axis.spec.rows or 0) for block in blocks)


def _padded(block: np.ndarray, rows: int) -> np.ndarray:
    missing = rows - len(block)
    return (
        block
        if missing <= 0
        else np.concatenate([block, np.repeat(block[-1:], missing, 0)])
    )


def feed_problems(feed: Feed, specs: Sequence[InputSpec]) -> list[str]:
    """Say everything that keeps ``feed`` from being cut into batches for ``specs``."""
    expected = ", ".join(repr(spec.name) for spec in specs)
    names = {spec.name for spec in specs}
    problems = [
        f"array {name!r} is no input of the model; its inputs: {expected}"
        for name in feed
        if name not in names
    ]
    problems += [
        f"no array for input {spec}" for spec in specs if spec.name not in feed
    ]
    for spec in specs:
        if spec.name in feed:
            column = feed[spec.name]
            found = shape_problem(column.shape, spec), dtype_problem(column.dtype, spec)
            problems += [
                f"array {spec.name!r} {problem}" for problem in found if problem
            ]
    return problems or _count_problems([_axis(feed[spec.name], spec) for spec in specs])


def _count_problems(axes: Sequence[_Axis]) -> list[str]:
    batches = {axis.batches for axis in axes} - {None}
    free = [axis for axis in axes if axis.length is not None and axis.batches is None]
    lengths: dict[int | None, set[int | None]] = {}
    for axis in axes:
        if axis.length is not None and not axis.is_stacked:
            lengths.setdefault(axis.spec.rows, set()).add(axis.length)
    count = next(iter(batches)) if len(batches) == 1 else None
    uneven = count is not None and any((axis.length or 0) % count for axis in free)
    baked_differ = any(len(found) > 1 for rows, found in lengths.items() if rows)
    free_differ = not batches and len({axis.length for axis in free}) > 1
    if len(batches) <= 1 and not (uneven or baked_differ or free_differ):
        return []
    counts = ", ".join(
        f"{axis.length} {'feeds' if axis.is_stacked else 'rows'} of {axis.spec.name!r}"
        for axis in axes
        if axis.length is not None
    )
    message = (
        f"the inputs do not hold the same number of samples: {counts}; where axis 0 of an input "
        "is no batch axis, stack its feeds along one more leading axis"
    )
    return [message]

"""The cut of a feed, one array per model input, into batches the model accepts."""

from __future__ import annotations

import dataclasses
import enum
import itertools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.arguments import did_you_mean
from onnx2snn.data.input_specs import dtype_problem, input_names, shape_problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx2snn.data.input_specs import Arrays, InputSpec, Specs
    from onnx2snn.data.stored_arrays import Column

    Feed = Mapping[str, Column]
    """The columns of a feed by the name of their input."""

__all__ = ["Layout", "feed_problems"]


class Form(enum.Enum):
    """The form in which one input is stored; it says into how many batches that is cut."""

    SHARED = "a scalar, which serves every batch"
    STACKED = "a row for each feed, so a batch for each row"
    FIXED = "rows that are samples, as many a batch as the model has baked in"
    FREE = "rows that are samples, as many a batch as wanted"


@dataclasses.dataclass(frozen=True)
class StoredInput:
    """The values of one input in a feed.

    Attributes:
        spec: The input.
        form: How its values are stored.
        rows: Stored rows, entries of axis 0; 1 for a scalar.
        samples_a_row: Samples in one row: more than 1 only where feeds are stacked.
    """

    spec: InputSpec
    form: Form
    rows: int
    samples_a_row: int = 1

    @classmethod
    def of(cls, column: Column, spec: InputSpec) -> StoredInput:
        """Return how ``column``, of a shape that fits, holds the values of ``spec``."""
        shape = column.shape
        if shape == ():
            return cls(spec, Form.SHARED, rows=1)
        if spec.shape is not None and len(shape) == len(spec.shape) + 1:
            samples = shape[1] if spec.shape else 1
            return cls(spec, Form.STACKED, shape[0], samples)
        form = Form.FIXED if spec.rows else Form.FREE
        return cls(spec, form, shape[0])

    @property
    def batches(self) -> int | None:
        """Number of batches if its form says so: by stacking, or by a baked batch size."""
        if self.form is Form.STACKED:
            return self.rows
        if self.form is Form.FIXED:
            return _divide_up(self.rows, self.spec.rows or 1)
        return None

    def rows_of_batch(self, batches: int) -> int:
        """Return how many rows a batch takes, if there are so many batches."""
        if self.form is Form.FIXED:
            return self.spec.rows or 1
        if self.form is Form.FREE:
            return _divide_up(self.rows, batches)
        return 1

    def cut_column(self, column: Column, rows: int) -> Iterator[np.ndarray]:
        """Yield what each batch takes of ``column``, ``rows`` rows at a time."""
        blocks = column.blocks(rows)
        if self.form is Form.SHARED:
            return itertools.repeat(next(blocks))
        if self.form is Form.STACKED:
            return (block[0] for block in blocks)
        if self.form is Form.FIXED:
            return (_pad_rows(block, rows) for block in blocks)
        return blocks

    def __str__(self) -> str:
        """Return the number of rows, as in ``6 rows of 'x'``."""
        unit = "feeds" if self.form is Form.STACKED else "rows"
        return f"{self.rows} {unit} of {self.spec.name!r}"


def _stored_inputs(feed: Feed, specs: Specs) -> tuple[StoredInput, ...]:
    """Return how a feed holds each input."""
    inputs = []
    for spec in specs:
        column = feed[spec.name]
        inputs.append(StoredInput.of(column, spec))
    return tuple(inputs)


def _divide_up(rows: int, parts: int) -> int:
    return -(-rows // parts)


def _pad_rows(block: np.ndarray, rows: int) -> np.ndarray:
    """Return ``block`` with its last row repeated up to ``rows`` rows."""
    missing = rows - len(block)
    if missing <= 0:
        return block
    last_row = block[-1:]
    padding = np.repeat(last_row, missing, axis=0)
    return np.concatenate([block, padding])


@dataclasses.dataclass(frozen=True)
class Layout:
    """The batches in a feed.

    Where an input is stacked, or its batch size is baked into the model, the number of batches
    follows; inputs with a free first axis are then split evenly. If all are free, a batch takes
    as many rows of each as the caller asks for.

    Attributes:
        inputs: How each input is stored.
        batches: Number of batches; None if it depends on the batch size asked for.
    """

    inputs: tuple[StoredInput, ...]
    batches: int | None

    @classmethod
    def of(cls, feed: Feed, specs: Specs) -> Layout:
        """Return the layout of a feed in which ``feed_problems`` found nothing."""
        inputs = _stored_inputs(feed, specs)
        if all(stored.form is Form.SHARED for stored in inputs):
            return cls(inputs, batches=1)
        counts = (stored.batches for stored in inputs)
        known = (count for count in counts if count is not None)
        return cls(inputs, next(known, None))

    @property
    def samples(self) -> int:
        """Number of samples, by the first input that is no scalar."""
        main = self._counted_input()
        if main is None:
            return 1
        return main.rows * main.samples_a_row

    def _counted_input(self) -> StoredInput | None:
        """Return the input by which samples are counted, None if all are scalars."""
        rows = (stored for stored in self.inputs if stored.form is not Form.SHARED)
        return next(rows, None)

    def count_batches(self, batch_size: int) -> int:
        """Return into how many batches it is cut."""
        return self.batches or _divide_up(self.samples, batch_size)

    def cut(self, feed: Feed, batch_size: int) -> Iterator[tuple[Arrays, int]]:
        """Yield each batch as stored, with the number of its samples that are not padding."""
        parts = {}
        for stored in self.inputs:
            column = feed[stored.spec.name]
            rows = self._rows_of_batch(stored, batch_size)
            parts[stored.spec.name] = stored.cut_column(column, rows)
        main = self._counted_input()
        size = 1
        if main is not None:
            size = self._rows_of_batch(main, batch_size) * main.samples_a_row
        for index in range(self.count_batches(batch_size)):
            arrays = {name: next(blocks) for name, blocks in parts.items()}
            yield arrays, min(size, self.samples - index * size)

    def _rows_of_batch(self, stored: StoredInput, batch_size: int) -> int:
        if self.batches is None:
            return batch_size
        return stored.rows_of_batch(self.batches)


def feed_problems(feed: Feed, specs: Specs) -> list[str]:
    """Say everything that keeps ``feed`` from being cut into batches for ``specs``."""
    problems = _name_problems(feed, specs)
    for spec in specs:
        if spec.name in feed:
            problems += _array_problems(feed[spec.name], spec)
    if problems:
        return problems
    return _count_problems(_stored_inputs(feed, specs))


def _name_problems(feed: Feed, specs: Specs) -> list[str]:
    names = input_names(specs)
    expected = ", ".join(map(repr, names))
    missing = [spec for spec in specs if spec.name not in feed]
    problems = [
        f"array {name!r} is no input of the model; its inputs: {expected}"
        f"{_meant_input(name, feed[name], missing)}"
        for name in feed
        if name not in names
    ]
    problems += [f"no array for input {spec}" for spec in missing]
    return problems


def _meant_input(name: str, column: Column, missing: Specs) -> str:
    """Say which input an array of an unknown name may be for, by its name or its shape."""
    by_name = did_you_mean(name, input_names(missing))
    fitting = [spec.name for spec in missing if not _array_problems(column, spec)]
    if by_name or len(fitting) != 1:
        return by_name
    return f"; it fits {fitting[0]!r}: give it that name"


def _array_problems(column: Column, spec: InputSpec) -> list[str]:
    by_shape = shape_problem(column.shape, spec)
    by_dtype = dtype_problem(column.dtype, spec)
    found = [problem for problem in (by_shape, by_dtype) if problem]
    return [f"array {spec.name!r} {problem}" for problem in found]


def _count_problems(inputs: Sequence[StoredInput]) -> list[str]:
    """Say that inputs hold different numbers of samples, if they do."""
    if not any(differ(inputs) for differ in _DISAGREEMENTS):
        return []
    counted = [stored for stored in inputs if stored.form is not Form.SHARED]
    counts = ", ".join(map(str, counted))
    message = (
        f"the inputs do not hold the same number of samples: {counts}; where axis 0 of an input "
        "is no batch axis, stack its feeds along one more leading axis"
    )
    return [message]


def _known_batches(inputs: Sequence[StoredInput]) -> set[int]:
    return {stored.batches for stored in inputs if stored.batches is not None}


def _free_rows(inputs: Sequence[StoredInput]) -> set[int]:
    return {stored.rows for stored in inputs if stored.form is Form.FREE}


def _batches_differ(inputs: Sequence[StoredInput]) -> bool:
    """Whether two inputs say of themselves that they are cut into different numbers of batches."""
    return len(_known_batches(inputs)) > 1


def _fixed_rows_differ(inputs: Sequence[StoredInput]) -> bool:
    """Whether two inputs of the same baked batch size have different numbers of rows."""
    rows_by_batch_size: dict[int | None, int] = {}
    for stored in inputs:
        if stored.form is Form.FIXED:
            rows = rows_by_batch_size.setdefault(stored.spec.rows, stored.rows)
            if rows != stored.rows:
                return True
    return False


def _free_rows_are_uneven(inputs: Sequence[StoredInput]) -> bool:
    """Whether rows of a free input remain when it is split into the known batches."""
    known = _known_batches(inputs)
    rows = _free_rows(inputs)
    return any(count % batches for count in rows for batches in known)


def _free_rows_differ(inputs: Sequence[StoredInput]) -> bool:
    """Whether the batch size may be chosen, but inputs have different numbers of rows."""
    return not _known_batches(inputs) and len(_free_rows(inputs)) > 1


_DISAGREEMENTS = (
    _batches_differ,
    _fixed_rows_differ,
    _free_rows_are_uneven,
    _free_rows_differ,
)
"""In which ways inputs may hold different numbers of samples."""

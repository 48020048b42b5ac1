"""Checked data for a model, as batches it can be fed."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.arguments import checked_count
from onnx2snn.data.input_specs import bytes_of, cast_to_input
from onnx2snn.data.layout import Layout
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onnx2snn.data.input_specs import Arrays, Feeds, InputSpec, Specs
    from onnx2snn.data.layout import Feed


__all__ = ["Batch", "Dataset", "check_batch_size", "refuse_problems"]

_CHECK_ROWS = 32  # rows read at a time when the data is checked


@dataclasses.dataclass
class _Unusable:
    """Values of an input that cannot be fed.

    Attributes:
        sample: Index of the first sample that has any.
        counts: How many there are, by reason.
    """

    sample: int
    counts: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )

    def describe(self, name: str) -> str:
        """Say how many values of input ``name`` are unusable, why, and where they begin."""
        parts = [f"{count} {reason}" for reason, count in self.counts.items()]
        noun = "value" if sum(self.counts.values()) == 1 else "values"
        counted = " and ".join(parts)
        return f"array {name!r} has {counted} {noun}, first in sample {self.sample}"


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Arrays that a model is fed at once.

    Attributes:
        feeds: One array per input, in the type the input takes.
        valid: Leading samples that are data; the rest, if any, is padding.
        labels: A row for each valid sample, [valid, ...]; None if the data has no labels.
    """

    feeds: Arrays
    valid: int
    labels: np.ndarray | None = None

    @property
    def rows(self) -> int:
        """Number of samples with the padding; 1 if every input is a scalar."""
        lengths = [len(data) for data in self.feeds.values() if data.ndim]
        return lengths[0] if lengths else 1


class Dataset:
    """Checked data for a model, iterated as often as wanted, a batch in memory at a time.

    Attributes:
        samples: Number of samples.
        labels: A row for each sample, [samples, ...]; None if there are no labels.
    """

    def __init__(
        self,
        feeds: Iterable[Feed],
        specs: Specs,
        labels: np.ndarray | None,
        name: str,
    ) -> None:
        """Read ``feeds``, an iterable that can be iterated again, once to check their values.

        Raises:
            CalibrationError: There is no sample, a value is NaN or infinite, or the number of
                labels is another than that of samples.
        """
        self._feeds = feeds
        self._specs = tuple(specs)
        self.labels = labels
        self._layouts, self._digest, unusable = _read_through(feeds, self._specs)
        self.samples = sum(layout.samples for layout in self._layouts)
        problems = []
        if not self.samples:
            problems.append("it is empty")
        for input_name, found in unusable.items():
            problems.append(found.describe(input_name))
        if labels is not None and len(labels) != self.samples:
            problems.append(f"{len(labels)} labels for {self.samples} samples")
        refuse_problems(name, problems)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Return an iterator over the data, in order.

        Args:
            batch_size: Samples in a batch, at least 1, where model and data leave it open. A
                feed of fewer samples is a batch of its own.

        Raises:
            OptionError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        return self._cut_batches(batch_size)

    def count_batches(self, batch_size: int) -> int:
        """Return how many batches ``batches`` gives."""
        return sum(layout.count_batches(batch_size) for layout in self._layouts)

    def _cut_batches(self, batch_size: int) -> Iterator[Batch]:
        start = 0
        for feed in self._feeds:
            layout = Layout.of(feed, self._specs)
            for arrays, valid in layout.cut(feed, batch_size):
                end = start + valid
                labels = None
                if self.labels is not None:
                    labels = self.labels[start:end]
                yield Batch(self._cast_feed(arrays), valid, labels)
                start = end

    def _cast_feed(self, arrays: Feeds) -> Arrays:
        feeds = {}
        for spec in self._specs:
            feeds[spec.name], _ = cast_to_input(arrays[spec.name], spec)
        return feeds

    def sha256(self) -> str:
        """Return a digest of the inputs, in hexadecimal.

        It is the same for the same samples in the same order and type, however they are stored
        or cut into feeds; labels do not count.
        """
        return self._digest


def _read_through(
    feeds: Iterable[Feed], specs: Specs
) -> tuple[list[Layout], str, dict[str, _Unusable]]:
    """Return the layout of each feed, a digest, and what values are unusable."""
    layouts = []
    samples = 0
    digests = {spec.name: hashlib.sha256() for spec in specs}
    unusable: dict[str, _Unusable] = {}
    for feed in feeds:
        layout = Layout.of(feed, specs)
        for stored in layout.inputs:
            name, sample = stored.spec.name, samples
            for block in feed[name].blocks(_CHECK_ROWS):
                values, bad = cast_to_input(block, stored.spec)
                digests[name].update(bytes_of(values))
                if bad:
                    row = _first_unusable_row(block, stored.spec)
                    first = sample + row * stored.samples_a_row
                    unusable.setdefault(name, _Unusable(first)).counts.update(bad)
                sample += len(np.atleast_1d(block)) * stored.samples_a_row
        samples += layout.samples
        layouts.append(layout)
    hexadecimal = {}
    for name, digest in digests.items():
        hexadecimal[name] = digest.hexdigest()
    return layouts, _joined_digest(hexadecimal, specs), unusable


def _first_unusable_row(block: np.ndarray, spec: InputSpec) -> int:
    """Return the first row of a block that has an unusable value; 0 of a scalar."""
    for row, values in enumerate(np.atleast_1d(block)):
        _, bad = cast_to_input(np.asarray(values), spec)
        if bad:
            return row
    return 0


def _joined_digest(digests: Mapping[str, str], specs: Specs) -> str:
    """Return one digest of those of the inputs, whatever the order of these."""
    whole = hashlib.sha256()
    for spec in sorted(specs, key=lambda spec: spec.name):
        line = f"{spec.name}\0{spec.dtype}\0{digests[spec.name]}\0"
        whole.update(line.encode())
    return whole.hexdigest()


def refuse_problems(name: str, problems: Sequence[str]) -> None:
    """Refuse data if there are problems.

    Raises:
        CalibrationError: There are; it lists them all.
    """
    if problems:
        lines = [f"{name} cannot be fed to the model:", *problems]
        raise CalibrationError("\n  ".join(lines))


def check_batch_size(batch_size: int | None) -> None:
    """Check a number of samples at a time; None leaves it open.

    Raises:
        OptionError: It is no whole number, or less than 1.
    """
    if batch_size is not None:
        checked_count("batch_size", batch_size, least=1)

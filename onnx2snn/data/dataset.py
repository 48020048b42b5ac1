"""Calibration and evaluation data in every accepted form, as batches a model can be fed.

A source is any of:

- the path of an ``.npz`` whose arrays bear the model's input names, or one array ``x`` for a
  model with one input; labels, optional, are ``y``. Each input is either concatenated along
  axis 0 or, with one more leading axis than the input has, stacked feed by feed;
- ``script.py`` or ``script.py:function`` (``batches`` if none is named) yielding feeds;
- an object with ``get_next()``, as onnxruntime's ``CalibrationDataReader``;
- a dict of arrays, in the forms of an ``.npz``; one array;
- any iterable of feeds: dicts (perhaps with labels ``y``), arrays, or pairs (array, labels).

Tensors of any framework count as arrays. The data is read once in full, to check it; ``.npz``
and arrays are then read from where they are, block by block, while the feeds of scripts,
readers and iterables, which may come only once or in another order the next time, are kept in
a temporary file. Memory is bounded by one feed, or one batch of an ``.npz``.

The batch size a model has baked in is kept: the last batch repeats its last sample where
samples are missing, and `Batch.valid` says how many count. Separate feeds are never joined.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onnx2snn.data.input_specs import InputSpec, cast, input_specs
from onnx2snn.data.layout import Layout, feed_problems
from onnx2snn.data.sources import (
    Spill,
    array_of,
    feeds_of_reader,
    labeled,
    script_feeds,
)
from onnx2snn.data.stored_arrays import ArrayColumn, Column, open_npz
from onnx2snn.errors import CalibrationError, OptionError

if TYPE_CHECKING:
    Feed = Mapping[str, Column]

__all__ = [
    "Batch",
    "Dataset",
    "InputSpec",
    "check_batch_size",
    "check_source",
    "dataset",
    "input_specs",
]

_CHECK_ROWS = 32  # rows read at a time when the data is checked
_SCRIPT = re.compile(r"(?P<path>.+\.py)(?::(?P<function>\w+))?", re.DOTALL)


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """What a model is fed at once.

    Attributes:
        feeds: One array per input, in the type the input takes.
        valid: Leading samples that are data; the rest, if any, is padding.
        labels: Class of each valid sample, shape [valid]; None if the data has no labels.
    """

    feeds: dict[str, np.ndarray]
    valid: int
    labels: np.ndarray | None = None


class Dataset:
    """Checked data for a model, iterated as often as wanted, a batch in memory at a time.

    Attributes:
        samples: Number of samples.
        labels: Class of each sample, shape [samples]; None if there are no labels.
    """

    def __init__(
        self,
        feeds: Iterable[Feed],
        specs: Sequence[InputSpec],
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
        self.samples, self._digest, bad = _checked(feeds, self._specs)
        problems = [] if self.samples else ["it is empty"]
        problems += [
            f"array {name!r} has {' and '.join(f'{n} {reason}' for reason, n in counts.items())}"
            f" {'value' if sum(counts.values()) == 1 else 'values'}"
            for name, counts in bad.items()
        ]
        if labels is not None and len(labels) != self.samples:
            problems.append(f"{len(labels)} labels 'y' for {self.samples} samples")
        _refuse(name, problems)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Return an iterator over the data, in order.

        Args:
            batch_size: Samples in a batch, at least 1, where model and data leave it open. A
                feed of fewer samples is a batch of its own.

        Raises:
            OptionError: ``batch_size`` is less than 1.
        """
        check_batch_size(batch_size)
        return self._cut(batch_size)

    def _cut(self, batch_size: int) -> Iterator[Batch]:
        start = 0
        for feed in self._feeds:
            for arrays, valid in Layout.of(feed, self._specs).cut(feed, batch_size):
                feeds = {
                    spec.name: cast(arrays[spec.name], spec)[0] for spec in self._specs
                }
                labels = (
                    None if self.labels is None else self.labels[start : start + valid]
                )
                yield Batch(feeds, valid, labels)
                start += valid

    def sha256(self) -> str:
        """Return a digest of the inputs, in hexadecimal.

        It is the same for the same samples in the same order and type, however they are stored
        or cut into feeds; labels are left out.
        """
        return self._digest


def _checked(
    feeds: Iterable[Feed], specs: Sequence[InputSpec]
) -> tuple[int, str, dict[str, collections.Counter[str]]]:
    samples = 0
    digests = {spec.name: hashlib.sha256() for spec in specs}
    bad: dict[str, collections.Counter[str]] = collections.defaultdict(
        collections.Counter
    )
    for feed in feeds:
        samples += Layout.of(feed, specs).samples
        for spec in specs:
            for block in feed[spec.name].blocks(_CHECK_ROWS):
                values, unusable = cast(block, spec)
                digests[spec.name].update(values.reshape(-1).view(np.uint8).data)
                if unusable:
                    bad[spec.name].update(unusable)
    whole = hashlib.sha256()
    for spec in sorted(specs, key=lambda spec: spec.name):
        whole.update(
            f"{spec.name}\0{spec.dtype}\0{digests[spec.name].hexdigest()}\0".encode()
        )
    return samples, whole.hexdigest(), bad


def _refuse(name: str, problems: Sequence[str]) -> None:
    if problems:
        raise CalibrationError(
            "\n  ".join([f"{name} cannot be fed to the model:", *problems])
        )


def dataset(source: object, specs: Sequence[InputSpec]) -> Dataset:
    """Return the data in ``source``, checked against the inputs ``specs`` of a model.

    Args:
        source: Any of the forms in the module docstring; a `Dataset` is returned as it is.
        specs: The model's inputs, as `input_specs` returns them.

    Raises:
        CalibrationError: The data cannot be read or does not fit; all reasons are given.
        TypeError: ``source`` is of no accepted form.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _from_path(os.fspath(source), specs)
    if isinstance(source, Mapping) or hasattr(source, "__array__"):
        arrays, labels = labeled(source, tuple(spec.name for spec in specs))
        columns = {name: ArrayColumn(array) for name, array in arrays.items()}
        return _from_columns(columns, labels, specs, "the data")
    if hasattr(source, "get_next"):
        return _from_items(feeds_of_reader(source), specs, "the data")
    if isinstance(source, Iterable):
        return _from_items(source, specs, "the data")
    message = (
        f"data must be a path, a dict of arrays, an array, an object with get_next() or an "
        f"iterable of these, not {type(source).__name__}"
    )
    raise TypeError(message)


def check_batch_size(batch_size: int) -> None:
    """Check a number of samples at a time.

    Raises:
        OptionError: It is less than 1.
    """
    if batch_size < 1:
        message = f"batch_size must be at least 1, not {batch_size}"
        raise OptionError(message)


def check_source(source: object) -> None:
    """Check, before long work, that a data file is there if ``source`` is a path.

    Raises:
        CalibrationError: It is not.
    """
    if isinstance(source, (str, os.PathLike)):
        script = _SCRIPT.fullmatch(os.fspath(source))
        path = Path(script["path"] if script else source)
        if not path.is_file():
            problem = "is a folder" if path.is_dir() else "does not exist"
            message = f"data file {str(path)!r} {problem}"
            raise CalibrationError(message)


def _from_path(text: str, specs: Sequence[InputSpec]) -> Dataset:
    check_source(text)
    script = _SCRIPT.fullmatch(text)
    path = Path(script["path"] if script else text)
    if script:
        return _from_items(
            script_feeds(path, script["function"] or "batches"), specs, repr(text)
        )
    columns: dict[str, Column] = dict(open_npz(path))
    inputs = [spec.name for spec in specs]
    labels = None
    if "y" in columns and "y" not in inputs:
        labels = next(columns.pop("y").blocks(sys.maxsize), np.empty(0))
    if len(inputs) == 1 and list(columns) == ["x"]:
        columns = {inputs[0]: columns["x"]}
    return _from_columns(columns, labels, specs, repr(text))


def _from_columns(
    columns: Mapping[str, Column], labels: object, specs: Sequence[InputSpec], name: str
) -> Dataset:
    _refuse(name, feed_problems(columns, specs))
    return Dataset(
        [columns], specs, None if labels is None else _classes(labels, name), name
    )


class _SpilledFeeds:
    """The feeds in a spill as columns."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill

    def __iter__(self) -> Iterator[dict[str, Column]]:
        for feed in self._spill:
            yield {name: ArrayColumn(array) for name, array in feed.items()}


def _from_items(
    items: Iterable[object], specs: Sequence[InputSpec], name: str
) -> Dataset:
    spill, labels = Spill(), []
    for index, item in enumerate(items):
        feed, classes = _feed(item, specs, f"{name}, feed {index},")
        spill.append(feed)
        labels.append(classes)
    known = [classes for classes in labels if classes is not None]
    if known and len(known) != len(labels):
        bare = [index for index, classes in enumerate(labels) if classes is None]
        _refuse(
            name,
            [
                f"{len(bare)} of {len(labels)} feeds have no labels, first feed {bare[0]}"
            ],
        )
    return Dataset(
        _SpilledFeeds(spill), specs, np.concatenate(known) if known else None, name
    )


def _feed(
    item: object, specs: Sequence[InputSpec], where: str
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    try:
        feed, labels = labeled(item, tuple(spec.name for spec in specs))
    except CalibrationError as error:
        message = f"{where} cannot be fed to the model: {error}"
        raise CalibrationError(message) from error
    columns = {key: ArrayColumn(array) for key, array in feed.items()}
    _refuse(where, feed_problems(columns, specs))
    if labels is None:
        return feed, None
    classes, samples = _classes(labels, where), Layout.of(columns, specs).samples
    if len(classes) != samples:
        _refuse(where, [f"{len(classes)} labels 'y' for {samples} samples"])
    return feed, classes


def _classes(labels: Any, name: str) -> np.ndarray:  # noqa: ANN401 (any array-like)
    array = array_of(labels)
    classes = array.reshape(-1)
    numbers = array.dtype.kind in "biuf" and np.isfinite(classes).all()
    if not numbers or (classes != np.floor(classes)).any():
        _refuse(
            name,
            [
                f"labels 'y' are {array.dtype} {list(array.shape)}, expected class numbers"
            ],
        )
    return classes.astype(np.int64)

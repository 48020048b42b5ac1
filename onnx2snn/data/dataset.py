"""Calibration and evaluation data in every accepted form, as batches a model can be fed.

A source is any of:

- the path of an ``.npz`` whose arrays bear the model's input names, or one array ``x`` for a
  model with one input; labels, optional, are ``y`` or ``labels``, one row a sample. Each input is
  either concatenated along axis 0 or, with one more leading axis than the input has, stacked feed
  by feed;
- the path of an ``.npy``, for a model with one input;
- ``script.py:function``, or ``script.py`` with a function ``batches`` or, as polygraphy has it,
  ``load_data``, yielding feeds;
- an object with ``get_next()``, as onnxruntime's ``CalibrationDataReader``;
- a dict of arrays, in the forms of an ``.npz``; one array, or nested lists of numbers;
- a tuple ``(X, y)`` of all inputs, an array or a dict of arrays, and all labels;
- any iterable of feeds: dicts (perhaps with labels ``y``), arrays, or pairs (inputs, labels).

Tensors of any framework, tables and sparse matrices count as arrays. The data is read once in
full, to check it; ``.npz`` and arrays are then read from where they are, block by block, while
the feeds of scripts, readers and iterables, which may come only once or in another order the
next time, are kept in a temporary file. Memory is bounded by one feed, or one batch of an
``.npz``.

The batch size a model has baked in is kept: the last batch repeats its last sample where
samples are missing, and `Batch.valid` says how many count. Separate feeds are never joined.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.arguments import describe_missing_file
from onnx2snn.data.batches import Batch, Dataset, check_batch_size, refuse_problems
from onnx2snn.data.input_specs import InputSpec, input_names, input_specs
from onnx2snn.data.labels import join_labels, read_labels
from onnx2snn.data.layout import Layout, feed_problems
from onnx2snn.data.scripts import USUAL_FUNCTIONS, script_feeds
from onnx2snn.data.sources import (
    Spill,
    feeds_of_reader,
    is_labeled_pair,
    is_nested_list,
    pop_labels,
    split_item,
)
from onnx2snn.data.stored_arrays import ArrayColumn, open_npy, open_npz
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Arrays, Feeds, Specs
    from onnx2snn.data.layout import Feed
    from onnx2snn.data.stored_arrays import Columns

__all__ = [
    "Batch",
    "Dataset",
    "InputSpec",
    "check_batch_size",
    "check_source",
    "dataset",
    "input_specs",
]

_SCRIPT = re.compile(r"(?P<path>.+\.py)(?::(?P<function>\w+))?", re.DOTALL)
_ANONYMOUS = "the data"
"""Name of data that is no file, in messages."""


def dataset(
    source: object,
    specs: Specs,
    label_key: str | None = None,
    *,
    with_labels: bool = True,
) -> Dataset:
    """Return the data in ``source``, checked against the inputs ``specs`` of a model.

    Args:
        source: Any of the forms in the module docstring; a `Dataset` is returned as it is.
        specs: The model's inputs, as `input_specs` returns them.
        label_key: Name of the labels among the arrays; None for ``y`` or ``labels``.
        with_labels: Whether labels are asked for. If not, those in a file are not read.

    Raises:
        CalibrationError: The data cannot be read or does not fit; all reasons are given.
        TypeError: ``source`` is of no accepted form.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _from_path(os.fspath(source), specs, label_key, with_labels=with_labels)
    if _is_all_of_it(source):
        arrays, labels = split_item(source, input_names(specs), label_key)
        return _from_columns(_as_columns(arrays), labels, specs, _ANONYMOUS)
    if hasattr(source, "get_next"):
        return _from_feeds(feeds_of_reader(source), specs, _ANONYMOUS, label_key)
    if isinstance(source, Iterable):
        return _from_feeds(source, specs, _ANONYMOUS, label_key)
    hint = ""
    if hasattr(source, "__getitem__"):
        hint = "; samples one by one become batches in a DataLoader"
    message = (
        f"data must be a path, a dict of arrays, an array, an object with get_next() or an "
        f"iterable of these, not {type(source).__name__}{hint}"
    )
    raise TypeError(message)


def _is_all_of_it(source: object) -> bool:
    """Whether a source is all inputs at once, perhaps with all labels, and not feed by feed."""
    if isinstance(source, Mapping) or is_labeled_pair(source):
        return True
    if is_nested_list(source):
        return True
    return hasattr(source, "__array__") or hasattr(source, "toarray")


def check_source(source: object) -> None:
    """Check, before long work, that a data file is there if ``source`` is a path.

    Raises:
        CalibrationError: It is not.
    """
    if not isinstance(source, (str, os.PathLike)):
        return
    path, _ = _split_path(os.fspath(source))
    problem = _file_problem(path)
    if problem is not None:
        message = f"data file {str(path)!r} {problem}"
        raise CalibrationError(message)


def _file_problem(path: Path) -> str | None:
    """Say why there is no file at a path; None if there is one."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return f"does not exist{describe_missing_file(path)}"
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISREG(mode):
        return None
    return "is a folder" if stat.S_ISDIR(mode) else "is no file"


def _split_path(text: str) -> tuple[Path, str | None]:
    """Return the file that ``text`` names, and the function if that is a script; "" for a usual."""
    script = _SCRIPT.fullmatch(text)
    if script is None:
        return Path(text), None
    return Path(script["path"]), script["function"] or ""


def _from_path(
    text: str, specs: Specs, label_key: str | None, *, with_labels: bool
) -> Dataset:
    check_source(text)
    path, function = _split_path(text)
    if function is not None:
        names = (function,) if function else USUAL_FUNCTIONS
        feeds = script_feeds(path, names)
        return _from_feeds(feeds, specs, repr(text), label_key)
    columns = _columns_in(path)
    inputs = input_names(specs)
    labels = None
    column = pop_labels(columns, inputs, label_key)
    if column is not None and with_labels:
        whole = column.blocks(sys.maxsize)
        labels = next(whole, np.empty(0))
    if len(inputs) == 1 and list(columns) == ["x"]:
        columns = {inputs[0]: columns["x"]}
    return _from_columns(columns, labels, specs, repr(text))


def _columns_in(path: Path) -> Columns:
    """Return the arrays in a file by name; the only one of an ``.npy`` is called ``x``."""
    if path.suffix == ".npy":
        return {"x": open_npy(path)}
    return dict(open_npz(path))


def _as_columns(arrays: Feeds) -> Columns:
    return {name: ArrayColumn(array) for name, array in arrays.items()}


def _from_columns(columns: Feed, labels: object, specs: Specs, name: str) -> Dataset:
    refuse_problems(name, feed_problems(columns, specs))
    if labels is not None:
        samples = Layout.of(columns, specs).samples
        labels = read_labels(labels, samples, name)
    return Dataset([columns], specs, labels, name)


class _SpilledFeeds:
    """The feeds in a spill as columns."""

    def __init__(self, spill: Spill) -> None:
        self._spill = spill

    def __iter__(self) -> Iterator[Columns]:
        return map(_as_columns, self._spill)


def _from_feeds(
    items: Iterable[object], specs: Specs, name: str, label_key: str | None
) -> Dataset:
    spill = Spill()
    labels = []
    for index, item in enumerate(items):
        feed, own = _read_feed(item, specs, f"{name}, feed {index},", label_key)
        spill.append(feed)
        labels.append(own)
    return Dataset(_SpilledFeeds(spill), specs, join_labels(labels, name), name)


def _read_feed(
    item: object, specs: Specs, where: str, label_key: str | None
) -> tuple[Arrays, np.ndarray | None]:
    """Return the arrays and the labels of one feed, checked."""
    try:
        feed, labels = split_item(item, input_names(specs), label_key)
    except CalibrationError as error:
        message = f"{where} cannot be fed to the model: {error}"
        raise CalibrationError(message) from error
    columns = _as_columns(feed)
    refuse_problems(where, feed_problems(columns, specs))
    if labels is None:
        return feed, None
    samples = Layout.of(columns, specs).samples
    rows = read_labels(labels, samples, where)
    if len(rows) != samples:
        refuse_problems(where, [f"{len(rows)} labels for {samples} samples"])
    return feed, rows

"""Feeds from a reader or any iterable, and where they are kept."""

from __future__ import annotations

import dataclasses
import math
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from onnx2snn.errors import CalibrationError, message_of
from onnx2snn.storage.temporary import explain_full_disk

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Arrays, Feeds, Shape

__all__ = [
    "LABELS",
    "Spill",
    "array_of",
    "feeds_of_reader",
    "is_labeled_pair",
    "is_nested_list",
    "pop_labels",
    "split_item",
]

_Array = TypeVar("_Array")

LABELS = ("y", "labels")
"""Names of labels in data, unless an input of the model has the same name."""

_ANY_LENGTH = "T"
"""Kind of NumPy's type for text of any length."""

_IN_MEMORY = 64 << 20  # bytes a spill may hold in memory before it goes to a file


@dataclasses.dataclass(frozen=True)
class _Place:
    """The place of an array in a file."""

    offset: int
    dtype: np.dtype
    shape: Shape


class Spill:
    """Feeds kept in a temporary file, in memory while they are few.

    The file has no name, and the system removes it when this object goes.
    """

    def __init__(self) -> None:
        """Start empty."""
        with explain_full_disk():
            self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed below)
        weakref.finalize(self, self._file.close)
        self._feeds: list[dict[str, _Place]] = []

    def append(self, feed: Feeds) -> None:
        """Store one feed."""
        places = {}
        for name, array in feed.items():
            offset = self._file.seek(0, os.SEEK_END)
            places[name] = _Place(offset, array.dtype, array.shape)
            with explain_full_disk():
                self._file.write(array.tobytes())
        self._feeds.append(places)

    def __iter__(self) -> Iterator[Arrays]:
        """Yield the feeds in the order stored, one in memory at a time."""
        for places in self._feeds:
            yield {name: self._read_array(place) for name, place in places.items()}

    def _read_array(self, place: _Place) -> np.ndarray:
        self._file.seek(place.offset)
        size = math.prod(place.shape) * place.dtype.itemsize
        content = self._file.read(size)
        values = np.frombuffer(content, place.dtype)
        return values.reshape(place.shape)


def array_of(value: object) -> np.ndarray:
    """Return an array, a tensor of any framework or nested lists as a NumPy array.

    Raises:
        CalibrationError: ``value`` is none of these.
    """
    try:
        # tensors of PyTorch, then of TensorFlow, then sparse matrices of SciPy
        for method in ("detach", "cpu", "numpy", "toarray"):
            if hasattr(value, method):
                value = getattr(value, method)()
        array = _with_text(np.asarray(value))
    except Exception as error:
        message = (
            f"a value of type {type(value).__name__} cannot be read as an array: "
            f"{message_of(error)}"
        )
        raise CalibrationError(message) from error
    if array.dtype.hasobject:
        found = sorted({type(each).__name__ for each in array.flat})
        message = (
            f"a value of type {type(value).__name__} cannot be read as an array of numbers "
            f"or strings: it holds {', '.join(found)}"
        )
        raise CalibrationError(message)
    return array


def _with_text(array: np.ndarray) -> np.ndarray:
    """Return strings of Python, or of any length, as an array of strings; else the array."""
    if array.dtype.kind == _ANY_LENGTH:
        return array.astype(str)
    if array.dtype.hasobject and all(isinstance(text, str) for text in array.flat):
        return array.astype(str)
    return array


def pop_labels(
    arrays: dict[str, _Array], inputs: Sequence[str], key: str | None = None
) -> _Array | None:
    """Take the labels out of arrays by name, and return them; None if there are none.

    Args:
        arrays: Inputs and perhaps labels. Where the user gives a name, labels of the usual
            names are taken out as well: others are meant.
        inputs: Names of the model's inputs.
        key: The name that the user gave; None for the first of ``LABELS`` that is there.
    """
    usual = [name for name in LABELS if name in arrays and name not in inputs]
    if key is None:
        return arrays.pop(usual[0]) if usual else None
    labels = None if key in inputs else arrays.pop(key, None)
    for name in usual:
        arrays.pop(name, None)
    return labels


def split_item(
    item: object, inputs: Sequence[str], key: str | None = None
) -> tuple[Arrays, Any]:
    """Return one item of a source as arrays by input name, and its labels or None.

    Args:
        item: A dict by input name, perhaps with labels ``y``; for a model with one input also
            a dict with ``x``, an array, or a pair (array, labels) or (dict, labels).
        inputs: Names of the model's inputs.
        key: Name of the labels in a dict, if it is not one of ``LABELS``.

    Raises:
        CalibrationError: The item is of another form.
    """
    value, labels = _split_labels(item, inputs, key)
    feed = _by_name(value)
    if len(inputs) == 1 and list(feed) == ["x"]:
        feed = {inputs[0]: feed["x"]}
    elif not isinstance(value, Mapping):
        names = ", ".join(map(repr, inputs))
        message = f"the model has {len(inputs)} inputs; give a dict with {names}"
        raise CalibrationError(message)
    arrays = {name: array_of(value) for name, value in feed.items()}
    return arrays, labels


def _by_name(value: object) -> dict[str, object]:
    """Return values by their names; one alone is called ``x``."""
    if isinstance(value, Mapping):
        return {str(name): each for name, each in value.items()}
    return {"x": value}


def _split_labels(
    item: object, inputs: Sequence[str], key: str | None
) -> tuple[object, Any]:
    """Return an item without its labels, and these: None if it has none."""
    if isinstance(item, Mapping):
        feed = _by_name(item)
        labels = pop_labels(feed, inputs, key)
        return feed, labels
    if not isinstance(item, (list, tuple)) or is_nested_list(item):
        return item, None
    if len(item) != 2:
        message = (
            f"got {len(item)} values; give a dict, an array or a pair (array, labels)"
        )
        raise CalibrationError(message)
    value, labels = item
    return value, labels


def is_labeled_pair(source: object) -> bool:
    """Whether a source is all inputs and all labels, ``(X, y)``, and no two feeds."""
    if not isinstance(source, tuple) or len(source) != 2:
        return False
    inputs, labels = source
    has_inputs = isinstance(inputs, Mapping) or _holds_values(inputs)
    return has_inputs and (labels is None or _holds_values(labels))


def is_nested_list(source: object) -> bool:
    """Whether a source is lists in a list, of nothing but Python's own values at the bottom."""
    if not isinstance(source, list) or not source:
        return False
    inner: object = source[0]
    depth = 1
    while isinstance(inner, list) and inner:
        inner, depth = inner[0], depth + 1
    return depth > 1 and isinstance(inner, (bool, int, float, str))


def _holds_values(value: object) -> bool:
    """Whether ``value`` is an array, or a list of numbers or text that may become one."""
    if isinstance(value, list):
        return not any(map(_is_feed, value))
    return hasattr(value, "__array__") or hasattr(value, "toarray")


def _is_feed(value: object) -> bool:
    return isinstance(value, (tuple, Mapping)) or hasattr(value, "__array__")


def feeds_of_reader(reader: Any) -> Iterator[object]:  # noqa: ANN401 (any object with get_next)
    """Yield what ``reader.get_next()`` returns until None; a spent reader is rewound first."""
    feed = reader.get_next()
    if feed is None and hasattr(reader, "rewind"):
        reader.rewind()
        feed = reader.get_next()
    while feed is not None:
        yield feed
        feed = reader.get_next()

"""Arrays of many batches, in memory as long as they are few, else on disk."""

from __future__ import annotations

import dataclasses
import itertools
import mmap
from collections import defaultdict
from typing import TYPE_CHECKING, Self

import numpy as np

from onnx2snn.storage.temporary import TemporaryFolder, explain_full_disk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ArrayStore"]

_MOST_HELD = 2**29
"""Bytes of arrays that are held in memory; more of them go to disk."""


class ArrayStore:
    """A store of named sequences of arrays, one array a batch.

    Arrays are held in memory, up to 512 MB of them. What is more goes into a temporary directory,
    one file a sequence, and is mapped into memory when it is read; the operating system keeps in
    memory what fits. Use it as a context manager.
    """

    def __init__(self) -> None:
        """Open an empty store."""
        self._folder = TemporaryFolder()
        self._stored: dict[str, list[tuple[np.ndarray | _Place, np.dtype]]]
        self._stored = defaultdict(list)
        self._files: dict[str, _File] = {}
        self._numbers = itertools.count()
        self._held = 0

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete everything."""
        self._folder.close()

    def append(self, name: str, data: np.ndarray) -> None:
        """Add the array of the next batch, of numbers or text, to the sequence ``name``."""
        plain = data.astype(np.str_) if data.dtype.hasobject else data
        has_room = self._held + plain.nbytes <= _MOST_HELD
        place = self._hold(plain) if has_room else self._write(name, plain)
        self._stored[name].append((place, data.dtype))

    def _hold(self, data: np.ndarray) -> np.ndarray:
        copy = data.copy()
        copy.flags.writeable = False  # as what is mapped
        self._held += copy.nbytes
        return copy

    def _write(self, name: str, data: np.ndarray) -> _Place:
        if name not in self._files:
            number = next(self._numbers)
            path = self._folder.path / str(number)
            self._files[name] = _File(path)
        return self._files[name].append(data)

    def read(self, name: str, batch: int) -> np.ndarray:
        """Return the array of one batch, which cannot be written to.

        Raises:
            KeyError: Nothing is stored under ``name``.
        """
        if name not in self._stored:
            raise KeyError(name)
        place, dtype = self._stored[name][batch]
        if isinstance(place, _Place):
            place = self._files[name].read(place)
        if dtype.hasobject:
            return place.astype(dtype)  # text, which a file knows by its longest
        return place

    def drop(self, name: str) -> None:
        """Delete the sequence ``name``."""
        for place, _ in self._stored.pop(name, ()):
            if isinstance(place, np.ndarray):
                self._held -= place.nbytes
        file = self._files.pop(name, None)
        if file is not None:
            file.path.unlink()


@dataclasses.dataclass(frozen=True)
class _Place:
    """An array in a file.

    Attributes:
        start: Its first byte.
        shape: Its shape.
        dtype: Its type.
    """

    start: int
    shape: tuple[int, ...]
    dtype: np.dtype


class _File:
    """Arrays in one file, one behind the other.

    Args:
        path: The file; it is made.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        """Start without arrays."""
        self.path = path
        self._size = 0
        self._mapped: mmap.mmap | None = None

    def append(self, data: np.ndarray) -> _Place:
        """Write an array, and return where it is."""
        place = _Place(self._size, data.shape, data.dtype)
        contiguous = np.ascontiguousarray(data)
        with explain_full_disk(), self.path.open("ab") as file:
            contiguous.tofile(file)
        self._size += contiguous.nbytes
        return place

    def read(self, place: _Place) -> np.ndarray:
        """Return an array, mapped into memory."""
        size = int(np.prod(place.shape))
        if size == 0:
            return np.empty(place.shape, place.dtype)
        if self._mapped is None or len(self._mapped) < self._size:
            with self.path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        flat = np.frombuffer(self._mapped, place.dtype, size, place.start)
        return flat.reshape(place.shape)

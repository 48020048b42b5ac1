"""Arrays of many batches, kept on disk so that memory stays bounded."""

from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Self

import numpy as np

__all__ = ["ArrayStore"]

_SMALL = 2**16
"""Bytes of an array up to which opening a file for it would take longer than all else."""

_MOST_HELD = 2**28
"""Bytes of small arrays that are held in memory; more of them go to disk as well."""


class ArrayStore:
    """A store of named sequences of arrays, one array a batch.

    The arrays live in a temporary directory and are mapped into memory when they are read;
    the operating system keeps in memory what fits. Small ones, of samples that come one at a
    time, are held in memory, up to 256 MB of them. Use it as a context manager.
    """

    def __init__(self) -> None:
        """Open an empty store."""
        self._folder = tempfile.TemporaryDirectory(
            prefix="onnx2snn-", ignore_cleanup_errors=True
        )
        self._stored: dict[str, list[tuple[Path | np.ndarray, np.dtype]]]
        self._stored = defaultdict(list)
        self._numbers = itertools.count()
        self._held = 0

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete everything."""
        self._folder.cleanup()

    def append(self, name: str, data: np.ndarray) -> None:
        """Add the array of the next batch, of numbers or text, to the sequence ``name``."""
        plain = data.astype(np.str_) if data.dtype.hasobject else data
        is_small = plain.nbytes <= _SMALL and self._held + plain.nbytes <= _MOST_HELD
        place = self._hold(plain) if is_small else self._write(plain)
        self._stored[name].append((place, data.dtype))

    def _hold(self, data: np.ndarray) -> np.ndarray:
        copy = data.copy()
        copy.flags.writeable = False  # as what is mapped
        self._held += copy.nbytes
        return copy

    def _write(self, data: np.ndarray) -> Path:
        number = next(self._numbers)
        path = Path(self._folder.name, f"{number}.npy")
        np.save(path, data, allow_pickle=False)
        return path

    def read(self, name: str, batch: int) -> np.ndarray:
        """Return the array of one batch.

        Raises:
            KeyError: Nothing is stored under ``name``.
        """
        if name not in self._stored:
            raise KeyError(name)
        place, dtype = self._stored[name][batch]
        if isinstance(place, Path):
            stored: np.ndarray = np.load(place, mmap_mode="r")
        else:
            stored = place
        if dtype.hasobject:
            return stored.astype(dtype)  # text, which a file knows by its longest
        data: np.ndarray = stored.view(dtype)  # a file knows no bfloat16
        return data

    def drop(self, name: str) -> None:
        """Delete the sequence ``name``."""
        for place, _ in self._stored.pop(name, ()):
            if isinstance(place, Path):
                place.unlink()
            else:
                self._held -= place.nbytes

"""Arrays of many batches, kept on disk so that memory stays bounded."""

from __future__ import annotations

import itertools
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Self

import numpy as np

__all__ = ["ArrayStore"]


class ArrayStore:
    """A store of named sequences of arrays, one array a batch.

    The arrays live in a temporary directory and are mapped into memory when they are read;
    the operating system keeps in memory what fits. Use it as a context manager.
    """

    def __init__(self) -> None:
        """Open an empty store."""
        self._folder = tempfile.TemporaryDirectory(
            prefix="onnx2snn-", ignore_cleanup_errors=True
        )
        self._files: dict[str, list[tuple[Path, np.dtype]]] = defaultdict(list)
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete everything."""
        self._folder.cleanup()

    def append(self, name: str, data: np.ndarray) -> None:
        """Add the array of the next batch, of numbers or text, to the sequence ``name``."""
        number = next(self._numbers)
        path = Path(self._folder.name, f"{number}.npy")
        plain = data.astype(np.str_) if data.dtype.hasobject else data
        np.save(path, plain, allow_pickle=False)
        self._files[name].append((path, data.dtype))

    def read(self, name: str, batch: int) -> np.ndarray:
        """Return the array of one batch.

        Raises:
            KeyError: Nothing is stored under ``name``.
        """
        if name not in self._files:
            raise KeyError(name)
        path, dtype = self._files[name][batch]
        stored: np.ndarray = np.load(path, mmap_mode="r")
        if dtype.hasobject:
            return stored.astype(dtype)  # text, which a file knows by its longest
        data: np.ndarray = stored.view(dtype)  # a file knows no bfloat16
        return data

    def drop(self, name: str) -> None:
        """Delete the sequence ``name``."""
        for path, _ in self._files.pop(name, ()):
            path.unlink()

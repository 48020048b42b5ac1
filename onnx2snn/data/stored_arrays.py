"""All values of one model input, read block by block: from memory or from an ``.npz`` file."""

from __future__ import annotations

import dataclasses
import math
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np

from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx2snn.data.input_specs import Shape

    Columns = dict[str, "Column"]
    """Columns by the name of the input whose values they hold."""

__all__ = ["ArrayColumn", "Column", "NpzColumn", "open_npy", "open_npz"]

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # an encrypted member
    NotImplementedError,  # a compression method zipfile does not know
)


class Column(Protocol):
    """A stored array that is read in blocks of rows, as often as wanted."""

    @property
    def shape(self) -> Shape:
        """Shape of the whole array."""

    @property
    def dtype(self) -> np.dtype:
        """Element type as stored."""

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """Yield ``rows`` rows (entries of axis 0) at a time, the last block perhaps fewer.

        A scalar is one block.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class ArrayColumn:
    """A column in memory."""

    array: np.ndarray

    @property
    def shape(self) -> Shape:
        """Shape of the whole array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        """Element type as stored."""
        return self.array.dtype

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """Yield views of ``rows`` rows each."""
        if self.array.ndim == 0:
            yield self.array
            return
        for start in range(0, len(self.array), rows):
            yield self.array[start : start + rows]


@dataclasses.dataclass(frozen=True)
class NpzColumn:
    """A member of an ``.npz`` file; only the block asked for is in memory.

    Compressed or not makes no difference: the member is decompressed as it is read. An array
    in Fortran order has no contiguous rows and is loaded whole.
    """

    path: Path
    name: str
    shape: Shape
    dtype: np.dtype
    is_fortran: bool

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """Yield ``rows`` rows at a time, read from the file.

        Raises:
            CalibrationError: The member is truncated or damaged.
        """
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(f"{self.name}.npy") as file,
            ):
                yield from self._read_blocks(cast("BinaryIO", file), rows)
        except _UNREADABLE as error:
            message = (
                f"array {self.name!r} of {str(self.path)!r} cannot be read: {error}"
            )
            raise CalibrationError(message) from error

    def _read_blocks(self, file: BinaryIO, rows: int) -> Iterator[np.ndarray]:
        if self.is_fortran or not self.shape:
            yield from ArrayColumn(
                np.lib.format.read_array(file, allow_pickle=False)
            ).blocks(rows)
            return
        _read_header(file)
        row = self.shape[1:]
        row_bytes = math.prod(row) * self.dtype.itemsize
        for start in range(0, self.shape[0], rows):
            count = min(rows, self.shape[0] - start)
            content = file.read(count * row_bytes)
            if len(content) != count * row_bytes:
                message = f"the file ends in row {start + len(content) // row_bytes}"
                raise EOFError(message)
            values = np.frombuffer(content, self.dtype)
            yield values.reshape(count, *row)


def open_npz(path: Path) -> dict[str, NpzColumn]:
    """Return the arrays of an ``.npz`` file by name; only their headers are read.

    Raises:
        CalibrationError: The file is no ``.npz``, or an array in it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            return {name: _npz_column(archive, path, name) for name in names}
    except zipfile.BadZipFile as error:
        message = (
            f"{str(path)!r} is not an .npz file ({error}); write it with numpy.savez"
        )
        raise CalibrationError(message) from error
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {error.strerror or error}"
        raise CalibrationError(message) from error


def open_npy(path: Path) -> ArrayColumn:
    """Return the array of an ``.npy`` file, mapped into memory.

    Raises:
        CalibrationError: The file is no ``.npy``, or cannot be read.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _UNREADABLE as error:
        message = f"{str(path)!r} cannot be read as an .npy file: {error}"
        raise CalibrationError(message) from error
    return ArrayColumn(array)


def _npz_column(archive: zipfile.ZipFile, path: Path, name: str) -> NpzColumn:
    try:
        with archive.open(f"{name}.npy") as file:
            shape, is_fortran, dtype = _read_header(cast("BinaryIO", file))
    except (*_UNREADABLE, KeyError) as error:
        message = f"member {name!r} of {str(path)!r} is not a NumPy array: {error}"
        raise CalibrationError(message) from error
    if dtype.hasobject:
        message = (
            f"array {name!r} of {str(path)!r} holds Python objects, not numbers; "
            "strings are stored with astype(str)"
        )
        raise CalibrationError(message)
    return NpzColumn(path, name, shape, dtype, is_fortran)


def _read_header(file: BinaryIO) -> tuple[Shape, bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)

"""All values of one model input, read block by block: from memory or from an ``.npz`` file."""

from __future__ import annotations

import dataclasses
import io
import math
import warnings
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import numpy as np

from onnx2snn.budget import check_memory
from onnx2snn.errors import CalibrationError, message_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx2snn.data.input_specs import Shape

    Columns = dict[str, "Column"]
    """Columns by the name of the input whose values they hold."""

__all__ = ["ArrayColumn", "Column", "NpzColumn", "open_npy", "open_npz"]


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
    in Fortran order has no contiguous rows and is loaded whole, as far as memory goes.
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
            LimitError: So many rows take more memory than may be taken.
        """
        self._check_memory(rows)
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(f"{self.name}.npy") as file,
            ):
                yield from self._read_blocks(cast("BinaryIO", file), rows)
        except Exception as error:
            message = f"{self._described()} cannot be read: {message_of(error)}"
            raise CalibrationError(message) from error

    def _described(self) -> str:
        return f"array {self.name!r} of {str(self.path)!r}"

    def _check_memory(self, rows: int) -> None:
        """Refuse rows that take more memory than may be taken."""
        count = math.prod(self.shape)
        if self.shape and not self.is_fortran:
            count = math.prod(self.shape[1:]) * min(rows, self.shape[0])
        check_memory(count * self.dtype.itemsize, self._described())

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
    except CalibrationError:
        raise
    except Exception as error:
        problem = getattr(error, "strerror", None) or message_of(error)
        message = f"{str(path)!r} cannot be read: {problem}"
        raise CalibrationError(message) from error


def open_npy(path: Path) -> ArrayColumn:
    """Return the array of an ``.npy`` file, mapped into memory.

    Raises:
        CalibrationError: The file is no ``.npy``, or cannot be read.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        message = f"{str(path)!r} cannot be read as an .npy file: {message_of(error)}"
        raise CalibrationError(message) from error
    return ArrayColumn(array)


def _npz_column(archive: zipfile.ZipFile, path: Path, name: str) -> NpzColumn:
    try:
        size = archive.getinfo(f"{name}.npy").file_size
        with archive.open(f"{name}.npy") as file:
            shape, is_fortran, dtype = _read_header(cast("BinaryIO", file))
            _check_size(shape, dtype, size - file.tell())
    except Exception as error:
        message = f"member {name!r} of {str(path)!r} is not a NumPy array: {message_of(error)}"
        raise CalibrationError(message) from error
    if dtype.hasobject:
        message = (
            f"array {name!r} of {str(path)!r} holds Python objects, not numbers; "
            "strings are stored with astype(str)"
        )
        raise CalibrationError(message)
    return NpzColumn(path, name, shape, dtype, is_fortran)


_LONGEST_HEADER = 2**16
"""Bytes of a header; NumPy writes far less, and reads 4 GB if one says so."""


def _read_header(file: BinaryIO) -> tuple[Shape, bool, np.dtype]:
    """Return the shape that an array declares, whether it is in Fortran order, and its type."""
    magic = file.read(np.lib.format.MAGIC_LEN)
    version = np.lib.format.read_magic(io.BytesIO(magic))
    length_bytes = file.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(length_bytes, "little")
    if length > _LONGEST_HEADER:
        message = f"its header is said to have {length} bytes"
        raise ValueError(message)
    rest = io.BytesIO(length_bytes + file.read(length))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of how it is spelled
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(rest)
        return np.lib.format.read_array_header_2_0(rest)


def _check_size(shape: Shape, dtype: np.dtype, size: int) -> None:
    """Refuse an array of another size than there are bytes for."""
    if any(length < 0 for length in shape):
        message = f"its shape is {list(shape)}"
        raise ValueError(message)
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes > size and not dtype.hasobject:
        message = f"its shape {list(shape)} needs {nbytes} bytes, and there are {size}"
        raise ValueError(message)

"""Turn the bytes of a file into a ``ModelProto`` and a model, or say what they are instead."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, BinaryIO

import onnx

from onnx2snn.arguments import describe_missing_file
from onnx2snn.budget import check_memory
from onnx2snn.errors import InvalidModelError, brief
from onnx2snn.storage.map_types import model_of
from onnx2snn.storage.nesting import is_too_deep
from onnx2snn.storage.protos import all_tensors

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir

__all__ = ["deserialize_model", "parse_model", "read_bytes", "read_stream"]

_SIGNATURES = {
    b"version https://git-lfs": "a Git LFS pointer: run `git lfs pull` to get the model",
    b"PK\x03\x04": "a zip archive (a PyTorch checkpoint, .npz or .keras file): export it to ONNX",
    b"\x89HDF": "an HDF5 file: export it to ONNX, for Keras with tf2onnx",
    b"\x1f\x8b": "gzip-compressed: unpack it first",
    b"\x80\x02": "a Python pickle: export it to ONNX",
}
"""First bytes of files that are no models in ONNX, and what these are."""

_LATER_SIGNATURES = {
    b"ORTM": "in onnxruntime's own format: use the .onnx file it was made from",
    b"TFL3": "a TensorFlow Lite model: convert it to ONNX, with tf2onnx",
}
"""The same, but behind the first four bytes."""

_EXTENTS = frozenset({"offset", "length"})
"""Keys of external data that say where in a file a tensor is."""

_LATER = 4
_MODEL_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_NUMBER_FIELDS = frozenset({1, 5})
_LENGTH_DELIMITED = 2


def read_bytes(path: Path) -> bytes:
    """Return the contents of the file.

    Raises:
        InvalidModelError: There is no such file, it is a directory, or cannot be read.
        LimitError: It takes more memory than may be taken.
    """
    try:
        check_memory(path.stat().st_size, repr(str(path)))
        with path.open("rb") as file:
            return read_stream(file, repr(str(path)))
    except FileNotFoundError as error:
        hint = describe_missing_file(path)
        message = f"{os.fspath(path)!r}: no such file{hint}"
        raise InvalidModelError(message) from error
    except IsADirectoryError as error:
        message = f"{os.fspath(path)!r} is a directory: name the .onnx file in it"
        raise InvalidModelError(message) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        problem = getattr(error, "strerror", None) or error
        message = f"{os.fspath(path)!r} cannot be read: {problem}"
        raise InvalidModelError(message) from error


def read_stream(stream: BinaryIO, name: str) -> bytes:
    """Return all that comes from a stream, which need not have an end.

    Raises:
        LimitError: It takes more memory than may be taken.
    """
    read = bytearray()
    while piece := stream.read(_PIECE):
        read += piece
        check_memory(2 * len(read), name)
    return bytes(read)


_PIECE = 2**24


def parse_model(
    data: bytes, name: str, text_format: str | None = None
) -> onnx.ModelProto:
    """Parse a model; external data is not read.

    Args:
        data: What the file holds.
        name: How messages call it.
        text_format: ``textproto``, ``json`` or ``onnxtxt``, None for a binary file.

    Raises:
        InvalidModelError: It is empty, truncated, or not ONNX.
    """
    if not data:
        message = f"{name} is empty"
        raise InvalidModelError(message)
    if text_format is not None and is_too_deep(data):
        message = f"{name} is not an ONNX model: its brackets are nested too deeply"
        raise InvalidModelError(message)
    try:
        with warnings.catch_warnings():
            # onnx calls its own text format experimental
            warnings.simplefilter("ignore")
            model = onnx.load_model_from_string(data, format=text_format or "protobuf")
    except Exception as error:
        problem = _describe_other(data)
        if "MaxDepth" in str(error):
            problem = "is nested too deeply: graphs in graphs, or types in types"
        if text_format is not None:
            problem = f"is not {text_format}: {brief(error)}"
        message = f"{name} {problem}"
        raise InvalidModelError(message) from error
    if not model.ir_version and not model.HasField("graph"):
        message = f"{name} {_describe_other(data)}"
        raise InvalidModelError(message)
    return model


def deserialize_model(proto: onnx.ModelProto, name: str) -> ir.Model:
    """Return the model that a proto describes.

    Args:
        proto: What ``parse_model`` gave, or a user.
        name: How messages call it.

    Raises:
        InvalidModelError: It contradicts itself, or reads weights in front of a file's beginning.
    """
    for tensor in all_tensors(proto):
        _check_extent(tensor, name)
    try:
        return model_of(proto)
    except Exception as error:
        message = f"{name} is not a valid ONNX model: {brief(_first_cause(error))}"
        raise InvalidModelError(message) from error


def _check_extent(tensor: onnx.TensorProto, name: str) -> None:
    """Refuse a place in another file that is below 0; onnx_ir fails on it without a message."""
    for entry in tensor.external_data:
        is_number = entry.key in _EXTENTS
        if is_number and entry.value.strip().startswith("-"):
            message = (
                f"{name} is not a valid ONNX model: the {entry.key} of {tensor.name!r} in another "
                f"file is {entry.value}, below 0"
            )
            raise InvalidModelError(message)


def _first_cause(error: BaseException) -> BaseException:
    """Return what an error came from; those of onnx_ir only say where it was met."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _describe_other(data: bytes) -> str:
    """Say of a file that is no model in ONNX what it is."""
    for signature, description in _SIGNATURES.items():
        if data.startswith(signature):
            return f"is not an ONNX file, it is {description}"
    for signature, description in _LATER_SIGNATURES.items():
        if data.startswith(signature, _LATER):
            return f"is not an ONNX file, it is {description}"
    missing = _missing_bytes(data)
    if missing:
        return f"is truncated: {missing} bytes are missing at its end; download or copy it again"
    return "is not an ONNX file: its bytes are no ModelProto"


def _missing_bytes(data: bytes) -> int:
    """Return how many bytes the last field of a ModelProto lacks, 0 if it is no ModelProto."""
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        expected = 0 if tag >> 3 in _NUMBER_FIELDS else _LENGTH_DELIMITED
        if tag >> 3 not in _MODEL_FIELDS or tag & 7 != expected:
            return 0
        length, position = _read_varint(data, position)
        if tag & 7 == _LENGTH_DELIMITED:
            position += length
    return position - len(data)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at ``position``, and where it ends (past the end if it is cut off)."""
    number = 0
    for count, byte in enumerate(data[position : position + 10]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, position + count + 1
    return number, max(position, len(data)) + 1

"""Models and data that come through standard input, and models that go through standard output."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.cli.results import results_stream
from onnx2snn.errors import OptionError, OutputError
from onnx2snn.storage.model_file import read_bytes, read_stream
from onnx2snn.storage.temporary import TemporaryFolder, explain_full_disk
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.runtime import Emitted

__all__ = ["STANDARD", "check_output", "given_data", "given_model", "write_network"]

STANDARD = "-"
"""The name of standard input and of standard output, where a file is asked for."""


def given_model(name: str) -> str | bytes:
    """Return a model as the command line names it: a path, or the bytes of what is read once.

    That is standard input, as ``-`` or ``/dev/stdin``, and any other pipe.
    """
    return _read_stream(name) if _is_stream(name) else name


@contextlib.contextmanager
def given_data(name: str | None, *models: str | None) -> Iterator[str | None]:
    """Provide the file of data that the command line names; of a stream, it holds what came.

    Args:
        name: A path, ``-`` for standard input, or None for no data.
        models: What the command line names as models.

    Raises:
        OptionError: Standard input is to be a model as well.
    """
    if name is None or not _is_stream(name):
        yield name
        return
    if name == STANDARD and STANDARD in models:
        message = "standard input is either the model or the data: name a file for one of them"
        raise OptionError(message)
    data = _read_stream(name)
    suffix = ".npy" if data.startswith(_NPY) else ".npz"
    with TemporaryFolder() as folder:
        path = folder.path / f"standard-input{suffix}"
        with explain_full_disk():
            path.write_bytes(data)
        yield str(path)


_NPY = b"\x93NUMPY"
"""The first bytes of an ``.npy`` file."""


def _is_stream(name: str) -> bool:
    """Whether what a name stands for can be read once only."""
    path = Path(name)
    return name == STANDARD or path.is_fifo() or path.is_char_device()


def _read_stream(name: str) -> bytes:
    if name == STANDARD:
        return read_stream(sys.stdin.buffer, "standard input")
    return read_bytes(Path(name))


def check_output(name: str, *others: str | None, is_json: bool) -> None:
    """Check, before long work, that a network can be written where the command line says.

    Args:
        name: The file, or ``-`` for standard output.
        others: Files that are read.
        is_json: Whether standard output is for one JSON object.

    Raises:
        OutputError: It cannot.
    """
    if name != STANDARD:
        check_writable(name, *others)
    elif is_json:
        message = (
            "-o - and --json both write to standard output: name a file in one of them"
        )
        raise OutputError(message)
    elif results_stream().isatty():
        message = (
            "-o - writes a binary file, and standard output is a terminal: name a file"
        )
        raise OutputError(message)


def write_network(made: Emitted, name: str) -> None:
    """Write a network to a file, or to standard output if the name is ``-``."""
    if name == STANDARD:
        output = results_stream().buffer
        output.write(made.serialize())
        output.flush()
    else:
        made.save(name)

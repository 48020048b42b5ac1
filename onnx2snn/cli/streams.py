"""Models that come through standard input, and go through standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OutputError
from onnx2snn.storage.model_file import read_bytes
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    from onnx2snn.runtime import Emitted

__all__ = ["STANDARD", "check_output", "given_model", "write_network"]

STANDARD = "-"
"""The name of standard input and of standard output, where a file is asked for."""


def given_model(name: str) -> str | bytes:
    """Return a model as the command line names it: a path, or the bytes of what is read once.

    That is standard input, as ``-`` or ``/dev/stdin``, and any other pipe.
    """
    if name == STANDARD:
        return sys.stdin.buffer.read()
    path = Path(name)
    if path.is_fifo() or path.is_char_device():
        return read_bytes(path)
    return name


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
    elif sys.stdout.isatty():
        message = (
            "-o - writes a binary file, and standard output is a terminal: name a file"
        )
        raise OutputError(message)


def write_network(made: Emitted, name: str) -> None:
    """Write a network to a file, or to standard output if the name is ``-``."""
    if name == STANDARD:
        sys.stdout.buffer.write(made.serialize())
        sys.stdout.buffer.flush()
    else:
        made.save(name)

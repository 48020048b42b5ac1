"""Standard output, kept for the results of a command.

Scripts of data and libraries print as well. What they print goes to standard error, so that
``--json`` is one object, and a network that is written to a pipe is whole.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

from onnx2snn.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["discard_results", "flush_results", "reserved_output", "results_stream"]

_STANDARD_OUTPUT = 1
_STANDARD_ERROR = 2
_RESERVED: list[TextIO] = []


def results_stream() -> TextIO:
    """Return where results are written."""
    return _RESERVED[-1] if _RESERVED else sys.stdout


@contextlib.contextmanager
def reserved_output() -> Iterator[None]:
    """Keep standard output for results, until the context is left."""
    with contextlib.ExitStack() as stack:
        _RESERVED.append(_apart(sys.stdout, stack))
        stack.callback(_RESERVED.pop)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def _apart(stream: TextIO, stack: contextlib.ExitStack) -> TextIO:
    """Return a stream to where another leads that nobody else can write to.

    Args:
        stream: The other: standard output or, in a test, something in its place.
        stack: Brings all back as it was.
    """
    try:
        is_process_wide = stream.fileno() == _STANDARD_OUTPUT
        apart = os.dup(_STANDARD_OUTPUT) if is_process_wide else None
    except (AttributeError, OSError, ValueError):  # closed, or no file
        return stream
    if apart is None:
        return stream
    with contextlib.suppress(OSError):  # there is no standard error
        os.dup2(_STANDARD_ERROR, _STANDARD_OUTPUT)
    stack.callback(_bring_back, apart)
    return open(
        apart, "w", encoding=stream.encoding, errors=stream.errors, closefd=False
    )


def _bring_back(apart: int) -> None:
    os.dup2(apart, _STANDARD_OUTPUT)
    os.close(apart)


def flush_results() -> None:
    """Write out what is printed.

    Raises:
        BrokenPipeError: Whoever read it has seen enough.
        OutputError: It cannot be written.
    """
    try:
        results_stream().flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write to standard output: {error.strerror}"
        raise OutputError(message) from error


def discard_results() -> None:
    """Let what is printed go nowhere, as nobody can read it."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        stream = results_stream()
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        stream.flush()

"""The program ``onnx2snn``: the command line in a process of its own, with its signals and streams.

``python -m onnx2snn`` starts it, too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

__all__ = ["main"]

_INTERRUPTED = 128 + signal.SIGINT
"""Exit status of a program that the user stopped, as shells have it."""

_ENDING = ("SIGTERM", "SIGHUP")
"""Signals that end a process, where the system has them."""


class _Ended(KeyboardInterrupt):
    """The process is told to end: what it has begun is undone on the way."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_status = 128 + number


def main() -> int:
    """Run the command line of this process, and return its exit status."""
    # While modules are loaded there is nothing to undo, and an exception would end as a traceback.
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from onnx2snn import cli  # noqa: PLC0415 (slow to import)

    signal.signal(signal.SIGINT, before)
    for name in _ENDING:
        _end_at(name)
    _print_what_has_no_code()
    try:
        return cli.main()
    except KeyboardInterrupt as error:  # while the command line is read, or at the end
        sys.stderr.write("interrupted\n")
        return int(getattr(error, "exit_status", _INTERRUPTED))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_at(name: str) -> None:
    """Let a signal raise an exception, unless the process was started to go on at it."""
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_DFL:
        signal.signal(number, _raise_ended)


def _raise_ended(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    raise _Ended(number)


def _print_what_has_no_code() -> None:
    """Print letters that the terminal's encoding lacks as their numbers."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(
            AttributeError, ValueError
        ):  # closed, or of another kind
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.exit(main())

"""The command line: reads arguments, prints results; the work is done elsewhere."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
from typing import TYPE_CHECKING

from onnx_ir.passes import PreconditionError

from onnx2snn._version import __version__
from onnx2snn.budget import limited_process, memory_limit
from onnx2snn.cli import (
    analyze,
    compile,  # noqa: A004 (the command's name)
    convert,
    diagnose,
    doctor,
    evaluate,
    export_nir,
    layout,
    methods,
    native,
    passes,
    run,
    sweep,
    tune,
)
from onnx2snn.cli.console import ERRORS, print_error, printed_warnings
from onnx2snn.cli.parser import CommandParser, Parser
from onnx2snn.cli.results import discard_results, flush_results, reserved_output
from onnx2snn.errors import Onnx2SnnError, OutputError, message_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]

_COMMANDS = (
    convert,
    tune,
    evaluate,
    diagnose,
    sweep,
    run,
    layout,
    export_nir,
    analyze,
    methods,
    passes,
    compile,
    native,
    doctor,
)

_ASKED_BY_SHELL = "_ARGCOMPLETE"
"""Variable that argcomplete's shell functions set when they ask."""

_INTERRUPTED = 130
"""Exit status of a program that the user stopped, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if it is done, 1 if the model or data was refused.

    Args:
        arguments: The command line after the program's name; None for the process's own.
            argparse exits with 2 where it makes no sense.
    """
    parser = build_parser()
    _complete_words(parser)
    options = parser.parse_args(arguments)
    with reserved_output():
        return _run_command(options)


def _run_command(options: argparse.Namespace) -> int:
    """Run a command; whatever it raises becomes a message and an exit status."""
    try:
        with (
            printed_warnings(quiet=options.quiet),
            memory_limit(options.max_memory),
            limited_process(),
        ):
            status = int(options.command(options))
        flush_results()
    except (Onnx2SnnError, PreconditionError) as error:
        print_error(str(error))
    except BrokenPipeError:  # whoever reads the output has seen enough
        discard_results()
        return 0
    except KeyboardInterrupt as error:
        ERRORS.print("interrupted")
        return getattr(error, "exit_status", _INTERRUPTED)
    except Exception as error:  # a last resort: no message of ours
        if options.verbose:
            raise
        print_error(_describe(error))
    else:
        return status
    discard_results()
    return 1


def _complete_words(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a word may go on, and end there.

    A shell asks only once it was told to, with argcomplete's ``register-python-argcomplete``.
    """
    if _ASKED_BY_SHELL in os.environ:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("argcomplete").autocomplete(parser)


def _describe(error: Exception) -> str:
    """Say what an error is that has no message of ours."""
    try:
        flush_results()
    except (BrokenPipeError, OutputError) as problem:
        return str(problem)
    words = f"{type(error).__name__}: {message_of(error)}".removesuffix(": ")
    if isinstance(error, MemoryError):
        return f"the memory does not suffice: {words}"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return words
    return f"{words}\n  this is a fault of onnx2snn: please report it, with what --verbose prints"


_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO}
"""Errors of a system that lacks space or files, whoever asks for them."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, with all commands."""
    parser = Parser(
        prog="onnx2snn",
        description="Turn a trained network in ONNX into a spiking network in ONNX.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        metavar="command", required=True, parser_class=CommandParser
    )
    for command in _COMMANDS:
        command.add(commands)
    return parser

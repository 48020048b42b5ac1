"""The command line: reads arguments, prints results; the work is done elsewhere."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING

from onnx_ir.passes import PreconditionError
from rich.markup import escape

from onnx2snn._version import __version__
from onnx2snn.budget import limited_process, memory_limit
from onnx2snn.cli import (
    analyze,
    compile,  # noqa: A004 (the command's name)
    convert,
    diagnose,
    doctor,
    evaluate,
    layout,
    methods,
    native,
    passes,
    run,
    sweep,
    tune,
)
from onnx2snn.cli.console import ERRORS, printed_warnings
from onnx2snn.cli.parser import CommandParser, Parser
from onnx2snn.errors import Onnx2SnnError

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
    try:
        with (
            printed_warnings(quiet=options.quiet),
            memory_limit(options.max_memory),
            limited_process(),
        ):
            return int(options.command(options))
    except (Onnx2SnnError, PreconditionError) as error:
        ERRORS.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        return 1
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        ERRORS.print("interrupted")
        return _INTERRUPTED
    except Exception as error:  # a last resort: no message of ours
        if options.verbose:
            raise
        ERRORS.print(f"[bold red]error:[/] {escape(_describe(error))}", highlight=False)
        return 1


def _complete_words(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks how a word may go on, and end there.

    A shell asks only once it was told to, with argcomplete's ``register-python-argcomplete``.
    """
    if _ASKED_BY_SHELL in os.environ:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("argcomplete").autocomplete(parser)


def _describe(error: Exception) -> str:
    """Say what an error is that should have had a message of ours."""
    words = str(error).strip().splitlines()
    reason = (
        f"{type(error).__name__}: {words[0][:300]}" if words else type(error).__name__
    )
    return f"{reason}\n  this is a fault of onnx2snn: please report it, with what --verbose prints"


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

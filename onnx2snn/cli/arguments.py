"""What several commands take as arguments."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import onnx2snn
from onnx2snn.methods.method import split_names
from onnx2snn.runtime import RUNTIMES
from onnx2snn.schedules import checked_time_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Commands", "add_command", "add_options", "add_runtime", "chosen", "whole"]

Commands: TypeAlias = Any
"""What ``ArgumentParser.add_subparsers`` returns; argparse has no public name for it."""


def add_command(
    commands: Commands,
    name: str,
    function: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """Add a command and what every command takes.

    Args:
        commands: Where it is added.
        name: The word for it.
        function: Does it, and returns the exit status.
        text: What it does, in a phrase.
    """
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    command.set_defaults(command=function)
    command.add_argument(
        "--quiet",
        action="store_true",
        help="print the result only: no bars, no warnings",
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    return command


def add_options(command: argparse.ArgumentParser, names: Collection[str] = ()) -> None:
    """Add the fields of ``Options`` that have a help text, or those of ``names``."""
    for field in dataclasses.fields(onnx2snn.Options):
        if field.metadata and (not names or field.name in names):
            _add_field(command, field)


def chosen(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of ``Options`` that a command has, as they were given."""
    names = {field.name for field in dataclasses.fields(onnx2snn.Options)}
    return {name: value for name, value in vars(options).items() if name in names}


def _add_field(command: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    flag, text = f"--{field.name.replace('_', '-')}", field.metadata["help"]
    kind = field.metadata.get("kind", type(field.default))
    known = "" if field.default is None else f" (default {field.default})"
    if kind is bool:
        command.add_argument(
            flag,
            action=argparse.BooleanOptionalAction,
            default=field.default,
            help=text,
        )
    elif kind is tuple:
        empty: list[str] | None = None if field.default is None else []
        command.add_argument(
            flag,
            action="extend",
            type=split_names,
            default=empty,
            metavar="A,B",
            help=text,
        )
    else:
        command.add_argument(
            flag,
            type=kind,
            default=field.default,
            choices=field.metadata["choices"] or None,
            help=f"{text}{known}",
        )


def add_runtime(command: argparse.ArgumentParser) -> None:
    """Add what says how a network is run."""
    command.add_argument(
        "--runtime", choices=RUNTIMES, default="ort", help="default: ort"
    )
    command.add_argument(
        "--threads",
        type=int,
        default=0,
        help="threads in an operator; 0 for one a core",
    )
    command.add_argument(
        "--batch-size",
        type=int,
        help="samples at a time (default 64, fewer if the first is large)",
    )


def whole(text: str) -> int:
    """Return a number of time steps as it was typed.

    Raises:
        OptionError: It is no number of time steps.
    """
    try:
        value: object = int(text)
    except ValueError:
        value = text
    return checked_time_steps(value)

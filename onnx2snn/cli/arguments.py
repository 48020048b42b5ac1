"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any, TypeAlias

import onnx2snn
from onnx2snn.cli.parser import CommandParser
from onnx2snn.cli.values import names_in
from onnx2snn.methods.parts import PARTS
from onnx2snn.runtime import RUNTIMES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

__all__ = [
    "SHARED",
    "Arguments",
    "Basics",
    "Commands",
    "add_command",
    "add_input_shape",
    "add_long_command",
    "add_options",
    "add_output",
    "add_runtime",
    "chosen_options",
]

Commands: TypeAlias = Any
"""The result of ``ArgumentParser.add_subparsers``; argparse has no public name for it."""

SHARED = "in every command"
"""The title of the options that every command has."""

Arguments: TypeAlias = Any
"""A parser or a group of one; argparse has no public name for what takes arguments."""


@dataclasses.dataclass(frozen=True)
class Basics:
    """The part of a long command that its ``--help`` shows.

    Attributes:
        add: Adds the arguments to a parser.
        help_all: The content of ``--help-all``, in a phrase.
    """

    add: Callable[[argparse.ArgumentParser], None]
    help_all: str


def add_command(
    commands: Commands,
    function: Callable[[argparse.Namespace], int],
    usage: str,
    text: str,
) -> argparse.ArgumentParser:
    """Add a command and what every command takes.

    Args:
        commands: Where it is added.
        function: Does it, and returns the exit status.
        usage: Its name, and what has to be typed behind it.
        text: Its purpose, in a phrase.
    """
    command = _add_parser(commands, function, usage, text)
    _add_shared(command, action="help")
    return command


def _add_parser(
    commands: Commands,
    function: Callable[[argparse.Namespace], int],
    usage: str,
    text: str,
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        usage.split(maxsplit=1)[0],
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        usage=f"onnx2snn {usage}",
        add_help=False,
    )
    command.set_defaults(command=function)
    return command


def add_long_command(
    commands: Commands,
    function: Callable[[argparse.Namespace], int],
    usage: str,
    text: str,
    basics: Basics,
) -> argparse.ArgumentParser:
    """Add a command whose ``--help`` shows the options that most people need.

    Its ``--help-all`` also shows those that the caller adds to the result.

    Args:
        commands: Where it is added.
        function: Does it, and returns the exit status.
        usage: Its name, and what has to be typed behind it.
        text: Its purpose, in a phrase.
        basics: The options that most people need.
    """
    command = _add_parser(commands, function, usage, text)
    short = CommandParser(
        usage=command.usage, description=command.description, add_help=False
    )
    for parser in (command, short):
        basics.add(parser)
        parser.add_argument("--help-all", action="help", help=basics.help_all)
        _add_shared(parser, action=_ShortHelp, short=short)
    return command


class _ShortHelp(argparse.Action):
    """Print the help of a parser that has fewer options, and exit."""

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        *,
        short: argparse.ArgumentParser,
        **others: Any,  # noqa: ANN401 (as argparse has them)
    ) -> None:
        super().__init__(
            option_strings, dest, nargs=0, default=argparse.SUPPRESS, **others
        )
        self.short = short

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it."""
        self.short.print_help()
        parser.exit()


def _add_shared(command: argparse.ArgumentParser, **help_action: Any) -> None:  # noqa: ANN401
    """Add the options of every command.

    Args:
        command: Where they are added.
        help_action: The arguments of ``add_argument`` for ``--help``.
    """
    shared = command.add_argument_group(SHARED)
    shared.add_argument("-h", "--help", help="show this help and exit", **help_action)
    shared.add_argument(
        "--quiet",
        action="store_true",
        help="print the result only: no bars, no warnings",
    )
    shared.add_argument(
        "--verbose",
        action="store_true",
        help="show where an unexpected error comes from",
    )
    shared.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    shared.add_argument(
        "--max-memory",
        metavar="SIZE",
        help="most that a file may ask for, as 4GB (default 3/4 of what is free)",
    )


def add_output(command: Arguments, content: str) -> None:
    """Add the file that is written.

    Args:
        command: Where it is added.
        content: What the file will hold, in a phrase.
    """
    command.add_argument("-o", "--output", required=True, metavar="FILE", help=content)


def add_options(command: Arguments, names: Iterable[str]) -> None:
    """Add fields of ``Options`` by their names."""
    fields = {field.name: field for field in dataclasses.fields(onnx2snn.Options)}
    for name in names:
        _add_field(command, fields[name])


def add_input_shape(command: Arguments) -> None:
    """Add the shapes of inputs that the file leaves open."""
    command.add_argument(
        "--input-shape",
        dest="input_shapes",
        action="append",
        default=[],
        metavar="NAME:N,C,H,W",
        help="shape of an input for one sample, to count multiply-accumulates by where the file "
        "leaves sizes open; may be given several times",
    )


def chosen_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of ``Options`` that a command has, as they were given."""
    names = {field.name for field in dataclasses.fields(onnx2snn.Options)}
    return {name: value for name, value in vars(options).items() if name in names}


def _add_field(command: Arguments, field: dataclasses.Field[Any]) -> None:
    """Add the option of a field: one of a part of the method, or of another thing."""
    part = PARTS.get(field.name)
    if part is not None:
        text = part.help
        if part.kind is tuple:
            text += f": none, or some of {', '.join(part.choices)}"
        _add_option(command, field, part.kind, text, part.choices)
        return
    text = field.metadata["help"]
    choices = field.metadata["choices"]
    # What may be left open is a whole number, as yet.
    kind = int if field.default is None else type(field.default)
    _add_option(command, field, kind, text, choices)


def _add_option(
    command: Arguments,
    field: dataclasses.Field[Any],
    kind: type,
    text: str,
    choices: Collection[str],
) -> None:
    """Add an option by the type of its values."""
    flag = f"--{field.name.replace('_', '-')}"
    default = field.default
    if kind is bool:
        command.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=default, help=text
        )
        return
    if kind is tuple:
        command.add_argument(
            flag,
            action="extend",
            type=names_in,
            default=None if default is None else [],
            metavar="A,B",
            help=text,
        )
        return
    if default is not None:
        text += f" (default {default})"
    command.add_argument(
        flag,
        type=kind,
        metavar=None if choices else _METAVARS[kind],
        default=default,
        choices=choices or None,
        help=text,
    )


_METAVARS = {int: "N", float: "X", str: "NAME"}
"""The values of options in help texts, by type."""


def add_runtime(command: argparse.ArgumentParser) -> None:
    """Add what says how a network is run."""
    command.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="auto",
        help="runtime of the network (default auto: native if it is built, else ort)",
    )
    command.add_argument(
        "--threads",
        type=int,
        default=0,
        metavar="N",
        help="threads in an operator; 0 for one a core",
    )
    command.add_argument(
        "--device",
        metavar="NAME",
        help="device of PyTorch, as cuda:0, for --runtime torch (default: a GPU if there is one)",
    )
    command.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="samples at a time (default 64, fewer if the first is large)",
    )

"""The page about the command line, from the parser of the program itself."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from onnx2snn.cli import build_parser
from onnx2snn.cli.arguments import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["command_line_page"]

HEADER = ("| option | meaning |", "|---|---|")
UNTITLED = ("positional arguments", "options")
"""Groups of argparse's own: their arguments come first, in one table."""

INTRODUCTION = """\
`onnx2snn COMMAND --help` shows the options of a command; `onnx2snn convert --help-all` shows all of
that one. `python -m onnx2snn` is the same program. Options are written in full; a wrong one is
answered with the nearest that exists. Every command takes `--quiet`, which prints the result only,
without bars and warnings, `--json`, which prints one JSON object and nothing else, `--verbose`,
which shows where an unexpected error comes from, and `--max-memory`, the memory that a file may ask
for, as `4GB`: three quarters of what is free unless it is given. Bars are drawn on a terminal only,
with what is done, the time passed and the time left.

| exit status | meaning |
|---|---|
| 0 | done |
| 1 | the model or the data was refused, and the message says why |
| 2 | the command line makes no sense |
| 130 | interrupted |

A shell completes commands, options and their values once it is told to (bash, zsh; for others see
[argcomplete](https://kislyuk.github.io/argcomplete/)):

```console
$ pip install 'onnx2snn[completion]'
$ eval "$(register-python-argcomplete onnx2snn)"
```

The second line belongs into `~/.bashrc` or `~/.zshrc`, to last.
"""


def command_line_page(notice: str) -> str:
    """Return the page, with ``notice`` at its top."""
    sections = [_command(name, parser) for name, parser in _commands().items()]
    return "\n".join([notice, "", "# Command line", "", INTRODUCTION, *sections])


def _commands() -> Mapping[str, argparse.ArgumentParser]:
    actions = build_parser()._actions  # noqa: SLF001 (argparse has no public way to look)
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return action.choices
    message = "the program has no commands"
    raise LookupError(message)


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    parts = [
        f"## {name}",
        parser.description or "",
        f"    {parser.format_usage().strip()}",
    ]
    for title, actions in _groups(parser).items():
        if title:
            parts.append(f"{title[0].upper()}{title[1:]}:")
        parts.append("\n".join([*HEADER, *map(_row, actions)]))
    return "\n\n".join(parts) + "\n"


def _groups(parser: argparse.ArgumentParser) -> Mapping[str, list[argparse.Action]]:
    """Return title to arguments, without those of every command."""
    groups: dict[str, list[argparse.Action]] = {}
    for group in parser._action_groups:  # noqa: SLF001
        title = "" if group.title in UNTITLED else group.title or ""
        actions = group._group_actions  # noqa: SLF001
        if actions and title != SHARED:
            groups.setdefault(title, []).extend(actions)
    return groups


def _row(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "\\|")
    if action.option_strings and action.required:
        text += " (required)"
    return f"| {_spelling(action)} | {text} |"


def _spelling(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(f"`{flag}{value}`" for flag in action.option_strings)


def _value(action: argparse.Action) -> str:
    if action.metavar is None and action.choices:
        return f"{{{','.join(map(str, action.choices))}}}"
    return str(action.metavar or action.dest.upper())

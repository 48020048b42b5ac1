"""The parser of the command line: no abbreviations, and a hint where a word is wrong."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from onnx2snn.arguments import near_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["CommandParser", "Parser"]


class Parser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and says what a wrong choice may stand for."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 (as argparse has them)
        super().__init__(allow_abbrev=False, **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Refuse a value that is none of the choices, by the nearest if there is one."""
        choices = action.choices
        if choices is not None and value not in choices:
            hint = _hint(value, choices)
            if hint:
                message = f"invalid choice: {value!r}{hint}"
                raise argparse.ArgumentError(action, message)
        super()._check_value(action, value)


class CommandParser(Parser):
    """The parser of a command, which names wrong options before it misses any."""

    # of argparse's signatures, the one with which a command is called
    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the words behind the name of the command."""
        for word in _options_among(args or ()):
            self._check_option(word)
        return super().parse_known_args(args, namespace)

    def _check_option(self, word: str) -> None:
        known = self._option_string_actions
        if word not in known:
            self.error(f"no option {word}{_hint(word, known)}")


def _options_among(words: Iterable[str]) -> list[str]:
    """Return the names of the long options among ``words``, up to a lone ``--``."""
    names = []
    for word in words:
        if word == "--":
            break
        if word.startswith("--"):
            names.append(word.partition("=")[0])
    return names


def _hint(wrong: str, known: Iterable[str]) -> str:
    near = near_names(wrong, known)
    return f"; did you mean {' or '.join(near)}?" if near else ""

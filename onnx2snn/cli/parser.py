"""The parser of the command line: no abbreviations, and a hint where a word is wrong."""

from __future__ import annotations

import argparse
import itertools
import sys
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

    # of argparse's signatures, the one with which it is called
    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse words; a wrong option is named before anything that is missing."""
        words = sys.argv[1:] if args is None else args
        known = self._option_string_actions
        for name in self._options_among(words):
            if name not in known:
                self.error(f"no option {name}{_hint(name, known)}")
        return super().parse_known_args(args, namespace)

    def _options_among(self, words: Sequence[str]) -> list[str]:
        """Return the names of the long options in front of the command."""
        return list(itertools.takewhile(_is_option, words))


class CommandParser(Parser):
    """The parser of a command."""

    def _options_among(self, words: Sequence[str]) -> list[str]:
        """Return the names of all long options, up to a lone ``--``."""
        own = itertools.takewhile(lambda word: word != "--", words)
        return [word.partition("=")[0] for word in own if _is_option(word)]


def _is_option(word: str) -> bool:
    return word.startswith("--")


def _hint(wrong: str, known: Iterable[str]) -> str:
    near = near_names(wrong, known)
    return f"; did you mean {' or '.join(near)}?" if near else ""

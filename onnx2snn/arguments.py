"""Arguments as users give them: wrong names, older names, values of another type."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

__all__ = [
    "checked_choice",
    "checked_count",
    "checked_fields",
    "checked_keywords",
    "checked_names",
    "checked_value",
    "describe_missing_file",
    "did_you_mean",
    "near_names",
]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Class = TypeVar("_Class")

_MOST_HINTS = 3

_LEAST_LIKENESS = 0.7
"""Part of two names that is the same in both where one may stand for the other."""

_KINDS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    bool: ("True or False", (bool, np.bool_)),
    int: ("a whole number", (int, np.integer)),
    float: ("a number", (int, float, np.integer, np.floating)),
    str: ("a text", (str,)),
}
"""Kind of value to its name, and the types that hold it."""


def checked_value(name: str, value: object, kind: type) -> Any:  # noqa: ANN401
    """Return the value of an option, NumPy's scalars as Python's.

    Args:
        name: Name of the option, for the message.
        value: Its value.
        kind: ``bool``, ``int``, ``float``, which may be whole, or ``str``.

    Raises:
        OptionError: The value is of another type.
    """
    described, types = _KINDS[kind]
    is_truth = isinstance(value, (bool, np.bool_))
    if not isinstance(value, types) or (is_truth and kind is not bool):
        message = f"{name} must be {described}, not {value!r}"
        raise OptionError(message)
    return value.item() if isinstance(value, np.generic) else value


def checked_count(name: str, value: object, least: int = 0) -> int:
    """Return an option that counts something, as an int.

    Raises:
        OptionError: It is no whole number, or less than ``least``.
    """
    count = int(checked_value(name, value, int))
    if count < least:
        message = f"{name} must be at least {least}, not {count}"
        raise OptionError(message)
    return count


def checked_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return an option that is one of several names.

    Raises:
        OptionError: It is none of them.
    """
    if isinstance(value, str) and value in choices:
        return value
    hint = did_you_mean(value, choices)
    message = f"{name} must be one of {', '.join(choices)}, not {value!r}{hint}"
    raise OptionError(message)


def checked_names(name: str, value: object) -> tuple[str, ...]:
    """Return an option that is a name, or several.

    Raises:
        OptionError: It is of another type.
    """
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, Iterable) and not isinstance(names, Mapping):
        found = tuple(names)
        if all(isinstance(each, str) for each in found):
            return found
    message = f"{name} must be a name or several, not {value!r}"
    raise OptionError(message)


def near_names(wrong: object, known: Iterable[object]) -> list[str]:
    """Return which of the ``known`` names a wrong one may stand for, nearest first.

    Upper or lower case makes no difference, nor do ``-`` for ``_`` and the dashes in front of
    an option.
    """
    names = {_plain_name(name): str(name) for name in known}
    plain = _plain_name(wrong)
    if plain in names:
        return [names[plain]]
    near = difflib.get_close_matches(plain, names, _MOST_HINTS, _LEAST_LIKENESS)
    begun = [name for name in names if plain and name.startswith(plain)]
    return [names[name] for name in (near or begun)[:_MOST_HINTS]]


def _plain_name(name: object) -> str:
    return str(name).strip("-").lower().replace("_", "-")


def did_you_mean(
    wrong: object, known: Iterable[object], older: Mapping[str, str] | None = None
) -> str:
    """Return the end of a message about a wrong name: a question, or nothing.

    Args:
        wrong: The name.
        known: The names that there are.
        older: Older names, which may be meant as well, with what each is called now.
    """
    current = older or {}
    found = near_names(wrong, [*known, *current])
    near = dict.fromkeys(current.get(name, name) for name in found)
    if not near:
        return ""
    return f"; did you mean {' or '.join(map(repr, near))}?"


def describe_missing_file(path: Path) -> str:
    """Return the end of a message about a file that is not there: one that may be meant."""
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return f"; there is no folder {str(path.parent)!r}"
    return did_you_mean(path.name, names)


def checked_keywords(
    *further: str, **older: str
) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Return a decorator: wrong keyword arguments are told with the nearest right one.

    Args:
        further: Keywords that the function takes as ``**options``.
        older: Older names of keywords, which keep working, with what each is called now.
    """

    def decorate(
        function: Callable[_Arguments, _Result],
    ) -> Callable[_Arguments, _Result]:
        known = [*_named_parameters(function), *further]
        name = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def call(*args: _Arguments.args, **given: _Arguments.kwargs) -> _Result:
            current: Any = _current_keywords(given, older)
            for wrong in current:
                if wrong not in known:
                    hint = did_you_mean(wrong, known, older)
                    message = f"{name}() has no argument {wrong!r}{hint}"
                    raise OptionError(message)
            return function(*args, **current)

        return call

    return decorate


def checked_fields(cls: type[_Class]) -> type[_Class]:
    """Let a dataclass tell wrong keywords with the nearest of its fields."""
    take_fields: Any = cls.__init__
    cls.__init__ = checked_keywords()(take_fields)  # type: ignore[method-assign]
    return cls


def _named_parameters(function: Callable[..., object]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in parameters if each.kind in kinds]


def _current_keywords(
    given: Mapping[str, object], older: Mapping[str, str]
) -> dict[str, object]:
    """Return keyword arguments with each older name replaced by what it is called now."""
    current: dict[str, object] = {}
    for name, value in given.items():
        now = older.get(name, name)
        if now in current:
            message = f"{now} is given twice, once by an older name"
            raise OptionError(message)
        current[now] = value
    return current

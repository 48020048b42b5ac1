"""Feeds that a Python script yields."""

from __future__ import annotations

import contextlib
import importlib.machinery
import os
import sys
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import CalibrationError, message_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_Result = TypeVar("_Result")

__all__ = ["USUAL_FUNCTIONS", "script_feeds"]

USUAL_FUNCTIONS = ("batches", "load_data")
"""Names of the function that yields feeds, if none is given; polygraphy has the second."""


def script_feeds(path: Path, functions: Sequence[str]) -> Iterator[object]:
    """Yield what the first of ``functions`` that the Python file ``path`` has yields.

    While it runs, the script's folder is on the module search path, as if it had been started.
    Where it changes the working folder, that is so as long as it runs.

    Raises:
        CalibrationError: The script has no such function, or raises.
    """
    script = _Script(path)
    feeds = script.run(lambda: iter(_call_function(path, functions)))
    while True:
        feed = script.run(lambda: next(feeds, _END))
        if feed is _END:
            return
        yield feed


_END: Any = object()
"""What comes behind the last feed."""


class _Script:
    """A script that runs piece by piece, in surroundings of its own.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: str | None = None

    def run(self, piece: Callable[[], _Result]) -> _Result:
        """Return what the next piece of it returns.

        Raises:
            CalibrationError: It raises.
        """
        try:
            with _search_path(self._path.parent), self._working_folder():
                return piece()
        except (CalibrationError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever a script raises is its own
            raise CalibrationError(_script_problem(self._path, error)) from error

    @contextlib.contextmanager
    def _working_folder(self) -> Iterator[None]:
        """Go to the working folder that the script chose, and back to ours behind it."""
        ours = _working_folder()
        _go_to(self._folder)
        try:
            yield
        finally:
            self._folder = _working_folder()
            _go_to(ours)


def _working_folder() -> str | None:
    """Return the working folder; None if it is deleted."""
    with contextlib.suppress(OSError):
        return os.getcwd()  # noqa: PTH109 (as it is)
    return None


def _go_to(folder: str | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            os.chdir(folder)


def _script_problem(path: Path, error: BaseException) -> str:
    """Say what a script raised, and in which of its own lines."""
    problem = f"{type(error).__name__}: {message_of(error)}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(path)]
    if not own:
        return f"{str(path)!r} raised {problem}"
    place = f"line {own[-1].lineno}, in {own[-1].name}"
    return f"{str(path)!r}, {place}, raised {problem}\n  {own[-1].line}"


def _call_function(path: Path, functions: Sequence[str]) -> Iterable[object]:
    module = _load_module(path)
    known = [name for name, value in vars(module).items() if callable(value)]
    found = [name for name in functions if name in known]
    if not found:
        names = " or ".join(map(repr, functions))
        message = (
            f"{str(path)!r} has no function {names}, which must yield the feeds"
            f"{did_you_mean(functions[0], known)}"
        )
        raise CalibrationError(message)
    function = found[0]
    produced = getattr(module, function)()
    if isinstance(produced, Mapping) or hasattr(produced, "__array__"):
        return [produced]
    if not isinstance(produced, Iterable):
        kind = type(produced).__name__
        message = (
            f"{function}() of {str(path)!r} must yield the feeds, but returned {kind}"
        )
        raise CalibrationError(message)
    return produced


def _load_module(path: Path) -> types.ModuleType:
    module = types.ModuleType(f"onnx2snn_feeds_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = (
        module  # dataclasses and pickle look a class's module up here
    )
    loader = importlib.machinery.SourceFileLoader(module.__name__, str(path))
    loader.exec_module(module)
    return module


@contextlib.contextmanager
def _search_path(folder: Path) -> Iterator[None]:
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)

"""Feeds that a Python script yields."""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from onnx2snn.arguments import did_you_mean
from onnx2snn.errors import CalibrationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["script_feeds"]


def script_feeds(path: Path, function: str) -> Iterator[object]:
    """Yield what ``function`` of the Python file ``path`` yields.

    While it runs, the script's folder is on the module search path, as if it had been started.

    Raises:
        CalibrationError: The script has no such function, or raises.
    """
    with _search_path(path.parent):
        yield from _call_script(path, function)


def _call_script(path: Path, function: str) -> Iterator[object]:
    try:
        yield from _call_function(path, function)
    except CalibrationError:
        raise
    except (Exception, SystemExit) as error:
        raise CalibrationError(_script_problem(path, error)) from error


def _script_problem(path: Path, error: BaseException) -> str:
    """Say what a script raised, and in which of its own lines."""
    problem = f"{type(error).__name__}: {error}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(path)]
    if not own:
        return f"{str(path)!r} raised {problem}"
    place = f"line {own[-1].lineno}, in {own[-1].name}"
    return f"{str(path)!r}, {place}, raised {problem}\n  {own[-1].line}"


def _call_function(path: Path, function: str) -> Iterable[object]:
    module = _load_module(path)
    if not callable(getattr(module, function, None)):
        functions = [name for name, value in vars(module).items() if callable(value)]
        message = (
            f"{str(path)!r} has no function {function!r}, which must yield the feeds"
            f"{did_you_mean(function, functions)}"
        )
        raise CalibrationError(message)
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

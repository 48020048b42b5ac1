"""Output of the command line: results, errors, bars."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from onnx2snn.cli.results import results_stream
from onnx2snn.progress import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Task, TaskID

__all__ = [
    "ERRORS",
    "new_table",
    "print_error",
    "print_json",
    "print_written",
    "printable",
    "printed_warnings",
    "progress_bars",
    "results_console",
]


class _PlainConsole(Console):
    """A console that shows text as it is: no markup, and no command to a terminal.

    Names of nodes come from files of strangers, and a terminal obeys what follows an escape.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 (as rich has them)
        super().__init__(markup=False, emoji=False, highlight=False, **settings)

    def render_str(self, text: str, **settings: Any) -> Text:  # noqa: ANN401
        """Return a text in which letters that cannot be printed are spelled out."""
        return super().render_str(printable(text), **settings)


def printable(text: str) -> str:
    """Return a text in which letters that cannot be printed are spelled out."""
    return "".join(map(_printable_letter, text))


def _printable_letter(letter: str) -> str:
    if letter.isprintable() or letter in _LAYOUT:
        return letter
    return letter.encode("unicode_escape").decode()


_LAYOUT = "\n\t"
"""Letters that cannot be printed, and do no more than put others in their place."""

ERRORS = _PlainConsole(stderr=True, soft_wrap=True)
"""The console of errors."""


def print_error(message: str) -> None:
    """Print why a command ends without a result."""
    text = Text.assemble(("error:", "bold red"), " ", printable(message))
    ERRORS.print(text)


def results_console() -> Console:
    """Return where results are printed: in a pipe, wide enough that nothing is cut."""
    stream = results_stream()
    console = _PlainConsole(file=stream)
    if console.is_terminal:
        return console
    return _PlainConsole(file=stream, width=max(console.width, 160))


def new_table(*headings: str) -> Table:
    """Return a table that folds long cells and never cuts them."""
    empty = Table()
    for heading in headings:
        empty.add_column(heading, overflow="fold")
    return empty


def print_written(
    output: object, description: str, console: Console | None = None
) -> None:
    """Say that a file is written, and what is in it.

    Args:
        output: The file.
        description: Its content, in a phrase.
        console: Where to say so; None for that of results.
    """
    console = console or results_console()
    console.print(f"wrote {output}: {description}")


def print_json(data: object) -> None:
    """Print one JSON object in one line."""
    print(json.dumps(data), file=results_stream())


@contextlib.contextmanager
def printed_warnings(*, quiet: bool) -> Iterator[None]:
    """Print what the library warns of, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter("warning: %(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    logger = logging.getLogger("onnx2snn")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _PlainFormatter(logging.Formatter):
    """A format of messages without commands to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a message in which letters that cannot be printed are spelled out."""
        return printable(super().format(record))


def _columns() -> tuple[ProgressColumn, ...]:
    """Return what a bar tells: the work, how much is done, the time passed and the time left."""
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _TimeLeft(),
    )


class _TimeLeft(ProgressColumn):
    """The time left, if a piece that is to come takes as long as those that are done."""

    def render(self, task: Task) -> Text:
        """Return it; a question mark before the first piece is done."""
        seconds_a_piece = task.fields["seconds_a_piece"]
        if seconds_a_piece is None or task.total is None:
            return Text("? left")
        seconds = seconds_a_piece * task.total - (task.elapsed or 0)
        left = dt.timedelta(seconds=max(0, round(seconds)))
        return Text(f"{left} left")


@contextlib.contextmanager
def progress_bars(*, quiet: bool) -> Iterator[None]:
    """Draw a progress bar, on a terminal, for each kind of work that is reported."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    progress = Progress(*_columns(), console=console, transient=True)
    with progress, listening(_Bars(progress).show):
        yield


class _Bars:
    """A bar for each kind of work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, name: str, done: int, total: int | None) -> None:
        """Show how far some work has come; work of the same name begins anew with 0."""
        if name not in self._tasks:
            task = self._progress.add_task(name, total=total, seconds_a_piece=None)
            self._tasks[name] = task
        elif done == 0:
            self._progress.reset(self._tasks[name], total=total, seconds_a_piece=None)
        if done:
            self._advance(self._tasks[name], done)

    def _advance(self, task: TaskID, done: int) -> None:
        shown = self._progress.tasks[self._progress.task_ids.index(task)]
        pace = (shown.elapsed or 0) / done
        self._progress.update(task, completed=done, seconds_a_piece=pace)

"""Output of the command line: results, errors, bars."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from onnx2snn.progress import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

__all__ = [
    "ERRORS",
    "new_table",
    "print_json",
    "printed_warnings",
    "progress_bars",
    "results_console",
]

ERRORS = Console(stderr=True, soft_wrap=True)
"""The console of errors."""


_LONGEST_PIECE = 3600
"""Seconds that a piece of work may take, and the time left is still known."""


def results_console() -> Console:
    """Return where results are printed: in a pipe, wide enough that nothing is cut."""
    console = Console()
    if console.is_terminal:
        return console
    return Console(width=max(console.width, 160))


def new_table(*headings: str) -> Table:
    """Return a table that folds long cells and never cuts them."""
    empty = Table()
    for heading in headings:
        empty.add_column(heading, overflow="fold")
    return empty


def print_json(data: object) -> None:
    """Print one JSON object in one line."""
    print(json.dumps(data))  # noqa: T201 (standard output is for this one object)


@contextlib.contextmanager
def printed_warnings(*, quiet: bool) -> Iterator[None]:
    """Print what the library warns of, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    logger = logging.getLogger("onnx2snn")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _columns() -> tuple[ProgressColumn, ...]:
    """Return what a bar tells: the work, how much is done, the time passed and the time left."""
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )


@contextlib.contextmanager
def progress_bars(*, quiet: bool) -> Iterator[None]:
    """Draw a progress bar, on a terminal, for each kind of work that is reported."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with Progress(
        *_columns(),
        console=console,
        transient=True,
        speed_estimate_period=_LONGEST_PIECE,
    ) as progress:
        shown: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in shown:
                shown[name] = progress.add_task(name, total=total)
            elif done == 0:
                progress.reset(shown[name], total=total)
            progress.update(shown[name], completed=done)

        with listening(show):
            yield

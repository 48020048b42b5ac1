"""The cells of a sweep: what was measured of one method at one T, and keeping it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.storage.whole_files import write_whole

if TYPE_CHECKING:
    import os

__all__ = ["Cell", "Kept", "Subject"]

VERSION = 1
"""Version of the file, see ``docs/reference/schemas/sweep-1.json``."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One method at one T.

    Attributes:
        method: The method.
        T: Number of time steps.
        task: The question that is scored, as in ``Evaluation``; None if the method refuses the
            network, as all that follows.
        score: Accuracy in percent, agreement with the ANN where there are no labels, or R2; the
            error without a task.
        ann_score: The ANN's; None without labels.
        error: Relative error of the output that is scored, else the largest; None as well.
        latency_steps: Steps until the answer is there.
        weight_passes: How often the weights multiply for it; None if the file does not say.
        refused: Why the method does not convert the network; None if it does.
    """

    method: str
    T: int
    task: str | None = None
    score: float | None = None
    ann_score: float | None = None
    error: float | None = None
    latency_steps: int | None = None
    weight_passes: int | None = None
    refused: str | None = None


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a sweep is about: cells of another one cannot stand beside its own.

    Attributes:
        ann_sha256: Of the file of the ANN.
        calibration_sha256: Of the calibration data; empty without any.
        data_sha256: Of the inputs that are scored.
        version: Version of onnx2snn.
    """

    ann_sha256: str
    calibration_sha256: str
    data_sha256: str
    version: str


class Kept:
    """The cells of a sweep in a file, written anew with each of them: a later run goes on there.

    Args:
        path: The file; None to keep them in memory alone.
        subject: What the sweep is about.

    Raises:
        OptionError: The file holds something else, or a sweep of other data or another network.
    """

    def __init__(self, path: str | os.PathLike[str] | None, subject: Subject) -> None:
        self._path = None if path is None else Path(path)
        self._subject = subject
        self._cells: dict[tuple[str, int], Cell] = {}
        if self._path is not None and self._path.exists():
            for cell in _read_cells(self._path, subject):
                self._cells[cell.method, cell.T] = cell

    def find(self, method: str, time_steps: int) -> Cell | None:
        """Return a cell that was measured already; None if it was not."""
        return self._cells.get((method, time_steps))

    def add(self, cell: Cell) -> None:
        """Keep a cell."""
        self._cells[cell.method, cell.T] = cell
        if self._path is None:
            return
        rows = [dataclasses.asdict(each) for each in self._cells.values()]
        subject = dataclasses.asdict(self._subject)
        data = {"version": VERSION, "subject": subject, "cells": rows}
        text = json.dumps(data, indent=1)
        write_whole(self._path, lambda file: file.write(text.encode()))


def _read_cells(path: Path, subject: Subject) -> list[Cell]:
    """Return the cells in a file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        found = Subject(**data["subject"])
        cells = [Cell(**row) for row in data["cells"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = f"{str(path)!r} is no file of a sweep; name another"
        raise OptionError(message) from error
    if found != subject:
        message = (
            f"{str(path)!r} holds a sweep of another network, of other data or by another version; "
            "name another file"
        )
        raise OptionError(message)
    return cells

"""Sweeping methods and numbers of time steps over one network."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from onnx2snn._version import __version__
from onnx2snn.arguments import checked_keywords, checked_names
from onnx2snn.conversion.convert import convert
from onnx2snn.data.dataset import check_source, dataset
from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.evaluation.answered import AnsweredAnn, answer_all
from onnx2snn.evaluation.evaluate import evaluate
from onnx2snn.importing import read
from onnx2snn.methods.published import METHODS
from onnx2snn.progress import track
from onnx2snn.schedules import several_time_steps
from onnx2snn.spreading.workers import Workers
from onnx2snn.storage.whole_files import check_writable
from onnx2snn.sweeping.cells import Cell, Kept, Subject

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    from onnx2snn.evaluation.answered import Answers
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.importing.source import AnyModel

__all__ = ["Sweep", "sweep"]

_LOGGER = logging.getLogger(__name__)

SCORES = {
    "classification": "right answers in percent",
    "regression": "R2",
    "none": "relative error",
}
"""Task to what a network is scored by."""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Scores of one network by several methods, each at several T.

    Attributes:
        cells: One for each method and T, method by method.
    """

    cells: tuple[Cell, ...]

    @property
    def task(self) -> str:
        """The question that is scored: ``classification``, ``regression`` or ``none``."""
        return next((cell.task for cell in self.cells if cell.task), "none")

    @property
    def score_name(self) -> str:
        """Name of the score, with its unit."""
        return SCORES[self.task]

    @property
    def ann_score(self) -> float | None:
        """The score of the ANN; None without labels."""
        known = (cell.ann_score for cell in self.cells if cell.ann_score is not None)
        return next(known, None)

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in their order."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    def of_method(self, method: str) -> list[Cell]:
        """Return the cells of a method, by T."""
        return [cell for cell in self.cells if cell.method == method]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "task": self.task,
            "score": self.score_name,
            "ann_score": self.ann_score,
            "cells": [dataclasses.asdict(cell) for cell in self.cells],
        }


@checked_keywords(time_steps="T")
def sweep(  # noqa: PLR0913 (each is an option of its own)
    ann: AnyModel,
    data: object,
    calibration: object = None,
    *,
    methods: str | Iterable[str] = ("auto",),
    T: int | Iterable[int] = (1, 2, 4, 8),  # noqa: N803 (the usual name)
    labels: object = None,
    keep: str | os.PathLike[str] | None = None,
    workers: int | str = 1,
) -> Sweep:
    """Convert a network by several methods for several T, and score each.

    What a method refuses is a cell with the reason; the others go on. Workers give the same
    numbers; for all of them files must be where they are named.

    Args:
        ann: The ANN, in any form that ``convert`` takes.
        data: Inputs and labels, as ``evaluate`` takes them.
        calibration: Calibration data; None for none.
        methods: Names of methods, as in ``onnx2snn methods``.
        T: Numbers of time steps, >= 1; each network is made for one of them.
        labels: Name of the labels in ``data``, or the labels, a row a sample.
        keep: A JSON file in which each cell is kept at once. If it is there already, its cells
            are not measured again.
        workers: Processes that measure cells at once, >= 1, or the address of a cluster.

    Raises:
        InvalidModelError: The model cannot be read.
        CalibrationError: The data does not fit.
        OptionError: There is no such method, T is less than 1, or ``keep`` holds another sweep.
        OutputError: ``keep`` cannot be written.
    """
    names = _checked_methods(methods)
    steps = sorted(several_time_steps(T))
    if keep is not None:
        check_writable(keep)
    work = _Work(ann, data, calibration, labels, Workers.of(workers))
    return work.sweep(names, steps, keep)


def _checked_methods(methods: object) -> tuple[str, ...]:
    names = checked_names("methods", methods)
    for name in names:
        if name not in METHODS:
            message = (
                f"methods: there is no method {name!r}; 'onnx2snn methods' lists them"
            )
            raise OptionError(message)
    return tuple(dict.fromkeys(names))


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """A network, what calibrates it, and what it is scored on; as arguments of ``sweep``."""

    ann: AnyModel
    data: object
    calibration: object
    labels: object
    workers: Workers

    def __post_init__(self) -> None:
        """Refuse, before long work, what is no data."""
        check_source(self.data)
        if self.calibration is not None:
            check_source(self.calibration)

    def sweep(
        self,
        methods: tuple[str, ...],
        steps: list[int],
        path: str | os.PathLike[str] | None,
    ) -> Sweep:
        """Measure the cells that are not kept yet."""
        kept = Kept(path, self._subject())
        asked = [(method, t) for method in methods for t in steps]
        missing = [each for each in asked if kept.find(*each) is None]
        if missing:
            answers = answer_all(self.ann, self.data, self.labels)
            measure = functools.partial(_measure, self, answers)
            found = self.workers.results(measure, missing)
            for _, cell in track(found, "sweep", len(missing)):
                kept.add(cell)
        cells = [kept.find(*each) for each in asked]
        return Sweep(tuple(cell for cell in cells if cell is not None))

    def _subject(self) -> Subject:
        source = read(self.ann)
        specs = input_specs(source.model)
        key = self.labels if isinstance(self.labels, str) else None
        data = dataset(self.data, specs, key, with_labels=False).sha256()
        calibration = ""
        if self.calibration is not None:
            given = dataset(self.calibration, specs, with_labels=False)
            calibration = given.sha256()
        return Subject(source.sha256, calibration, data, __version__)


def _measure(work: _Work, answers: Answers, asked: tuple[str, int]) -> Cell:
    """Convert and score, or say why it is refused."""
    method, time_steps = asked
    try:
        conversion = convert(work.ann, time_steps, work.calibration, method=method)
    except (OptionError, UnsupportedError) as refusal:
        _LOGGER.warning("%s at T = %s: %s", method, time_steps, refusal)
        return Cell(method, time_steps, refused=str(refusal))
    ann = AnsweredAnn(work.ann, answers)
    scores = evaluate(conversion, work.data, ann=ann, T=time_steps, labels=work.labels)
    error = scores.error_of_answer(time_steps)
    task = scores.task.name
    by_steps, of_ann = _SCORES[task](scores)
    return Cell(
        method,
        time_steps,
        task=task,
        score=by_steps.get(time_steps, error if task == "none" else None),
        ann_score=of_ann,
        error=error,
        latency_steps=scores.latency_steps.get(time_steps),
        weight_passes=scores.weight_passes.get(time_steps),
    )


_Scores: TypeAlias = "tuple[Mapping[int, float | None], float | None]"
"""Numbers of time steps to the score, and that of the ANN."""


def _accuracies(scores: Evaluation) -> _Scores:
    """Return accuracies; without labels, the percentage of the ANN's answers."""
    if scores.ann_top1 is None:
        return scores.agreement, None
    return scores.top1, scores.ann_top1


def _coefficients(scores: Evaluation) -> _Scores:
    return scores.r2, scores.ann_r2


def _no_scores(scores: Evaluation) -> _Scores:
    del scores
    return {}, None


_SCORES: dict[str, Callable[[Evaluation], _Scores]] = {
    "classification": _accuracies,
    "regression": _coefficients,
    "none": _no_scores,
}
"""Task to what reads its scores."""

"""Scores of answers that come batch by batch."""

from __future__ import annotations

import collections
import logging
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.evaluation.questions import Question
    from onnx2snn.evaluation.result import Task

__all__ = ["ANN", "Key", "Tally", "new_tally"]

Key: TypeAlias = int
"""A number of time steps; ANN for the ANN."""

ANN: Key = 0
"""In the place of a number of time steps: the ANN."""

_LOGGER = logging.getLogger(__name__)

_MANY = 10
"""Number of answers from which on it is remarkable that all are the same."""


class Tally(Protocol):
    """Scores that grow."""

    def add(self, outputs: Mapping[Key, np.ndarray], rows: slice) -> None:
        """Take in one batch.

        Args:
            outputs: The output that is scored, [N, ...], without axes of length 1 behind the
                first.
            rows: Which samples these are.
        """

    def scores(self) -> dict[str, Any]:
        """Return the fields of ``Evaluation`` that are known."""


def new_tally(question: Question) -> Tally:
    """Return the scores of a question, as yet without samples."""
    if question.task.name == "classification":
        return _Classification(question)
    if question.task.name == "regression" and question.targets is not None:
        return _Regression(question.targets)
    return _Nothing()


class _Nothing:
    """No scores: there is no task."""

    def add(self, outputs: Mapping[Key, np.ndarray], rows: slice) -> None:
        """Take no notice."""

    def scores(self) -> dict[str, Any]:
        """Return none."""
        return {}


class _Classification:
    """Counts of answers that are right, and of those that are the ANN's."""

    def __init__(self, question: Question) -> None:
        self._task = question.task
        self._targets = question.targets
        self._answers = 0
        self._right: collections.Counter[Key] = collections.Counter()
        self._same: collections.Counter[Key] = collections.Counter()
        self._keys: list[Key] = []
        self._answers_of_ann: set[object] = set()

    def add(self, outputs: Mapping[Key, np.ndarray], rows: slice) -> None:
        """Count."""
        answers = {key: _answers(values, self._task) for key, values in outputs.items()}
        self._keys = list(answers)
        counted = self._counted(answers, rows)
        answers = {key: found[counted] for key, found in answers.items()}
        self._answers += int(np.count_nonzero(counted))
        for key, found in answers.items():
            if self._targets is not None:
                self._right[key] += _equal(found, self._targets[rows][counted])
            if ANN in answers:
                self._same[key] += _equal(found, answers[ANN])
        if ANN in answers and len(self._answers_of_ann) < 2:
            self._answers_of_ann.update(np.unique(answers[ANN]).tolist())

    def _counted(self, answers: Mapping[Key, np.ndarray], rows: slice) -> np.ndarray:
        """Return where there is a right answer; everywhere if none is known."""
        if self._targets is None or self._targets.dtype.kind != "f":
            return np.ones(next(iter(answers.values())).shape, bool)
        is_unknown: np.ndarray = np.isnan(self._targets[rows])
        return ~is_unknown

    def scores(self) -> dict[str, Any]:
        """Return percentages, and warn where they say little."""
        self._warn_of_one_answer()
        steps = [key for key in self._keys if key != ANN]
        found: dict[str, Any] = {}
        if self._targets is not None:
            found["top1"] = {t: self._percent(self._right[t]) for t in steps}
        if ANN in self._keys:
            found["agreement"] = {t: self._percent(self._same[t]) for t in steps}
        if ANN in self._keys and self._targets is not None:
            found["ann_top1"] = self._percent(self._right[ANN])
        return found

    def _warn_of_one_answer(self) -> None:
        if len(self._answers_of_ann) == 1 and self._answers >= _MANY:
            _LOGGER.warning(
                "the ANN gives one and the same answer for all samples: agreement with it "
                "says little"
            )

    def _percent(self, count: int) -> float:
        return round(100 * count / max(self._answers, 1), 2)


def _answers(values: np.ndarray, task: Task) -> np.ndarray:
    """Return classes as numbers, or names as text; NaN, equal to nothing, where a score is NaN."""
    if task.border is not None:
        sides = values > task.border
        return np.where(np.isnan(values), np.nan, sides)
    if task.class_axis is not None:
        largest = values.argmax(task.class_axis)
        is_unknown = np.isnan(values).any(task.class_axis)
        return np.where(is_unknown, np.nan, largest)
    is_text = values.dtype.kind == "U"
    return values if is_text else values.astype(np.float64)


def _equal(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.count_nonzero(a == b))


class _Regression:
    """Sums of distances from targets."""

    def __init__(self, targets: np.ndarray) -> None:
        """Take targets [N, ...], one row a sample."""
        self._targets = targets.reshape(len(targets), -1)
        self._samples = 0
        self._squares: dict[Key, np.ndarray] = {}
        self._distances: dict[Key, float] = {}

    def add(self, outputs: Mapping[Key, np.ndarray], rows: slice) -> None:
        """Add up."""
        wanted = self._targets[rows]
        self._samples += len(wanted)
        for key, values in outputs.items():
            difference = values.astype(np.float64).reshape(wanted.shape) - wanted
            squares = (difference**2).sum(axis=0)
            self._squares[key] = self._squares.get(key, 0) + squares
            distance = float(np.abs(difference).sum())
            self._distances[key] = self._distances.get(key, 0) + distance

    def scores(self) -> dict[str, Any]:
        """Return coefficients of determination and mean distances."""
        r2 = {key: self._determination(key) for key in self._squares}
        errors = {key: self._mean_distance(key) for key in self._squares}
        found = {
            "ann_r2": r2.pop(ANN, None),
            "ann_mean_absolute_error": errors.pop(ANN, None),
        }
        return found | {"r2": r2, "mean_absolute_error": errors}

    def _determination(self, key: Key) -> float | None:
        """Return R2, the mean over the columns whose targets vary; None if none do."""
        targets = self._targets[: self._samples]
        spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
        varies = spread > 0
        if not varies.any():
            return None
        unexplained = self._squares[key][varies] / spread[varies]
        return _finite(1 - float(unexplained.mean()))

    def _mean_distance(self, key: Key) -> float | None:
        return _finite(self._distances[key] / self._targets[: self._samples].size)


def _finite(value: float) -> float | None:
    """Return a number, None for one that is not finite: outputs of the network are not either."""
    return value if np.isfinite(value) else None

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

Answers: TypeAlias = "Mapping[Key, np.ndarray]"
"""Arrays [N, ...] of the same samples, by who gave them."""

_LOGGER = logging.getLogger(__name__)

_MANY = 10
"""Number of answers from which on it is remarkable that all are the same."""


class Tally(Protocol):
    """Scores that grow."""

    def add(self, outputs: Answers, rows: slice) -> None:
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

    def add(self, outputs: Answers, rows: slice) -> None:
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

    def add(self, outputs: Answers, rows: slice) -> None:
        """Count."""
        self._keys = list(outputs)
        targets = None if self._targets is None else self._targets[rows]
        answers = {}
        for key, values in outputs.items():
            answers[key] = _answers(values, self._task)
        has_target = _where_known(targets)
        if targets is not None and has_target is not None:
            targets = targets[has_target]
            answers = {key: found[has_target] for key, found in answers.items()}
        self._count(answers, targets)

    def _count(self, answers: Answers, targets: np.ndarray | None) -> None:
        first = next(iter(answers.values()))
        self._answers += first.size
        answers_of_ann = answers.get(ANN)
        for key, found in answers.items():
            if targets is not None:
                self._right[key] += _count_equal(found, targets)
            if answers_of_ann is not None:
                self._same[key] += _count_equal(found, answers_of_ann)
        is_one_answer = len(self._answers_of_ann) < 2
        if answers_of_ann is not None and is_one_answer:
            different = np.unique(answers_of_ann)
            self._answers_of_ann.update(different.tolist())

    def scores(self) -> dict[str, Any]:
        """Return percentages, and warn where they say little."""
        self._warn_of_one_answer()
        has_targets = self._targets is not None
        has_ann = ANN in self._keys
        found: dict[str, Any] = {}
        if has_targets:
            found["top1"] = self._percentages(self._right)
        if has_ann:
            found["agreement"] = self._percentages(self._same)
        if has_ann and has_targets:
            right = self._right[ANN]
            found["ann_top1"] = self._percent(right)
        return found

    def _warn_of_one_answer(self) -> None:
        is_compared = len(self._keys) > 1
        is_one_answer = len(self._answers_of_ann) == 1
        if is_compared and is_one_answer and self._answers >= _MANY:
            _LOGGER.warning(
                "the ANN gives one and the same answer for all samples: agreement with it "
                "says little"
            )

    def _percentages(self, counts: Mapping[Key, int]) -> dict[Key, float]:
        """Return counts in percent after each number of time steps."""
        steps = [key for key in self._keys if key != ANN]
        return {t: self._percent(counts[t]) for t in steps}

    def _percent(self, count: int) -> float:
        total = max(self._answers, 1)
        return round(100 * count / total, 2)


def _where_known(targets: np.ndarray | None) -> np.ndarray | None:
    """Return where there is a right answer; None if everywhere, or if none is known."""
    if targets is None or targets.dtype.kind != "f":
        return None
    is_unknown: np.ndarray = np.isnan(targets)
    return ~is_unknown


def _answers(values: np.ndarray, task: Task) -> np.ndarray:
    """Return classes as numbers, or names as text; NaN, equal to nothing, where a score is NaN."""
    if task.border is not None:
        sides = values > task.border
        return np.where(np.isnan(values), np.nan, sides)
    if task.class_axis is not None:
        axis = task.class_axis
        largest = values.argmax(axis)
        is_unknown = np.isnan(values).any(axis)
        return np.where(is_unknown, np.nan, largest)
    is_text = values.dtype.kind == "U"
    return values if is_text else values.astype(np.float64)


def _count_equal(a: np.ndarray, b: np.ndarray) -> int:
    are_equal = a == b
    return int(np.count_nonzero(are_equal))


class _Regression:
    """Sums of distances from targets."""

    def __init__(self, targets: np.ndarray) -> None:
        """Take targets [N, ...], one row a sample."""
        self._targets = targets.reshape(len(targets), -1)
        self._samples = 0
        columns = self._targets.shape[1]
        self._squares = collections.defaultdict[Key, np.ndarray](
            lambda: np.zeros(columns)
        )
        self._distances = collections.defaultdict[Key, float](float)

    def add(self, outputs: Answers, rows: slice) -> None:
        """Add up."""
        wanted = self._targets[rows]
        self._samples += len(wanted)
        for key, values in outputs.items():
            predicted = values.astype(np.float64)
            difference = predicted.reshape(wanted.shape) - wanted
            squares = difference**2
            distances = np.abs(difference)
            self._squares[key] += squares.sum(axis=0)
            self._distances[key] += float(distances.sum())

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
        means = targets.mean(axis=0)
        squares = (targets - means) ** 2
        spread = squares.sum(axis=0)
        varies = spread > 0
        if not varies.any():
            return None
        residuals = self._squares[key]
        unexplained = residuals[varies] / spread[varies]
        determination = 1 - float(unexplained.mean())
        return _finite(determination)

    def _mean_distance(self, key: Key) -> float | None:
        targets = self._targets[: self._samples]
        mean = self._distances[key] / targets.size
        return _finite(mean)


def _finite(value: float) -> float | None:
    """Return a number, None for one that is not finite: outputs of the network are not either."""
    return value if np.isfinite(value) else None

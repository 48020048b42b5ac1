"""The comparison of a network with labels and with its ANN, batch by batch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.errors import CalibrationError
from onnx2snn.evaluation.difference import Difference
from onnx2snn.evaluation.questions import Candidate
from onnx2snn.evaluation.result import Evaluation
from onnx2snn.evaluation.sample_axes import CONSTANT, sample_axes
from onnx2snn.evaluation.subject import by_sample, draws_numbers
from onnx2snn.evaluation.tally import ANN, new_tally
from onnx2snn.evaluation.tasks import choose_question
from onnx2snn.evaluation.values import squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx2snn.data.batches import Batch, Dataset
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.evaluation.questions import Question, Request
    from onnx2snn.evaluation.result import Deviation
    from onnx2snn.evaluation.sample_axes import Axes
    from onnx2snn.evaluation.subject import Subject
    from onnx2snn.evaluation.tally import Answers, Key, Tally

    Outputs: TypeAlias = Mapping[Key, Mapping[str, np.ndarray | None]]
    """The outputs of a batch: after so many time steps, or of the ANN, by name."""

__all__ = ["Comparison"]

_LOGGER = logging.getLogger(__name__)


class Comparison:
    """Scores of a network and of its ANN, as far as samples have come.

    Args:
        subject: The two.
        request: What the user wants scored.
        labels: A row for each sample; None if there are none.
    """

    def __init__(
        self, subject: Subject, request: Request, labels: np.ndarray | None
    ) -> None:
        """Start without samples."""
        self._subject = subject
        self._request = request
        self._labels = labels
        self._axes: Axes = {}
        self._samples = 0
        self._question: Question | None = None
        self._tally: Tally | None = None
        self._shape: tuple[int, ...] | None = None
        self._differences: dict[str, dict[Key, Difference]] = {}

    def find_axes(self, data: Dataset, steps: Sequence[int]) -> None:
        """Find the axis of the samples in each output, by running some of them."""
        alone = self._subject.without_ann()

        def run_alone(feeds: Arrays) -> Mapping[str, np.ndarray | None]:
            (outputs,) = alone.run(feeds, steps[-1:]).values()
            return outputs

        self._axes = sample_axes(
            run_alone,
            data,
            by_sample(alone.main),
            draws_numbers=draws_numbers(alone.main),
        )

    def add(self, batch: Batch, steps: Sequence[int]) -> None:
        """Run a batch and score it.

        Raises:
            CalibrationError: The labels or the task do not fit the outputs.
        """
        outputs = self._subject.run(batch.feeds, steps)
        rows = slice(self._samples, self._samples + batch.valid)
        self._samples = rows.stop
        whole = _without_padding(outputs, self._axes, batch)
        self._add_differences(whole)
        if self._question is None:
            self._choose_question(whole, batch.valid)
        self._add_scores(whole, rows)

    def _add_differences(self, outputs: Outputs) -> None:
        wanted = outputs.get(ANN, {})
        for t, found in outputs.items():
            if t == ANN:
                continue
            for name in found.keys() & wanted.keys():
                ann, snn = wanted[name], found[name]
                if ann is not None and snn is not None:
                    by_steps = self._differences.setdefault(name, {})
                    by_steps.setdefault(t, Difference()).add(ann, snn)

    def _choose_question(self, outputs: Outputs, valid: int) -> None:
        operators = self._subject.operators()
        main = next(iter(outputs.values()))
        candidates = []
        for name, values in main.items():
            if values is None:
                continue
            rows = _samples_first(values, self._axes.get(name), valid)
            has_rows = rows is not None
            shown = values if rows is None else squeezed(rows)
            operator = operators.get(name, "")
            candidates.append(Candidate(name, shown, operator, has_rows))
        question = choose_question(self._request, candidates, self._labels)
        if question.task.output is None and ANN not in outputs:
            raise CalibrationError(question.task.reason)
        self._question = question
        self._tally = new_tally(question)
        named = [each for each in candidates if each.name == question.task.output]
        self._shape = named[0].shape if named else None

    def _add_scores(self, outputs: Outputs, rows: slice) -> None:
        assert self._question is not None
        assert self._tally is not None
        name = self._question.task.output
        if name is None:
            return
        scored = {}
        for key, found in outputs.items():
            axis, samples = self._axes.get(name), rows.stop - rows.start
            values = _samples_first(found.get(name), axis, samples)
            if values is not None:
                scored[key] = squeezed(values)
        _check_shapes(scored, name, self._shape)
        self._tally.add(scored, rows)

    def result(self) -> Evaluation:
        """Return the scores, and warn of what was not compared."""
        assert self._question is not None
        assert self._tally is not None
        deviations = self._deviations()
        _warn_of_gaps(deviations)
        return Evaluation(
            samples=self._samples,
            task=self._question.task,
            deviations=deviations,
            is_source=self._subject.is_source,
            **self._tally.scores(),
        )

    def _deviations(self) -> dict[str, dict[int, Deviation]]:
        """Return the differences of all outputs, in the order of the network."""
        found = {}
        for name in self._subject.main.outputs:
            by_steps = self._differences.get(name, {})
            if by_steps:
                found[name] = {t: each.summary() for t, each in by_steps.items()}
            elif self._subject.network is not None and self._subject.ann is not None:
                _LOGGER.warning(
                    "output %r is not compared: it is not an array in both networks",
                    name,
                )
        return found


def _without_padding(outputs: Outputs, axes: Axes, batch: Batch) -> Outputs:
    """Return the outputs for the samples that count."""
    cut: dict[Key, dict[str, np.ndarray | None]] = {}
    for key, found in outputs.items():
        cut[key] = {}
        for name, values in found.items():
            cut[key][name] = _leading(values, axes.get(name), batch)
    return cut


def _leading(
    values: np.ndarray | None, axis: int | None, batch: Batch
) -> np.ndarray | None:
    """Return the samples of a batch that count; everything where they cannot be told apart."""
    if values is None or axis is None or axis == CONSTANT:
        return values
    rows = batch.rows
    if batch.valid == rows or values.shape[axis] % rows:
        return values
    kept = batch.valid * (values.shape[axis] // rows)
    return values.take(range(kept), axis)


def _samples_first(
    values: np.ndarray | None, axis: int | None, samples: int
) -> np.ndarray | None:
    """Return an output with the samples along its first axis, None if it has no such axis.

    Where each sample has several rows, one after another, these become an axis of their own.
    """
    if values is None or axis is None or axis == CONSTANT:
        return None
    rows = np.moveaxis(values, axis, 0)
    if not len(rows) or len(rows) % samples:
        return None
    if len(rows) == samples:
        return rows
    return rows.reshape(samples, -1, *rows.shape[1:])


def _check_shapes(scored: Answers, name: str, wanted: tuple[int, ...] | None) -> None:
    """Refuse outputs whose samples differ in their shape."""
    shapes = {values.shape[1:] for values in scored.values()}
    if shapes == {wanted}:
        return
    words = " and ".join(str(list(shape)) for shape in sorted(shapes | {wanted or ()}))
    message = (
        f"output {name!r} cannot be scored: what belongs to a sample has the shapes {words}; "
        "--task none gives its difference from the ANN"
    )
    raise CalibrationError(message)


def _warn_of_gaps(deviations: Mapping[str, Mapping[int, Deviation]]) -> None:
    """Warn of entries that no measure covers."""
    for name, by_steps in deviations.items():
        for t, each in by_steps.items():
            if each.not_compared:
                _LOGGER.warning(
                    "output %r at T = %d: %s of %s entries are not compared, for their shape "
                    "is another, or they are finite in one network only",
                    name,
                    t,
                    f"{each.not_compared:,}",
                    f"{each.compared + each.not_compared:,}",
                )

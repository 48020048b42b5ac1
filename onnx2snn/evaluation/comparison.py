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
    from onnx2snn.evaluation.sample_axes import Axes, Axis, Found, Output
    from onnx2snn.evaluation.subject import Subject
    from onnx2snn.evaluation.tally import Answers, Key, Tally

    Outputs: TypeAlias = Mapping[Key, Found]
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
        self._time_steps: dict[int, None] = {}
        self._steps_taken: dict[int, int] = {}
        self._question: Question | None = None
        self._tally: Tally | None = None
        self._shape: tuple[int, ...] | None = None
        self._differences: dict[str, dict[Key, Difference]] = {}

    def find_axes(self, data: Dataset, steps: Sequence[int]) -> None:
        """Find the axis of the samples in each output, by running some of them."""
        alone = self._subject.without_ann()
        network = alone.main
        most_steps = steps[-1:]

        def run_alone(feeds: Arrays) -> Found:
            (outputs,) = alone.run(feeds, most_steps).values()
            return outputs

        declared = by_sample(network)
        is_random = draws_numbers(network)
        self._axes = sample_axes(run_alone, data, declared, draws_numbers=is_random)

    def add(
        self, batch: Batch, outputs: Mapping[Key, dict[str, np.ndarray | None]]
    ) -> None:
        """Score a batch.

        Args:
            batch: The batch.
            outputs: What the subject gives for it.

        Raises:
            CalibrationError: The labels or the task do not fit the outputs.
        """
        self._take_steps(outputs, batch.valid)
        self._time_steps |= dict.fromkeys(t for t in outputs if t != ANN)
        start = self._samples
        self._samples += batch.valid
        rows = slice(start, self._samples)
        whole = _without_padding(outputs, self._axes, batch)
        self._add_differences(whole)
        if self._question is None:
            self._choose_question(whole, batch.valid)
        self._add_scores(whole, rows)

    def _take_steps(self, outputs: Mapping[Key, dict[str, Output]], valid: int) -> None:
        """Take the output with the steps of each sample, where there is one, from the others."""
        for t, found in outputs.items():
            steps = found.pop(str(self._subject.steps_output), None)
            if steps is not None and t != ANN:
                taken = int(steps[:valid].sum())
                self._steps_taken[int(t)] = self._steps_taken.get(int(t), 0) + taken

    def _add_differences(self, outputs: Outputs) -> None:
        wanted = outputs.get(ANN, {})
        for t, found in outputs.items():
            if t == ANN:
                continue
            for name in found.keys() & wanted.keys():
                ann = wanted[name]
                snn = found[name]
                if ann is None or snn is None:
                    continue
                by_steps = self._differences.setdefault(name, {})
                difference = by_steps.setdefault(t, Difference())
                difference.add(ann, snn)

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
        axis = self._axes.get(name)
        samples = rows.stop - rows.start
        scored = {}
        for key, found in outputs.items():
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
            latency_steps=self._subject.latency_steps(self._time_steps),
            mean_steps={t: n / self._samples for t, n in self._steps_taken.items()},
            weight_passes=self._subject.weight_passes(self._time_steps),
            **self._tally.scores(),
        )

    def _deviations(self) -> dict[str, dict[int, Deviation]]:
        """Return the differences of all outputs, in the order of the network."""
        subject = self._subject
        are_both_there = subject.network is not None and subject.ann is not None
        found = {}
        for name in subject.main.outputs:
            by_steps = self._differences.get(name, {})
            if by_steps:
                found[name] = {t: each.summary() for t, each in by_steps.items()}
            elif are_both_there and name != subject.steps_output:
                _LOGGER.warning(
                    "output %r is not compared: it is not an array in both networks",
                    name,
                )
        return found


def _without_padding(outputs: Outputs, axes: Axes, batch: Batch) -> Outputs:
    """Return the outputs for the samples that count."""
    cut = {}
    for key, found in outputs.items():
        leading = {}
        for name, values in found.items():
            axis = axes.get(name)
            leading[name] = _leading(values, axis, batch)
        cut[key] = leading
    return cut


def _leading(values: Output, axis: Axis, batch: Batch) -> Output:
    """Return the samples of a batch that count; everything where they cannot be told apart."""
    if values is None or axis is None or axis == CONSTANT:
        return values
    rows = batch.rows
    length = values.shape[axis]
    if batch.valid == rows or length % rows:
        return values
    rows_a_sample = length // rows
    kept = batch.valid * rows_a_sample
    return values.take(range(kept), axis)


def _samples_first(values: Output, axis: Axis, samples: int) -> Output:
    """Return an output with the samples along its first axis, None if it has no such axis.

    Where each sample has several rows, one after another, these become an axis of their own.
    """
    if values is None or axis is None or axis == CONSTANT:
        return None
    rows = np.moveaxis(values, axis, 0)
    length, *others = rows.shape
    if not length or length % samples:
        return None
    if length == samples:
        return rows
    return rows.reshape(samples, -1, *others)


def _check_shapes(scored: Answers, name: str, wanted: tuple[int, ...] | None) -> None:
    """Refuse outputs whose samples differ in their shape."""
    shapes = {values.shape[1:] for values in scored.values()}
    if shapes == {wanted}:
        return
    all_shapes = sorted(shapes | {wanted or ()})
    words = " and ".join(str(list(shape)) for shape in all_shapes)
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

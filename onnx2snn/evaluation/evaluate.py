"""Scoring a network against labels, and against its ANN."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_keywords
from onnx2snn.data.batches import refuse_problems
from onnx2snn.data.dataset import check_batch_size, check_source, dataset
from onnx2snn.data.labels import read_labels
from onnx2snn.errors import CalibrationError
from onnx2snn.evaluation.comparison import Comparison
from onnx2snn.evaluation.early_exit import exiting_early
from onnx2snn.evaluation.questions import Request
from onnx2snn.evaluation.rows import rows_at_a_time
from onnx2snn.evaluation.spread import Sent, run_spread
from onnx2snn.evaluation.subject import Subject
from onnx2snn.progress import shown_in_notebook, track
from onnx2snn.runtime import Execution
from onnx2snn.schedules import several_time_steps
from onnx2snn.spreading.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from onnx2snn.data.batches import Batch
    from onnx2snn.data.dataset import Dataset
    from onnx2snn.data.input_specs import Specs
    from onnx2snn.evaluation.ann import Ann
    from onnx2snn.evaluation.result import Evaluation
    from onnx2snn.evaluation.spread import Found
    from onnx2snn.importing.source import AnyModel
    from onnx2snn.runtime import AnyNetwork

__all__ = ["evaluate"]


@checked_keywords(time_steps="T")
@shown_in_notebook()
def evaluate(  # noqa: PLR0913 (each is an option of its own)
    snn: AnyNetwork,
    data: object,
    *,
    ann: AnyModel | Ann | None = None,
    T: int | Iterable[int] | None = None,  # noqa: N803 (the usual name)
    task: str = "auto",
    output: str | None = None,
    labels: object = None,
    runtime: str = "auto",
    threads: int = 0,
    device: str | None = None,
    batch_size: int | None = None,
    early_exit: object = None,
    workers: int | str = 1,
) -> Evaluation:
    """Score a spiking network after several numbers of steps, and compare it with its ANN.

    Args:
        snn: A converted network in any form that ``load`` takes; or an ANN.
        data: Inputs, [N, ...] or events [N, T, ...], and labels ``y`` or ``labels``.
        ann: The network it was made from; or that, opened.
        T: Numbers of time steps, >= 1, or one; None for the network's own, or its events'.
        task: ``auto``, ``classification``, ``regression`` or ``none``.
        output: Name of the output to score; None for the first that fits.
        labels: Name of the labels in ``data``, or the labels themselves, a row a sample.
        runtime: As in ``load``; the ANN runs in onnxruntime.
        threads: Threads within an operator; 0 for one a core.
        device: A device of PyTorch's, for the runtime ``torch``.
        batch_size: Samples at a time; None for 64, or fewer if the first is large.
        early_exit: Typical inputs, by which a sample stops once its answer is safe; None for all T.
        workers: Processes that run batches at once, or the address of a cluster.

    Raises:
        InvalidModelError: A model cannot be read.
        CalibrationError: Data, labels or task do not fit, or there is neither label nor ANN.
        OptionError: An option is out of range, or does not fit an ANN.
    """
    work = _Work(data, labels, Request(task, output), batch_size, _in_order(T), workers)
    return work.score(snn, ann, Execution(runtime, threads, device), early_exit)


def _in_order(time_steps: int | Iterable[int] | None) -> tuple[int, ...]:
    """Return numbers of time steps from the smallest on; none for None."""
    return () if time_steps is None else tuple(sorted(several_time_steps(time_steps)))


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """One call of ``evaluate``: data, and what is wanted of it."""

    data: object
    labels: object
    request: Request
    batch_size: int | None
    steps: tuple[int, ...]
    workers: int | str

    def __post_init__(self) -> None:
        """Refuse, before long work, what there is not."""
        Workers.of(self.workers)
        self.request.check_task()
        check_batch_size(self.batch_size)
        check_source(self.data)

    def score(
        self,
        snn: AnyNetwork,
        ann: AnyModel | Ann | None,
        execution: Execution,
        early_exit: object,
    ) -> Evaluation:
        """Run all samples, batch by batch, and score them."""
        given = snn if early_exit is None else exiting_early(snn, early_exit)
        subject = Subject.open(given, ann, execution)
        sent = None
        others = Workers.of(self.workers)
        if others.are_others:
            sent = Sent.of(subject, given, ann, execution)
        steps = self.steps
        self.request.check_output(subject.main.outputs)
        subject.check_steps(steps)
        samples, labels = self._read_data(subject.specs)
        _check_comparable(subject, labels)
        comparison = Comparison(subject, self.request, labels)
        comparison.find_axes(samples, steps)
        longest = max(steps, default=None)
        rows = self.batch_size or rows_at_a_time(samples, subject.main, longest)
        total = samples.count_batches(rows)
        batches = samples.batches(rows)
        pairs: Iterable[tuple[Batch, Found]]
        if sent is None:
            pairs = ((batch, subject.run(batch.feeds, steps)) for batch in batches)
        else:
            pairs = run_spread(sent, batches, steps, others)
        for batch, outputs in track(pairs, "evaluate", total):
            comparison.add(batch, outputs)
        return comparison.result()

    def _read_data(self, specs: Specs) -> tuple[Dataset, np.ndarray | None]:
        """Return the data and the labels, which are in it or given apart."""
        key = self.labels if isinstance(self.labels, str) else None
        samples = dataset(self.data, specs, key)
        if self.labels is None:
            return samples, samples.labels
        if key is None:
            return samples, _labels_apart(self.labels, samples)
        if samples.labels is None:
            message = f"the data has no labels {key!r}"
            raise CalibrationError(message)
        return samples, samples.labels


def _labels_apart(labels: object, samples: Dataset) -> np.ndarray:
    """Return labels that do not come with the data; refuse another number of them."""
    name = "the labels"
    rows = read_labels(labels, samples.samples, name)
    if len(rows) != samples.samples:
        refuse_problems(name, [f"{len(rows)} labels for {samples.samples} samples"])
    return rows


def _check_comparable(subject: Subject, labels: np.ndarray | None) -> None:
    if labels is None and (subject.network is None or subject.ann is None):
        message = (
            "nothing to compare with: the data has no labels 'y' or 'labels', and no ANN "
            "was given"
        )
        raise CalibrationError(message)

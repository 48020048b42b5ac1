"""The result of an evaluation, as plain data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Deviation", "Evaluation", "Task"]

VERSION = 1
"""Version of the data, see ``docs/reference/schemas/evaluation-1.json``."""


@dataclasses.dataclass(frozen=True)
class Task:
    """The question that a network is scored on.

    Attributes:
        name: ``classification``, ``regression`` or ``none``.
        reason: Why this one was chosen.
        output: Name of the output that answers it; None without a task.
        border: Value above which a score of one column means the second of two classes; None
            where the class is the largest score, or the output itself.
        class_axis: Axis of the scores of a sample's classes, once axes of length 1 are left
            out; None where no largest score is looked for.
    """

    name: str
    reason: str
    output: str | None = None
    border: float | None = None
    class_axis: int | None = None

    def __str__(self) -> str:
        """Return the task in words, as in ``regression by output 'y': ...``."""
        words = self.name
        if self.output is not None:
            words += f" by output {self.output!r}"
        if self.border is not None:
            words += f", border {self.border:g}"
        return f"{words}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Deviation:
    """Difference between an output and the ANN's, over all samples.

    Attributes:
        cosine: Cosine similarity of all values, -1 to 1; None if one of the two outputs is zero
            everywhere, or does not hold real numbers.
        relative_error: Norm of the difference by that of the ANN's output; None if only that is
            zero everywhere, or the values are no real numbers.
        largest_difference: Of two entries, in the unit of the output; None of text and truth
            values.
        equal: Percentage of equal entries among those compared; None of real numbers.
        compared: Number of entries compared.
        not_compared: Number of entries that are not, as shapes differ, or as a value is finite in
            one network only.
    """

    cosine: float | None
    relative_error: float | None
    largest_difference: float | None
    equal: float | None
    compared: int
    not_compared: int


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores of a spiking network, and of its ANN.

    What was not compared is empty, or None.

    Attributes:
        samples: Number of samples.
        task: The question, and why it was chosen.
        top1: Number of time steps to accuracy in percent: share of right answers, of pixels
            where the labels are maps.
        agreement: Number of time steps to the percentage of answers that are the ANN's.
        ann_top1: Accuracy of the ANN in percent.
        r2: Number of time steps to the coefficient of determination, the mean over the columns
            of the targets; None where the targets do not vary.
        mean_absolute_error: Number of time steps to the mean distance from the targets, in their
            unit.
        ann_r2: The same of the ANN.
        ann_mean_absolute_error: The same of the ANN.
        deviations: Name of each output to number of time steps to its difference from the ANN's.
        latency_steps: Number of time steps to the number of steps until the answer is there.
        mean_steps: Number of time steps to the mean number of steps that the samples took, where
            they may stop early.
        weight_passes: Number of time steps to the number of times that weights multiply for it.
        is_source: Whether the ANN is the very file that the network was made from; None where
            that is not known.
    """

    samples: int
    task: Task
    top1: dict[int, float] = dataclasses.field(default_factory=dict)
    agreement: dict[int, float] = dataclasses.field(default_factory=dict)
    ann_top1: float | None = None
    r2: dict[int, float | None] = dataclasses.field(default_factory=dict)
    mean_absolute_error: dict[int, float] = dataclasses.field(default_factory=dict)
    ann_r2: float | None = None
    ann_mean_absolute_error: float | None = None
    deviations: dict[str, dict[int, Deviation]] = dataclasses.field(
        default_factory=dict
    )
    is_source: bool | None = None
    latency_steps: dict[int, int] = dataclasses.field(default_factory=dict)
    mean_steps: dict[int, float] = dataclasses.field(default_factory=dict)
    weight_passes: dict[int, int] = dataclasses.field(default_factory=dict)

    @property
    def deviations_of_answer(self) -> Mapping[int, Deviation]:
        """Number of time steps to the difference of the output that is scored; else empty."""
        return self.deviations.get(self.task.output or "", {})

    def error_of_answer(self, time_steps: int) -> float | None:
        """Return the relative error of the output that is scored, else the largest of all.

        Args:
            time_steps: A number of steps that was asked for.
        """
        chosen = self.deviations.get(self.task.output or "")
        compared = [chosen] if chosen else list(self.deviations.values())
        errors = [each[time_steps].relative_error for each in compared]
        return max((error for error in errors if error is not None), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data; the numbers of time steps are strings, as JSON has them."""
        outputs = {}
        for name, by_steps in self.deviations.items():
            records = {t: dataclasses.asdict(each) for t, each in by_steps.items()}
            outputs[name] = _with_text_keys(records)
        return {
            "version": VERSION,
            "samples": self.samples,
            "task": dataclasses.asdict(self.task),
            "latency_steps": _with_text_keys(self.latency_steps),
            "mean_steps": _with_text_keys(self.mean_steps),
            "weight_passes": _with_text_keys(self.weight_passes),
            "top1": _with_text_keys(self.top1),
            "agreement": _with_text_keys(self.agreement),
            "ann_top1": self.ann_top1,
            "r2": _with_text_keys(self.r2),
            "mean_absolute_error": _with_text_keys(self.mean_absolute_error),
            "ann_r2": self.ann_r2,
            "ann_mean_absolute_error": self.ann_mean_absolute_error,
            "outputs": outputs,
            "is_source": self.is_source,
        }


def _with_text_keys(by_steps: Mapping[int, Any]) -> dict[str, Any]:
    return {str(t): value for t, value in by_steps.items()}

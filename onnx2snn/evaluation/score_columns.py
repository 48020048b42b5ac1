"""Scores in columns, as text: the same in every command and on the page of a diagnosis."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from onnx2snn.evaluation.result import Deviation, Evaluation

__all__ = ["ScoreColumn", "deviation_columns", "known_measures", "score_rows"]


@dataclasses.dataclass(frozen=True)
class ScoreColumn:
    """A score.

    Attributes:
        heading: Its name.
        form: Format of a number.
        by_steps: Number of time steps to the score; None where it has no value.
        ann: That of the ANN.
    """

    heading: str
    form: str
    by_steps: Mapping[int, float | None]
    ann: float | None = None

    def cell(self, time_steps: int) -> str:
        """Return the score after T steps, as text."""
        return _as_text(self.by_steps[time_steps], self.form)

    @property
    def ann_cell(self) -> str:
        """The score of the ANN, as text; empty if it has none."""
        return "" if self.ann is None else _as_text(self.ann, self.form)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to show."""
        return self.ann is not None or bool(self.by_steps)


def score_rows(
    result: Evaluation, deviations: Mapping[int, Deviation]
) -> tuple[list[str], list[list[str]]]:
    """Return headings, and rows of text: one for each T, and one for the ANN.

    Args:
        result: The scores.
        deviations: Number of time steps to the difference of the output that is scored.
    """
    errors, ann_error = result.mean_absolute_error, result.ann_mean_absolute_error
    scores = (
        ScoreColumn("latency", "d", result.latency_steps),
        ScoreColumn("passes", "d", result.weight_passes),
        ScoreColumn("mean steps", ".2f", result.mean_steps),
        ScoreColumn("top-1 %", ".2f", result.top1, result.ann_top1),
        ScoreColumn("agreement %", ".2f", result.agreement),
        ScoreColumn("R2", ".4f", result.r2, result.ann_r2),
        ScoreColumn("mean error", ".4g", errors, ann_error),
    )
    columns = [column for column in scores if column.is_known]
    if deviations:
        columns += deviation_columns(deviations, known_measures([deviations]))
    headings = ["T", *(column.heading for column in columns)]
    steps = columns[0].by_steps
    rows = []
    for t in steps:
        cells = [column.cell(t) for column in columns]
        rows.append([str(t), *cells])
    if any(column.ann is not None for column in columns):
        rows.append(["ANN", *(column.ann_cell for column in columns)])
    return headings, rows


_MEASURES = {
    "cosine": (".4f", "cosine"),
    "relative error": (".4f", "relative_error"),
    "equal %": (".2f", "equal"),
}
"""Heading of each measure of a difference, its format, and the field of ``Deviation``."""

_OF_REAL_NUMBERS = ("cosine", "relative error")


def known_measures(outputs: Iterable[Mapping[int, Deviation]]) -> list[str]:
    """Return the headings of the measures that some output has; those of numbers if none has."""
    deviations = [each for by_steps in outputs for each in by_steps.values()]
    known = []
    for heading, (_, field) in _MEASURES.items():
        if any(getattr(each, field) is not None for each in deviations):
            known.append(heading)
    return known or list(_OF_REAL_NUMBERS)


def deviation_columns(
    by_steps: Mapping[int, Deviation], headings: Iterable[str]
) -> list[ScoreColumn]:
    """Return measures of the difference of one output."""
    columns = []
    for heading in headings:
        form, field = _MEASURES[heading]
        values = {t: getattr(each, field) for t, each in by_steps.items()}
        columns.append(ScoreColumn(heading, form, values))
    return columns


def _as_text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

"""``onnx2snn evaluate``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_runtime
from onnx2snn.cli.console import new_table, print_json, progress_bars, results_console
from onnx2snn.cli.streams import given_data, given_model
from onnx2snn.cli.values import parse_several_time_steps
from onnx2snn.evaluation.questions import TASKS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from rich.table import Table

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.evaluation.result import Deviation

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _score_network,
        "evaluate MODEL --data DATA [options]",
        "score a network after T steps, and compare it with its ANN",
    )
    command.add_argument(
        "model", metavar="MODEL", help="the spiking network, or an ANN to score alone"
    )
    command.add_argument(
        "--data",
        required=True,
        help="inputs, and labels y or labels: an .npz, or script.py[:function]; "
        "- for standard input",
    )
    command.add_argument("--ann", metavar="FILE", help="the ANN, to compare with")
    command.add_argument(
        "--T", help="numbers of time steps, as in 1,2,4-8 (default: the network's)"
    )
    _add_task(command)
    command.add_argument(
        "--early-exit",
        metavar="DATA",
        help="stop each sample once its answer is safe, as far as these typical inputs, without "
        "labels, tell",
    )
    add_runtime(command)


def _add_task(command: argparse.ArgumentParser) -> None:
    """Add what is to be scored."""
    command.add_argument(
        "--task",
        choices=TASKS,
        default="auto",
        help="what the labels ask for (default auto: told from them and the outputs)",
    )
    command.add_argument(
        "--output",
        metavar="NAME",
        help="output to score (default: the first that fits)",
    )
    command.add_argument(
        "--labels", metavar="NAME", help="array of the labels (default y or labels)"
    )


def _score_network(options: argparse.Namespace) -> int:
    steps = None
    if options.T is not None:
        steps = parse_several_time_steps(options.T)
    with (
        given_data(options.data, options.model, options.ann) as data,
        progress_bars(quiet=options.quiet),
    ):
        result = onnx2snn.evaluate(
            given_model(options.model),
            data,
            ann=options.ann,
            T=steps,
            task=options.task,
            output=options.output,
            labels=options.labels,
            runtime=options.runtime,
            threads=options.threads,
            device=options.device,
            batch_size=options.batch_size,
            early_exit=options.early_exit,
        )
    if options.json:
        print_json(result.as_dict())
    else:
        _print_result(result)
    return 0


def _print_result(result: onnx2snn.Evaluation) -> None:
    console = results_console()
    console.print(f"task: {result.task!s}")
    deviations = dict(result.deviations)
    if result.task.output is not None:
        own = deviations.pop(result.task.output, {})
        console.print(_scores_table(result, own))
    if deviations:
        console.print(_deviations_table(deviations))
    console.print(f"{result.samples} samples")


@dataclasses.dataclass(frozen=True)
class _Column:
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


def _scores_table(
    result: onnx2snn.Evaluation, deviations: Mapping[int, Deviation]
) -> Table:
    """Return the scores of one output: a row for each T, and one for the ANN."""
    errors, ann_error = result.mean_absolute_error, result.ann_mean_absolute_error
    scores = (
        _Column("latency", "d", result.latency_steps),
        _Column("passes", "d", result.weight_passes),
        _Column("mean steps", ".2f", result.mean_steps),
        _Column("top-1 %", ".2f", result.top1, result.ann_top1),
        _Column("agreement %", ".2f", result.agreement),
        _Column("R2", ".4f", result.r2, result.ann_r2),
        _Column("mean error", ".4g", errors, ann_error),
    )
    columns = [column for column in scores if column.is_known]
    if deviations:
        columns += _deviation_columns(deviations, _known_measures([deviations]))
    table = new_table("T", *[column.heading for column in columns])
    for t in columns[0].by_steps:
        table.add_row(str(t), *[column.cell(t) for column in columns])
    if any(column.ann is not None for column in columns):
        table.add_row("ANN", *[column.ann_cell for column in columns])
    return table


def _deviations_table(deviations: Mapping[str, Mapping[int, Deviation]]) -> Table:
    """Return the differences of outputs from the ANN's: a row for each output and T."""
    headings = _known_measures(deviations.values())
    table = new_table("output", "T", *headings)
    for name, by_steps in deviations.items():
        columns = _deviation_columns(by_steps, headings)
        for t in by_steps:
            cells = [column.cell(t) for column in columns]
            table.add_row(name, str(t), *cells)
    return table


_MEASURES = {
    "cosine": (".4f", "cosine"),
    "relative error": (".4f", "relative_error"),
    "equal %": (".2f", "equal"),
}
"""Heading of each measure of a difference, its format, and the field of ``Deviation``."""

_OF_REAL_NUMBERS = ("cosine", "relative error")


def _known_measures(outputs: Iterable[Mapping[int, Deviation]]) -> list[str]:
    """Return the headings of the measures that some output has; those of numbers if none has."""
    deviations = [each for by_steps in outputs for each in by_steps.values()]
    known = []
    for heading, (_, field) in _MEASURES.items():
        if any(getattr(each, field) is not None for each in deviations):
            known.append(heading)
    return known or list(_OF_REAL_NUMBERS)


def _deviation_columns(
    by_steps: Mapping[int, Deviation], headings: Iterable[str]
) -> list[_Column]:
    """Return measures of the difference of one output."""
    columns = []
    for heading in headings:
        form, field = _MEASURES[heading]
        values = {t: getattr(each, field) for t, each in by_steps.items()}
        columns.append(_Column(heading, form, values))
    return columns


def _as_text(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

"""``onnx2snn evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_runtime
from onnx2snn.cli.console import new_table, print_json, progress_bars, results_console
from onnx2snn.cli.streams import given_data, given_model
from onnx2snn.cli.values import parse_several_time_steps
from onnx2snn.cli.workers import add_workers, chosen_workers
from onnx2snn.evaluation.questions import TASKS
from onnx2snn.evaluation.score_columns import (
    deviation_columns,
    known_measures,
    score_rows,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

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
    add_workers(command, "run batches")


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
            workers=chosen_workers(options),
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


def _scores_table(
    result: onnx2snn.Evaluation, deviations: Mapping[int, Deviation]
) -> Table:
    """Return the scores of one output: a row for each T, and one for the ANN."""
    headings, rows = score_rows(result, deviations)
    table = new_table(*headings)
    for row in rows:
        table.add_row(*row)
    return table


def _deviations_table(deviations: Mapping[str, Mapping[int, Deviation]]) -> Table:
    """Return the differences of outputs from the ANN's: a row for each output and T."""
    headings = known_measures(deviations.values())
    table = new_table("output", "T", *headings)
    for name, by_steps in deviations.items():
        columns = deviation_columns(by_steps, headings)
        for t in by_steps:
            cells = [column.cell(t) for column in columns]
            table.add_row(name, str(t), *cells)
    return table

"""``onnx2snn evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_runtime
from onnx2snn.cli.console import new_table, print_json, progress_bars, results_console
from onnx2snn.cli.values import parse_several_time_steps

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _score_network,
        "evaluate MODEL --data DATA [options]",
        "score a network after T steps",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    command.add_argument(
        "--data",
        required=True,
        help="inputs and labels y: an .npz, or script.py[:function]",
    )
    command.add_argument("--ann", metavar="FILE", help="the ANN, to compare with")
    command.add_argument(
        "--T", help="numbers of time steps, as in 1,2,4-8 (default: the network's)"
    )
    add_runtime(command)


def _score_network(options: argparse.Namespace) -> int:
    steps = None
    if options.T is not None:
        steps = parse_several_time_steps(options.T)
    with progress_bars(quiet=options.quiet):
        result = onnx2snn.evaluate(
            options.model,
            options.data,
            ann=options.ann,
            T=steps,
            runtime=options.runtime,
            threads=options.threads,
            batch_size=options.batch_size,
        )
    if options.json:
        print_json(result.as_dict())
    else:
        _print_scores(result)
    return 0


def _print_scores(result: onnx2snn.Evaluation) -> None:
    columns = {"top-1 %": result.top1, "agrees with the ANN %": result.agreement}
    shown = {heading: column for heading, column in columns.items() if column}
    scores = new_table("T", *shown)
    for time_steps in result.top1 or result.agreement:
        percents = [f"{column[time_steps]:.2f}" for column in shown.values()]
        scores.add_row(str(time_steps), *percents)
    if result.ann_top1 is not None:
        scores.add_row("ANN", f"{result.ann_top1:.2f}")
    console = results_console()
    console.print(scores)
    console.print(f"{result.samples} samples", highlight=False)

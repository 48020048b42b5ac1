"""``onnx2snn evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_runtime, whole
from onnx2snn.cli.console import bars, print_json, results, table

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _evaluate,
        "evaluate MODEL --data DATA [options]",
        "score a network after T steps",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    command.add_argument(
        "--data", required=True, help="inputs and labels y: .npz or script.py"
    )
    command.add_argument("--ann", metavar="FILE", help="the ANN, to compare with")
    command.add_argument(
        "--T", help="numbers of time steps, as in 1,2,4,8 (default: the network's)"
    )
    add_runtime(command)


def _evaluate(options: argparse.Namespace) -> int:
    steps = (
        None if options.T is None else [whole(text) for text in options.T.split(",")]
    )
    with bars(quiet=options.quiet):
        result = onnx2snn.evaluate(
            options.model,
            options.data,
            ann=options.ann,
            time_steps=steps,
            runtime=options.runtime,
            threads=options.threads,
            batch_size=options.batch_size,
        )
    if options.json:
        print_json(result.as_dict())
    else:
        _print(result)
    return 0


def _print(result: onnx2snn.Evaluation) -> None:
    columns = {"top-1 %": result.top1, "agrees with the ANN %": result.agreement}
    shown = {heading: scores for heading, scores in columns.items() if scores}
    scores = table("T", *shown)
    for t in result.top1 or result.agreement:
        scores.add_row(str(t), *(f"{column[t]:.2f}" for column in shown.values()))
    if result.ann_top1 is not None:
        scores.add_row("ANN", f"{result.ann_top1:.2f}")
    console = results()
    console.print(scores)
    console.print(f"{result.samples} samples", highlight=False)

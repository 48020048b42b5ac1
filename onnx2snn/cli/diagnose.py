"""``onnx2snn diagnose``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import (
    new_table,
    print_json,
    print_written,
    progress_bars,
    results_console,
)
from onnx2snn.cli.streams import given_data, given_model
from onnx2snn.cli.values import parse_time_steps
from onnx2snn.diagnosis.layer_errors import PARTS
from onnx2snn.evaluation.score_columns import score_rows
from onnx2snn.reporting.report_file import check_report_path
from onnx2snn.runtime import RUNTIMES
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.table import Table

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.diagnosis.result import Trial

__all__ = ["add"]

_SHOWN = 8
"""Layers in the table."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _diagnose_network,
        "diagnose MODEL --ann FILE --data DATA [options]",
        "tell where a network loses accuracy, layer by layer, and why",
    )
    command.add_argument(
        "model", metavar="MODEL", help="the spiking network, with a Loop over time"
    )
    command.add_argument(
        "--ann", metavar="FILE", required=True, help="the ANN that it was made from"
    )
    command.add_argument(
        "--data",
        required=True,
        help="inputs, better with labels y or labels: an .npz, or script.py[:function]",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write all of it as .json, or as .html to look at",
    )
    _add_choices(command)


def _add_choices(command: argparse.ArgumentParser) -> None:
    """Add what can be left out."""
    command.add_argument("--T", help="number of time steps (default: the network's)")
    command.add_argument(
        "--labels", metavar="NAME", help="array of the labels (default y or labels)"
    )
    command.add_argument(
        "--samples",
        type=int,
        default=128,
        metavar="N",
        help="most samples to look at (default 128)",
    )
    command.add_argument(
        "--try",
        action="store_true",
        dest="try_options",
        help="convert anew with the options of the first findings, and score that",
    )
    command.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="auto",
        help="runtime of the network (default auto: native if it is built, else ort)",
    )


def _diagnose_network(options: argparse.Namespace) -> int:
    if options.output is not None:
        check_writable(options.output, options.model, options.ann, options.data)
        check_report_path(options.output)
    steps = None if options.T is None else parse_time_steps(options.T)
    with (
        given_data(options.data, options.model, options.ann) as data,
        progress_bars(quiet=options.quiet),
    ):
        found = onnx2snn.diagnose(
            given_model(options.model),
            options.ann,
            data,
            T=steps,
            labels=options.labels,
            samples=options.samples,
            runtime=options.runtime,
            try_options=options.try_options,
        )
    if options.output is not None:
        found.save_report(options.output)
    if options.json:
        print_json(found.as_dict())
    else:
        _print_diagnosis(found)
        if options.output is not None and not options.quiet:
            print_written(options.output, "the diagnosis")
    return 0


def _print_diagnosis(found: onnx2snn.Diagnosis) -> None:
    console = results_console()
    console.print(f"{found.samples} samples")
    console.print(_scores_table(found))
    if not found.findings:
        console.print("none of the usual mistakes was found")
    for number, finding in enumerate(found.findings, 1):
        words = f"{number}. {finding.cause}: {finding.text}"
        console.print(words)
        console.print(f"   {finding.advice}")
    console.print(_layers_table(found.layers))
    if found.tried:
        console.print(_trials_table(found.tried))


def _scores_table(found: onnx2snn.Diagnosis) -> Table:
    """Return the scores at each T and of the ANN, as ``evaluate`` prints them."""
    headings, rows = score_rows(found.scores, found.scores.deviations_of_answer)
    table = new_table(*headings)
    for row in rows:
        table.add_row(*row)
    return table


def _layers_table(layers: Sequence[LayerError]) -> Table:
    """Return the layers with the largest errors, the worst first."""
    worst = sorted(layers, key=lambda layer: -layer.error)[:_SHOWN]
    table = new_table("layer", "error %", *PARTS, "spikes a step", "silent %")
    for layer in worst:
        parts = [f"{100 * layer.parts[part]:.1f}" for part in PARTS]
        table.add_row(
            layer.name,
            f"{100 * layer.error:.1f}",
            *parts,
            f"{layer.rate:.3f}",
            f"{100 * layer.silent:.1f}",
        )
    return table


def _trials_table(tried: Sequence[Trial]) -> Table:
    table = new_table("tried for", "options", "error %", "accuracy %", "agrees %")
    for trial in tried:
        options = ", ".join(f"{name} {value}" for name, value in trial.options.items())
        numbers = [
            "" if score is None else f"{score:.2f}"
            for score in (trial.top1, trial.agreement)
        ]
        table.add_row(trial.cause, options, f"{100 * trial.error:.1f}", *numbers)
    return table

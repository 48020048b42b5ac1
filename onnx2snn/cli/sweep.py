"""``onnx2snn sweep``."""

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
from onnx2snn.cli.values import parse_several_time_steps
from onnx2snn.cli.workers import add_workers, chosen_workers
from onnx2snn.sweeping.plot import check_plot, write_plot

if TYPE_CHECKING:
    import argparse

    from rich.table import Table

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _sweep_methods,
        "sweep MODEL --data DATA [options]",
        "convert by several methods for several T, and score each",
    )
    command.add_argument("model", metavar="MODEL", help="the ANN")
    command.add_argument(
        "--data",
        required=True,
        help="inputs, better with labels y or labels: an .npz, or script.py[:function]",
    )
    command.add_argument("--calibration", metavar="DATA", help="calibration data")
    command.add_argument(
        "--methods",
        default="auto",
        metavar="NAMES",
        help="methods, with commas (default auto)",
    )
    command.add_argument(
        "--T", default="1,2,4,8", help="numbers of time steps (default 1,2,4,8)"
    )
    command.add_argument(
        "--labels", metavar="NAME", help="array of the labels (default y or labels)"
    )
    command.add_argument(
        "--keep",
        metavar="FILE",
        help="JSON file of the cells; one that is there already is gone on with",
    )
    add_workers(command, "measure cells")
    command.add_argument(
        "--plot", metavar="FILE", help="picture of score over T: .svg, .png or .pdf"
    )


def _sweep_methods(options: argparse.Namespace) -> int:
    if options.plot is not None:
        check_plot(options.plot)
    methods = [name.strip() for name in options.methods.split(",")]
    steps = parse_several_time_steps(options.T)
    with progress_bars(quiet=options.quiet):
        found = onnx2snn.sweep(
            options.model,
            options.data,
            options.calibration,
            methods=methods,
            T=steps,
            labels=options.labels,
            keep=options.keep,
            workers=chosen_workers(options),
        )
    if options.plot is not None:
        write_plot(found, options.plot)
    if options.json:
        print_json(found.as_dict())
        return 0
    results_console().print(_scores_table(found))
    if options.plot is not None and not options.quiet:
        print_written(options.plot, found.score_name)
    return 0


def _scores_table(found: onnx2snn.Sweep) -> Table:
    """Return a row for each method, a column for each T."""
    steps = sorted({cell.T for cell in found.cells})
    table = new_table(found.score_name, *(f"T={t}" for t in steps))
    for method in found.methods:
        scores = {cell.T: cell.score for cell in found.of_method(method)}
        table.add_row(method, *(_as_text(scores.get(t)) for t in steps))
    if found.ann_score is not None:
        table.add_row("ANN", *(_as_text(found.ann_score) for _ in steps))
    return table


def _as_text(score: float | None) -> str:
    return "" if score is None else f"{score:.4g}"

"""``onnx2snn export-nir``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_output
from onnx2snn.cli.console import (
    new_table,
    print_json,
    print_written,
    progress_bars,
    results_console,
)
from onnx2snn.cli.streams import given_data, given_model
from onnx2snn.exporting.passes.choose_pools import POOLS
from onnx2snn.exporting.readers import READERS
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.exporting.comparing import Scores
    from onnx2snn.exporting.export_report import ExportReport

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _export,
        "export-nir MODEL -o FILE [options]",
        "write a spiking network for another simulator or a chip, and run it as that does",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    add_output(command, "the NIR file; what was measured goes beside it, to FILE.json")
    command.add_argument(
        "--reader",
        choices=READERS,
        default="generic",
        help="who will read the file (default generic)",
    )
    command.add_argument(
        "--data",
        help="inputs to measure on, and perhaps labels: an .npz, or script.py[:function]; - for "
        "standard input",
    )
    command.add_argument("--ann", metavar="FILE", help="the ANN, to compare with")
    command.add_argument(
        "--T",
        type=int,
        metavar="N",
        help="number of steps that the reader runs for (default: the network's)",
    )
    _add_content(command)


def _add_content(command: argparse.ArgumentParser) -> None:
    """Add what is written, and when."""
    command.add_argument(
        "--until",
        metavar="NAME",
        help="output to export, or node behind which nothing is exported",
    )
    command.add_argument(
        "--pool", choices=POOLS, help="form of pools (default: the reader's)"
    )
    command.add_argument(
        "--samples",
        type=int,
        default=200,
        metavar="N",
        help="most samples that are run (default 200)",
    )
    command.add_argument(
        "--least-agreement",
        type=float,
        default=0.0,
        metavar="PERCENT",
        help="write nothing if the reader decides otherwise on more samples (default 0)",
    )


def _export(options: argparse.Namespace) -> int:
    check_writable(options.output, options.model, options.ann, options.data)
    with (
        given_data(options.data, options.model, options.ann) as data,
        progress_bars(quiet=options.quiet),
    ):
        made = onnx2snn.export_nir(
            given_model(options.model),
            options.output,
            reader=options.reader,
            data=data,
            ann=options.ann,
            T=options.T,
            until=options.until,
            pool=options.pool,
            samples=options.samples,
            least_agreement=options.least_agreement,
        )
    if options.json:
        print_json(made.report)
    elif not options.quiet:
        _print_export(made)
    return 0


def _print_export(made: onnx2snn.NirExport) -> None:
    console = results_console()
    report = made.report
    _print_scores(report, console)
    counts = ", ".join(f"{count} {kind}" for kind, count in report["layers"].items())
    print_written(made.path, counts, console)
    if made.encoder is not None:
        content = f"makes {report['input_name']!r} of the input of the network"
        print_written(made.encoder, content, console)
    sentences = [
        f"{report['name']}: {report['primitive']}, {report['neuron']}",
        f"load: {report['load']}",
        f"feed {report['encoding']}; a sample is {report['input_shape']}",
    ]
    if report["advice"]:
        sentences.append(report["advice"])
    for sentence in sentences:
        console.print(sentence)


def _print_scores(report: ExportReport, console: Console) -> None:
    """Print what the network, its ANN and the reader give on the samples."""
    table = new_table("", "top-1 %", "agrees %", "with the ANN %", "relative error")
    rows: dict[str, Scores | None] = {
        "ANN": report["ann"],
        "network, own runtime": report["network"],
        "potentials spread": report["spread"],
        f"{report['name']}, predicted": report["reader"],
    }
    for title, found in rows.items():
        if found is not None:
            table.add_row(title, *_cells(found))
    console.print(table)
    kind = "synthetic samples" if report["is_synthetic"] else "samples"
    steps = f"T = {report['T']}"
    console.print(f"{report['samples']} {kind}, {steps}")


def _cells(found: Scores) -> tuple[str, ...]:
    percents = (found["top1"], found["agreement"], found["agreement_ann"])
    cells = ["" if value is None else f"{value:.2f}" for value in percents]
    return *cells, f"{found['relative_error']:.4f}"

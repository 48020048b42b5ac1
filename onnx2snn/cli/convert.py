"""``onnx2snn convert``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import (
    Basics,
    add_input_shape,
    add_long_command,
    add_options,
    chosen_options,
)
from onnx2snn.cli.console import (
    ERRORS,
    new_table,
    print_json,
    print_written,
    progress_bars,
    results_console,
)
from onnx2snn.cli.streams import (
    STANDARD,
    check_output,
    given_data,
    given_model,
    write_network,
)
from onnx2snn.cli.values import parse_time_steps
from onnx2snn.importing import read
from onnx2snn.methods.parts import PARTS
from onnx2snn.methods.published import METHODS
from onnx2snn.methods.targets import TARGETS
from onnx2snn.reporting.report_file import check_report_path
from onnx2snn.reporting.summary import (
    describe_rounding,
    describe_shortfall,
    write_spike_share,
)
from onnx2snn.schedules import DEFAULT_T
from onnx2snn.storage.journal import resumable
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.reporting.report import Report

__all__ = ["GROUPS", "add"]

_INPUTS = "inputs"
_PASSES = "passes and checks"

_PARTS = "parts of the method"
_FILE = "file"

GROUPS = {
    _PARTS: (*PARTS, "latency", "keep_weights", "collapse", "spike"),
    _FILE: (
        "layout",
        "T_input",
        "inline",
        "weights",
        "fold_thresholds",
        "early_exit",
    ),
    _INPUTS: ("input_coding", "seed"),
    "excluded parts": ("until", "nodes_to_exclude"),
    _PASSES: ("check", "hold_out"),
}
"""Fields of ``Options`` that only ``--help-all`` shows, by the title they stand under."""


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_long_command(
        commands,
        _convert_model,
        "convert MODEL -o FILE [options]",
        "convert an ANN into a spiking network",
        Basics(_add_basics, help_all=f"show also the options for {', '.join(GROUPS)}"),
    )
    for title, names in GROUPS.items():
        group = command.add_argument_group(title)
        add_options(group, names)
        if title == _PARTS:
            _add_target(group)
        elif title == _FILE:
            _add_resume(group)
        elif title == _PASSES:
            _add_passes(group)
        elif title == _INPUTS:
            add_input_shape(group)


def _add_target(group: argparse._ArgumentGroup) -> None:
    """Add what stands in the place of a method."""
    group.add_argument(
        "--for",
        dest="target",
        choices=TARGETS,
        help="in the place of a method: make what 'onnx2snn export-nir' can write for a chip or "
        "another simulator",
    )


def _add_passes(group: argparse._ArgumentGroup) -> None:
    """Add what may be given several times."""
    group.add_argument(
        "--skip-pass",
        dest="skip_passes",
        action="append",
        default=[],
        metavar="NAME",
        help="leave a pass out; may be given several times",
    )
    group.add_argument(
        "--pass",
        dest="passes",
        action="append",
        default=[],
        metavar="NAME[:before=NAME|:after=NAME]",
        help="run a pass of an installed package (entry point onnx2snn.passes) as well; "
        "may be given several times",
    )


def _add_basics(command: argparse.ArgumentParser) -> None:
    """Add what most people need."""
    command.add_argument(
        "model", metavar="MODEL", help="the ANN, an ONNX file; - for standard input"
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="file of the spiking network; - for standard output",
    )
    command.add_argument(
        "--T",
        default=str(DEFAULT_T),
        help=f"number of time steps (default {DEFAULT_T})",
    )
    command.add_argument(
        "--calibration",
        metavar="DATA",
        help="typical inputs: an .npz, or script.py[:function]; - for standard input",
    )
    command.add_argument(
        "--method",
        choices=METHODS,
        default="auto",
        metavar="NAME",
        help="method of conversion; 'onnx2snn methods' lists them (default auto)",
    )
    command.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report as .json, or as .html to look at; may be given several times",
    )


def _add_resume(group: argparse._ArgumentGroup) -> None:
    """Add where work is kept."""
    group.add_argument(
        "--resume",
        metavar="FOLDER",
        help="keep there what is worked out until the file is written, and go on from what a "
        "conversion of the same that was ended has left",
    )


def _convert_model(options: argparse.Namespace) -> int:
    _check_outputs(options, options.model)
    model = read(given_model(options.model))
    _check_outputs(options, *model.files)
    with (
        resumable(options.resume),
        given_data(options.calibration, options.model) as calibration,
        progress_bars(quiet=options.quiet),
    ):
        conversion = onnx2snn.convert(
            model,
            T=parse_time_steps(options.T),
            calibration=calibration,
            **chosen_options(options),
        )
        write_network(conversion, options.output)
        if options.report and calibration is not None:
            conversion.measure_activity(calibration)
    for path in options.report:
        conversion.save_report(path)
    if options.json:
        print_json(conversion.report)
    elif not options.quiet:
        _print_report(conversion.report, options.output)
    return 0


def _check_outputs(options: argparse.Namespace, *models: str) -> None:
    """Refuse outputs that cannot be written, or that would take the place of what is read."""
    files = (*models, options.calibration)
    check_output(options.output, *files, is_json=options.json)
    for path in options.report:
        check_writable(path, options.output, *files)
        check_report_path(path)


def _describe_time(report: Report) -> str:
    """Return T, what an answer takes, and why it does."""
    passes = report["weight_passes"]
    times = "1 pass" if passes == 1 else f"{passes} passes"
    return (
        f"T = {report['T']}, answer after {_describe_latency(report)}, {times} over the "
        f"weights: {report['schedule']}, as {report['schedule_reason']}"
    )


def _describe_latency(report: Report) -> str:
    steps = f"{report['latency_steps']} steps"
    early = report.get("early_exit")
    if early is None:
        return steps
    return f"{early['mean_steps']:.3g} steps in the mean and at most {steps}"


def _print_report(report: Report, output: str) -> None:
    layers = new_table("activation", "neuron", "thresholds", "range", "from")
    for layer in report["layers"]:
        layers.add_row(
            layer["name"],
            layer["neuron"],
            str(layer["thresholds"]),
            f"{layer['v_threshold_min']:.3g} .. {layer['v_threshold_max']:.3g}",
            layer["threshold_origin"],
        )
    console = ERRORS if output == STANDARD else results_console()
    console.print(layers)
    count = len(report["layers"])
    share = write_spike_share(report["analysis"])
    what = "layer" if count == 1 else "layers"
    content = f"{count} {what} of neurons, {share}"
    print_written(output, content, console)
    remarks = (
        _describe_time(report),
        describe_rounding(report["rounded"]),
        describe_shortfall(report["analysis"]),
    )
    for remark in filter(None, remarks):
        console.print(remark)

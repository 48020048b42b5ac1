"""``onnx2snn layout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_output
from onnx2snn.cli.console import print_json, print_written
from onnx2snn.cli.streams import given_model
from onnx2snn.methods.layouts import LAYOUTS, MULTISTEP
from onnx2snn.methods.time_inputs import TIME_INPUTS
from onnx2snn.runtime import read_emitted
from onnx2snn.runtime.layouts import layout_of
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _change_layout,
        "layout MODEL -o FILE [options]",
        "write a spiking network in another form of its file",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    add_output(command, "file of the same network in the other form")
    command.add_argument(
        "--layout",
        choices=LAYOUTS,
        help=f"place of the time steps (default {MULTISTEP}, or as it is where another of these "
        "options is given)",
    )
    command.add_argument(
        "--T-input",
        choices=TIME_INPUTS,
        help="how the file takes T (default: as it does)",
    )
    command.add_argument(
        "--inline",
        action="store_true",
        help="write a file without model-local functions",
    )


def _change_layout(options: argparse.Namespace) -> int:
    check_writable(options.output, options.model)
    network = read_emitted(given_model(options.model))
    check_writable(options.output, *network.files)
    layout = options.layout
    if layout is None and options.T_input is None and not options.inline:
        layout = MULTISTEP
    changed = onnx2snn.change_layout(
        network, layout, T_input=options.T_input, inline=options.inline
    )
    changed.save(options.output)
    written = layout_of(changed.ir_model)
    if options.json:
        print_json({"layout": written, "output": str(options.output)})
    elif not options.quiet:
        meaning = LAYOUTS[written].meaning
        print_written(options.output, meaning)
    return 0

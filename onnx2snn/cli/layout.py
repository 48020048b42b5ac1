"""``onnx2snn layout``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_output
from onnx2snn.cli.console import print_json, print_written
from onnx2snn.cli.streams import given_model
from onnx2snn.methods.layouts import LAYOUTS, MULTISTEP
from onnx2snn.runtime import read_emitted
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
        "put the time steps of a spiking network elsewhere in its file",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    add_output(command, "file of the same network in the other layout")
    command.add_argument(
        "--layout",
        choices=LAYOUTS,
        default=MULTISTEP,
        help=f"place of the time steps (default {MULTISTEP})",
    )


def _change_layout(options: argparse.Namespace) -> int:
    check_writable(options.output, options.model)
    network = read_emitted(given_model(options.model))
    check_writable(options.output, *network.files)
    changed = onnx2snn.change_layout(network, options.layout)
    changed.save(options.output)
    if options.json:
        print_json({"layout": options.layout, "output": str(options.output)})
    elif not options.quiet:
        meaning = LAYOUTS[options.layout].meaning
        print_written(options.output, meaning)
    return 0

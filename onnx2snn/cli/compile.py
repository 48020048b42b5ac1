"""``onnx2snn compile``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_output
from onnx2snn.cli.console import print_json, print_written
from onnx2snn.cli.streams import given_model
from onnx2snn.methods.weight_types import INT8, WEIGHT_TYPES
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
        _compile,
        "compile MODEL -o FILE [options]",
        "rewrite a spiking network for the native library",
    )
    command.add_argument("model", metavar="MODEL", help="the spiking network")
    content = "file of the compiled network; it runs with the native library only"
    add_output(command, content)
    command.add_argument(
        "--weights",
        choices=WEIGHT_TYPES,
        default=INT8,
        help="type of the weights that multiply spikes (default int8)",
    )


def _compile(options: argparse.Namespace) -> int:
    check_writable(options.output, options.model)
    network = read_emitted(given_model(options.model))
    check_writable(options.output, *network.files)
    compiled = onnx2snn.compile_network(network, options.weights)
    compiled.save(options.output)
    if options.json:
        print_json({"weights": options.weights, "output": str(options.output)})
    elif not options.quiet:
        weights = f"with weights of {options.weights}"
        print_written(options.output, f"for the native library, {weights}")
    return 0

"""``onnx2snn run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.cli.arguments import add_command, add_output, add_runtime
from onnx2snn.cli.console import print_json, print_written, progress_bars
from onnx2snn.cli.streams import given_data, given_model
from onnx2snn.cli.values import parse_time_steps
from onnx2snn.errors import OptionError
from onnx2snn.evaluation.ann import Ann
from onnx2snn.evaluation.outputs import outputs_on
from onnx2snn.evaluation.subject import open_any
from onnx2snn.runtime import Execution
from onnx2snn.runtime.recording import NOTHING, WhatToRecord
from onnx2snn.storage.npz import write_npz
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    import numpy as np

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.evaluation.outputs import Joined

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _run_network,
        "run MODEL --data DATA -o FILE [options]",
        "run a network and save its outputs",
    )
    command.add_argument(
        "model", metavar="MODEL", help="the spiking network, or an ANN"
    )
    command.add_argument(
        "--data",
        required=True,
        help="inputs: an .npz, or script.py[:function]; - for standard input",
    )
    add_output(command, "file of the outputs, an .npz")
    command.add_argument("--T", help="number of time steps (default: the network's)")
    command.add_argument(
        "--record",
        metavar="WHAT",
        help="record neurons in every step too: spikes, potential, current, with commas",
    )
    command.add_argument(
        "--layers", metavar="NAMES", help="layers to record, with commas (default: all)"
    )
    add_runtime(command)


def _run_network(options: argparse.Namespace) -> int:
    check_writable(options.output, options.model, options.data)
    time_steps = None if options.T is None else parse_time_steps(options.T)
    execution = Execution(options.runtime, options.threads, options.device)
    network = open_any(given_model(options.model), execution)
    check_writable(options.output, *network.files)
    if isinstance(network, Ann):
        network.check_steps(time_steps)
    recorded = WhatToRecord(_names(options.record), _names(options.layers))
    if recorded != NOTHING and isinstance(network, Ann):
        message = f"--record: {network.name} is an ANN and has no neurons to record"
        raise OptionError(message)
    with (
        given_data(options.data, options.model) as data,
        progress_bars(quiet=options.quiet),
    ):
        outputs = outputs_on(
            network,
            data,
            time_steps,
            batch_size=options.batch_size,
            recorded=recorded,
        )
    arrays = _named_arrays(outputs)
    write_whole(options.output, lambda file: write_npz(file, arrays))
    shapes = {name: list(data.shape) for name, data in arrays.items()}
    if options.json:
        print_json(shapes)
    elif not options.quiet:
        words = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        print_written(options.output, words)
    return 0


def _names(text: str | None) -> list[str] | None:
    """Return names that commas separate; None for no text."""
    return None if text is None else [name.strip() for name in text.split(",")]


def _named_arrays(outputs: Mapping[str, Joined]) -> dict[str, np.ndarray]:
    """Return outputs as arrays; of one that stays apart, each array has its number in its name."""
    arrays = {}
    for name, found in outputs.items():
        if isinstance(found, list):
            for index, array in enumerate(found):
                arrays[f"{name}.{index}"] = array
        else:
            arrays[name] = found
    return arrays

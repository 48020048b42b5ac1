"""``onnx2snn tune``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
from onnx2snn.errors import OptionError
from onnx2snn.importing import read
from onnx2snn.storage.whole_files import check_writable

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _tune_network,
        "tune MODEL --ann FILE --calibration DATA -o FILE [options]",
        "train a converted network, without labels, to answer as its ANN",
    )
    _add_files(command)
    _add_training(command)


def _add_files(command: argparse.ArgumentParser) -> None:
    """Add what is read and written."""
    command.add_argument(
        "model", metavar="MODEL", help="the spiking network, of the schedule lockstep"
    )
    command.add_argument(
        "--ann",
        required=True,
        metavar="FILE",
        help="the ANN it was made from, an ONNX file",
    )
    command.add_argument(
        "--calibration",
        required=True,
        metavar="DATA",
        help="typical inputs, thousands of them: an .npz, or script.py[:function]; "
        "- for standard input",
    )
    add_output(command, "file of the tuned network")


def _add_training(command: argparse.ArgumentParser) -> None:
    """Add how it is trained."""
    command.add_argument(
        "--epochs",
        type=int,
        default=2,
        metavar="N",
        help="passes over the data, at least 1 (default 2)",
    )
    command.add_argument(
        "--learning-rate",
        "--rate",
        type=float,
        metavar="X",
        default=0.005,
        help="change of a weight in a step at the start, as a part of the root mean square of its "
        "tensor, larger than 0 (default 0.005)",
    )
    command.add_argument(
        "--batch-size",
        type=int,
        default=32,
        metavar="N",
        help="samples in a step (default 32)",
    )
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the order of samples (default 0)",
    )


def _tune_network(options: argparse.Namespace) -> int:
    torch = _import_torch()
    named = (options.model, options.ann, options.calibration)
    check_writable(options.output, *named)
    network = onnx2snn.load(given_model(options.model), "ort")
    ann = read(given_model(options.ann))
    check_writable(options.output, *network.files, *ann.files)
    with (
        given_data(options.calibration, options.model, options.ann) as calibration,
        progress_bars(quiet=options.quiet),
    ):
        tuning = torch.tune(
            network,
            ann,
            calibration,
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            batch_size=options.batch_size,
            seed=options.seed,
        )
        tuning.save(options.output)
    if options.json:
        print_json(tuning.as_dict())
    elif not options.quiet:
        _print_epochs(tuning, options.output)
    return 0


def _print_epochs(tuning: Any, output: str) -> None:  # noqa: ANN401 (torch is optional)
    epochs = new_table("epoch", "loss", "of the outputs", "seconds")
    for epoch in tuning.epochs:
        losses = f"{epoch.loss:.4f}", f"{epoch.outputs:.4f}"
        epochs.add_row(str(epoch.number), *losses, f"{epoch.seconds:.0f}")
    results_console().print(epochs)
    print_written(output, f"tuned on {tuning.samples} samples")


def _import_torch() -> Any:  # noqa: ANN401 (a module)
    """Return the part of the package that needs PyTorch, which is not imported otherwise."""
    try:
        return importlib.import_module("onnx2snn.torch")
    except ModuleNotFoundError as error:
        message = (
            f"'onnx2snn tune' needs PyTorch, and there is no module {error.name!r}: "
            "pip install 'onnx2snn[torch]'"
        )
        raise OptionError(message) from error

"""The command line: reads arguments, prints results; the work is done elsewhere."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx_ir.passes import PreconditionError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import onnx2snn
from onnx2snn.calibration.data import dataset
from onnx2snn.errors import Onnx2SnnError
from onnx2snn.files import check_writable, write_whole
from onnx2snn.progress import listening, track
from onnx2snn.runtime import RUNTIMES
from onnx2snn.streams import SPIKE
from onnx2snn.time_loop import checked_time_steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import TaskID

    from onnx2snn.analysis import Analysis

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if it is done, 1 if the model or data was refused.

    Args:
        arguments: The command line after the program's name; None for the process's own.
            argparse exits with 2 where it makes no sense.
    """
    options = _parser().parse_args(arguments)
    try:
        with _warnings(quiet=options.quiet):
            return int(options.command(options))
    except (Onnx2SnnError, PreconditionError) as error:
        _ERRORS.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        return 1
    except BrokenPipeError:  # whoever reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        _ERRORS.print("interrupted")
        return _INTERRUPTED


_ERRORS = Console(stderr=True, soft_wrap=True)

_INTERRUPTED = 130
"""Exit status of a program that the user stopped, as shells have it."""


@contextlib.contextmanager
def _warnings(*, quiet: bool) -> Iterator[None]:
    """Print what the library warns of, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.WARNING)
    logger = logging.getLogger("onnx2snn")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def _bars(options: argparse.Namespace) -> Iterator[None]:
    """Draw a progress bar, on a terminal, for each kind of work that is reported."""
    console = Console(stderr=True)
    if options.quiet or not console.is_terminal:
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bars: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int | None) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name, total=total)
            progress.update(bars[name], completed=done)

        with listening(show):
            yield


def _convert(options: argparse.Namespace) -> int:
    check_writable(options.output)
    fields = {
        field.name: getattr(options, field.name) for field in dataclasses.fields(onnx2snn.Options)
    }
    with _bars(options):
        conversion = onnx2snn.convert(
            options.model, _whole(options.T), options.calibration, **fields
        )
        conversion.save(options.output)
    if options.json:
        _print_json(conversion.report)
    elif not options.quiet:
        report = conversion.report
        table = _table("activation", "neuron", "thresholds", "range", "from")
        for layer in report["layers"]:
            table.add_row(
                escape(layer["name"]),
                layer["neuron"],
                str(layer["thresholds"]),
                f"{layer['v_threshold_min']:.3g} .. {layer['v_threshold_max']:.3g}",
                layer["threshold_origin"],
            )
        console = _results()
        console.print(table)
        driven = report["analysis"]["spike_driven_percent"]
        console.print(
            f"wrote {options.output}: {len(report['layers'])} layers of neurons, "
            f"T = {report['T']}, {driven:.1f} % of the multiply-accumulates driven by spikes",
            highlight=False,
        )
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    steps = None if options.T is None else [_whole(text) for text in options.T.split(",")]
    with _bars(options):
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
        _print_json(result.as_dict())
        return 0
    columns = {"top-1 %": result.top1, "agrees with the ANN %": result.agreement}
    shown = {heading: scores for heading, scores in columns.items() if scores}
    table = _table("T", *shown)
    for t in result.top1 or result.agreement:
        table.add_row(str(t), *(f"{scores[t]:.2f}" for scores in shown.values()))
    if result.ann_top1 is not None:
        table.add_row("ANN", f"{result.ann_top1:.2f}")
    console = _results()
    console.print(table)
    console.print(f"{result.samples} samples", highlight=False)
    return 0


def _table(*headings: str) -> Table:
    """Return a table that folds long cells and never cuts them."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _results() -> Console:
    """Return where results are printed: in a pipe, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, 160))


def _run(options: argparse.Namespace) -> int:
    check_writable(options.output)
    network = onnx2snn.load(options.model, options.runtime, threads=options.threads)
    samples = dataset(options.data, network.inputs)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in network.outputs}
    time_steps = None if options.T is None else _whole(options.T)
    with _bars(options):
        for batch in track(samples.batches(options.batch_size), "run"):
            for name, data in network.run(batch.feeds, time_steps).items():
                parts[name].append(data[: batch.valid] if data.ndim else data[None])
    outputs = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    write_whole(options.output, lambda file: np.savez(file, allow_pickle=False, **outputs))
    if options.json:
        _print_json({name: list(data.shape) for name, data in outputs.items()})
    elif not options.quiet:
        shapes = ", ".join(f"{name} {list(data.shape)}" for name, data in outputs.items())
        _results().print(escape(f"wrote {options.output}: {shapes}"), highlight=False)
    return 0


def _analyze(options: argparse.Namespace) -> int:
    analysis = onnx2snn.analyze(options.model, options.spike)
    if options.json:
        _print_json(analysis)
    elif not options.quiet:
        _print_analysis(analysis)
    if not analysis["counts"]["spiking"]:
        _ERRORS.print("no activation that a spiking neuron can replace: nothing to convert")
        return int(options.strict)
    analog = [node for node in analysis["nodes"] if node["kind"] == "analog"]
    if not (options.strict and analog):
        return 0
    for node in analog:
        _ERRORS.print(escape(f"{node['op']} {node['node']!r} stays analog: {node['reason']}"))
    return 1


def _print_analysis(analysis: Analysis) -> None:
    table = _table("node", "op", "becomes", "because", "MACs")
    for node in analysis["nodes"]:
        count = "?" if node["macs"] is None else f"{node['macs']:,}" if node["macs"] else ""
        kind = node["kind"] + (" (spike-driven)" if node["spike_driven"] else "")
        table.add_row(escape(node["node"]), node["op"], kind, escape(node["reason"]), count)
    console = _results()
    console.print(table)
    counts = ", ".join(f"{count} {kind}" for kind, count in analysis["counts"].items() if count)
    console.print(counts, highlight=False)
    macs = analysis["macs"]
    console.print(
        f"{macs['total']:,} multiply-accumulates a sample: "
        f"{analysis['spike_driven_percent']:.1f} % driven by spikes, "
        f"{macs['static']:,} before the first step, {macs['readout']:,} after the last, "
        f"{macs['analog']:,} analog in every step",
        highlight=False,
    )


def _passes(options: argparse.Namespace) -> int:
    rows = {name: _pass_options(pass_) for name, pass_ in onnx2snn.passes.available().items()}
    if options.json:
        _print_json({"passes": [{"name": name, "options": row} for name, row in rows.items()]})
        return 0
    table = _table("pass", "options")
    for name, row in rows.items():
        table.add_row(name, ", ".join(f"{key}={value!r}" for key, value in row.items()))
    _results().print(table)
    return 0


def _pass_options(pass_: type) -> dict[str, Any]:
    if not dataclasses.is_dataclass(pass_):
        return {}
    return {
        field.name: field.default
        for field in dataclasses.fields(pass_)
        if isinstance(field.default, (bool, int, float, str, tuple))
    }


def _print_json(data: object) -> None:
    print(json.dumps(data))  # noqa: T201 (standard output is for this one object)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onnx2snn",
        description="Turn a trained network in ONNX into a spiking network in ONNX.",
    )
    parser.add_argument("--version", action="version", version=onnx2snn.__version__)
    commands = parser.add_subparsers(metavar="command", required=True)
    _add_convert(commands)
    _add_evaluate(commands)
    _add_run(commands)
    analyze = _command(commands, "analyze", _analyze, "say what each node of an ANN will become")
    analyze.add_argument("model", help="the ANN, an ONNX file")
    analyze.add_argument(
        "--spike", choices=SPIKE, default=SPIKE[0], help=f"where neurons stand (default {SPIKE[0]})"
    )
    analyze.add_argument("--strict", action="store_true", help="exit with 1 if a node stays analog")
    _command(commands, "passes", _passes, "list the passes of a conversion and their options")
    return parser


def _command(commands: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:  # noqa: ANN401
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    command.set_defaults(command=function)
    command.add_argument(
        "--quiet", action="store_true", help="print the result only: no bars, no warnings"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    return command


def _add_convert(commands: Any) -> None:  # noqa: ANN401
    command = _command(commands, "convert", _convert, "convert an ANN into a spiking network")
    command.add_argument("model", help="the ANN, an ONNX file")
    command.add_argument("-o", "--output", required=True, help="where the network goes")
    command.add_argument("--T", default="8", help="number of time steps (default 8)")
    command.add_argument(
        "--calibration",
        metavar="DATA",
        help="typical inputs: an .npz, or script.py[:function]",
    )
    command.add_argument(
        "--skip-pass",
        dest="skip_passes",
        action="append",
        default=[],
        metavar="NAME",
        help="leave a pass out; may be given several times",
    )
    for field in dataclasses.fields(onnx2snn.Options):
        if field.metadata:
            _add_field(command, field)


def _add_field(command: argparse.ArgumentParser, field: dataclasses.Field[Any]) -> None:
    flag, text = f"--{field.name.replace('_', '-')}", field.metadata["help"]
    if isinstance(field.default, bool):
        command.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=field.default, help=text
        )
        return
    command.add_argument(
        flag,
        type=type(field.default),
        default=field.default,
        choices=field.metadata["choices"] or None,
        help=f"{text} (default {field.default})",
    )


def _add_evaluate(commands: Any) -> None:  # noqa: ANN401
    command = _command(commands, "evaluate", _evaluate, "score a network after T steps")
    command.add_argument("model", help="the spiking network")
    command.add_argument("--data", required=True, help="inputs and labels y: .npz or script.py")
    command.add_argument("--ann", help="the ANN, to compare with")
    command.add_argument(
        "--T", help="numbers of time steps, as in 1,2,4,8 (default: the network's)"
    )
    _add_runtime(command)


def _add_run(commands: Any) -> None:  # noqa: ANN401
    command = _command(commands, "run", _run, "run a network and save its outputs")
    command.add_argument("model", help="the spiking network")
    command.add_argument("--data", required=True, help="inputs: .npz or script.py[:function]")
    command.add_argument("-o", "--output", required=True, help="where the outputs go, an .npz")
    command.add_argument("--T", help="number of time steps (default: the network's)")
    _add_runtime(command)


def _add_runtime(command: argparse.ArgumentParser) -> None:
    command.add_argument("--runtime", choices=RUNTIMES, default="ort", help="default: ort")
    command.add_argument(
        "--threads", type=int, default=0, help="threads in an operator; 0 for one a core"
    )
    command.add_argument(
        "--batch-size", type=int, default=64, help="samples at a time (default 64)"
    )


def _whole(text: str) -> int:
    """Return a number of time steps as it was typed."""
    try:
        value: object = int(text)
    except ValueError:
        value = text
    return checked_time_steps(value)

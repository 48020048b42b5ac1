"""``onnx2snn analyze``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

import onnx2snn
from onnx2snn.cli.arguments import add_command, add_options, chosen
from onnx2snn.cli.console import ERRORS, print_json, results, table

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.reporting.analysis import Analysis

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _analyze,
        "analyze MODEL [options]",
        "list the nodes of an ANN, with what each will become",
    )
    command.add_argument("model", metavar="MODEL", help="the ANN, an ONNX file")
    command.add_argument(
        "--strict", action="store_true", help="exit with 1 if a node stays analog"
    )
    add_options(command, ("spike", "input_coding", "until", "nodes_to_exclude"))


def _analyze(options: argparse.Namespace) -> int:
    analysis = onnx2snn.analyze(options.model, **chosen(options))
    if options.json:
        print_json(analysis)
    elif not options.quiet:
        _print(analysis)
    if not analysis["counts"]["spiking"]:
        ERRORS.print(
            "no activation that a spiking neuron can replace: nothing to convert"
        )
        return int(options.strict)
    analog = [node for node in analysis["nodes"] if node["kind"] == "analog"]
    if not (options.strict and analog):
        return 0
    for node in analog:
        ERRORS.print(
            escape(f"{node['op']} {node['node']!r} stays analog: {node['reason']}")
        )
    return 1


def _print(analysis: Analysis) -> None:
    nodes = table("node", "op", "becomes", "because", "MACs")
    for node in analysis["nodes"]:
        count = (
            "?" if node["macs"] is None else f"{node['macs']:,}" if node["macs"] else ""
        )
        kind = node["kind"] + (" (spike-driven)" if node["spike_driven"] else "")
        nodes.add_row(
            escape(node["node"]), node["op"], kind, escape(node["reason"]), count
        )
    console = results()
    console.print(nodes)
    counts = ", ".join(
        f"{count} {kind}" for kind, count in analysis["counts"].items() if count
    )
    console.print(counts, highlight=False)
    macs = analysis["macs"]
    console.print(
        f"{macs['total']:,} multiply-accumulates a sample: "
        f"{analysis['spike_driven_percent']:.1f} % driven by spikes, "
        f"{macs['static']:,} before the first step, {macs['readout']:,} after the last, "
        f"{macs['analog']:,} analog in every step",
        highlight=False,
    )

"""``onnx2snn analyze``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx2snn
from onnx2snn.analysis.drivers import Driver
from onnx2snn.cli.arguments import (
    add_command,
    add_input_shape,
    add_options,
    chosen_options,
)
from onnx2snn.cli.console import ERRORS, new_table, print_json, results_console
from onnx2snn.cli.streams import given_model
from onnx2snn.reporting.summary import (
    describe_drivers,
    describe_shortfall,
    find_not_spiking,
    write_macs,
)

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.reporting.analysis import Analysis, NodeAnalysis

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _analyze_model,
        "analyze MODEL [options]",
        "list the nodes of an ANN, with what each will become",
    )
    command.add_argument("model", metavar="MODEL", help="the ANN, an ONNX file")
    command.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if anything between first neurons and readout is not spiking",
    )
    add_options(command, ("spike", "input_coding", "until", "nodes_to_exclude"))
    add_input_shape(command)


def _analyze_model(options: argparse.Namespace) -> int:
    model = given_model(options.model)
    analysis = onnx2snn.analyze(model, **chosen_options(options))
    if options.json:
        print_json(analysis)
    elif not options.quiet:
        _print_nodes(analysis)
    if not _has_neurons(analysis, options.spike):
        ERRORS.print(
            "no activation that a spiking neuron can replace: nothing to convert"
        )
        if _has_neurons_with_all(model, options):
            ERRORS.print(_NEEDS_NO_ACTIVATION)
        return int(options.strict)
    if not options.strict:
        return 0
    refused = find_not_spiking(analysis)
    for node, problem in refused:
        message = f"{node['op']} {node['node']!r} {problem}: {node['reason']}"
        ERRORS.print(message)
    return int(bool(refused))


_NEEDS_NO_ACTIVATION = (
    "with --spike all, neurons stand in front of weights behind other weights, and need "
    "no activation"
)


def _has_neurons_with_all(model: str | bytes, options: argparse.Namespace) -> bool:
    """Whether there is something to convert with ``--spike all``, unless it is given already."""
    if options.spike == "all":
        return False
    chosen = {**chosen_options(options), "spike": "all"}
    return _has_neurons(onnx2snn.analyze(model, **chosen), "all")


def _has_neurons(analysis: Analysis, spike: str) -> bool:
    """Whether neurons take the place of nodes, or stand in front of weights."""
    counts = analysis["counts"]
    if counts["spiking"]:
        return True
    drives_weights = analysis["operations"][Driver.SPIKES] > 0
    drives_readout = spike == "all" and counts["readout"] > 0
    return drives_weights or drives_readout


def _print_nodes(analysis: Analysis) -> None:
    nodes = new_table("node", "op", "becomes", "because", "MACs")
    for node in analysis["nodes"]:
        nodes.add_row(*_cells_of(node))
    console = results_console()
    console.print(nodes)
    found = [kind for kind, count in analysis["counts"].items() if count]
    counts = ", ".join(_count_of(kind, analysis) for kind in found)
    console.print(counts)
    for sentence in (describe_drivers(analysis), describe_shortfall(analysis)):
        if sentence:
            console.print(sentence)


def _count_of(kind: str, analysis: Analysis) -> str:
    """Return how many nodes are of a kind, and of how many the weights are analog all the same."""
    words = f"{analysis['counts'][kind]} {kind}"
    analog = [
        node
        for node in analysis["nodes"]
        if node["kind"] == kind and node["driver"] == Driver.ANALOG
    ]
    if not analog or kind == "analog":
        return words
    return f"{words} ({len(analog)} with analog weights)"


_NOTES = {
    Driver.SPIKES.value: "spike-driven",
    Driver.REAL.value: "on real numbers",
    Driver.ANALOG.value: "analog",
}
"""What drives the weights of a node, beside its kind."""


def _cells_of(node: NodeAnalysis) -> tuple[str, ...]:
    """Return the cells of a node in the table."""
    kind = node["kind"]
    note = _NOTES.get(str(node["driver"]))
    if note is not None and note != kind:
        kind += f" ({note})"
    name = node["node"]
    reason = node["reason"]
    return name, node["op"], kind, reason, write_macs(node["macs"])

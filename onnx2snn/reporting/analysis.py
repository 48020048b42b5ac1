"""The analysis of an ANN: the future of each node, before anything is converted."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.activation_parts import find_activation_parts
from onnx2snn.analysis.drivers import Driver
from onnx2snn.analysis.neuron_places import is_excluded_node
from onnx2snn.analysis.provenance import Outcome
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.graph import display_name
from onnx2snn.reporting.operations import (
    count_by_driver,
    list_obstacles,
    list_operations,
    percent_of_spikes,
    sum_by_driver,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.analysis.provenance import NodeMapping
    from onnx2snn.analysis.streams import Streams
    from onnx2snn.reporting.operations import Macs, Obstacle, Operation

    Counts = Mapping[ir.Node, int | None]

__all__ = [
    "ANALYSIS_VERSION",
    "Analysis",
    "NodeAnalysis",
    "analyze_network",
]

ANALYSIS_VERSION = 1
"""Version of the plain data described in ``docs/reference/report.md``."""


class NodeAnalysis(TypedDict):
    """One node of the file; see ``docs/reference/report.md`` for every field."""

    node: str
    op: str
    place: str | None
    reads: list[str]
    kind: str
    reason: str
    into: str | None
    became: list[str]
    macs: int | None
    driver: str | None


class Analysis(TypedDict):
    """An ANN, node by node; plain data, see ``docs/reference/report.md`` for every field.

    ``counts`` has the number of nodes of each kind, and ``operations`` the number of operations
    with weights by what drives them, see ``analysis.drivers.Driver``. ``macs`` has their
    multiply-accumulates for one sample, both branches of an If counted: ``total``, and by the
    same drivers; None where some are not known. ``spike_driven_percent`` is the part of
    ``total`` that spikes drive, ``spike_driven_percent_with_all`` the part that they would
    drive with neurons in front of ``all`` weights. ``not_by_spikes`` says why spikes do not
    drive more, the most work first.
    """

    version: int
    nodes: list[NodeAnalysis]
    counts: dict[str, int]
    operations: dict[str, int]
    macs: Macs
    spike_driven_percent: float | None
    spike_driven_percent_with_all: float | None
    not_by_spikes: list[Obstacle]


_KINDS = (*(kind.value for kind in NodeKind), "folded", "constant", "removed")
"""The kinds of nodes of a file."""

_GONE = {
    Outcome.CONSTANT: ("constant", "needs no input's values: computed on import"),
    Outcome.REMOVED: ("removed", "no-op: hands on its input"),
    Outcome.UNUSED: ("removed", "no output depends on it"),
}
"""Kind and reason of a node that has no nodes in its place."""

_COMPUTED_ON_MEANS = (NodeKind.ANALOG, NodeKind.MAX_LIKE)
"""Kinds of nodes that are no thing of their own where they serve one activation alone."""

_COSTLIEST = (
    Driver.ANALOG,
    Driver.REAL,
    Driver.SPIKES,
    Driver.STATIC,
    Driver.READOUT,
)
"""Drivers, the one first that stands for all operations in the place of one node."""

_PRECEDENCE = (
    NodeKind.REFUSED,
    NodeKind.SPIKING,
    NodeKind.ANALOG,
    NodeKind.MAX_LIKE,
    NodeKind.LINEAR,
    NodeKind.READOUT,
    NodeKind.STATIC,
)
"""Kinds of nodes, the one first that stands for all in the place of one node."""


def analyze_network(network: Part, counts: Counts, spike: str) -> Analysis:
    """Return the analysis of a simplified ANN.

    Args:
        network: The ANN, with those in its branches, and what became of the file's nodes in it.
        counts: The multiply-accumulates of each node for one sample, None where they are not
            known.
        spike: Where neurons stand.
    """
    parts = list(_all_parts(network))
    streams = {part: find_streams(part.ann.graph, spike=spike) for part in parts}
    operations = list(list_operations(streams.values(), counts))
    nodes = list(_describe_nodes(network, streams, operations))
    kinds = collections.Counter(entry["kind"] for entry in nodes)
    sums = sum_by_driver(operations)
    return {
        "version": ANALYSIS_VERSION,
        "nodes": nodes,
        "counts": {kind: kinds[kind] for kind in _KINDS},
        "operations": count_by_driver(operations),
        "macs": sums,
        "spike_driven_percent": percent_of_spikes(sums),
        "spike_driven_percent_with_all": _percent_with_all(parts, counts),
        "not_by_spikes": list_obstacles(operations),
    }


def _percent_with_all(parts: Iterable[Part], counts: Counts) -> float | None:
    """Return the part that spikes would drive with neurons in front of all weights."""
    streams = [find_streams(part.ann.graph, spike="all") for part in parts]
    operations = list(list_operations(streams, counts))
    return percent_of_spikes(sum_by_driver(operations))


def _all_parts(network: Part) -> Iterator[Part]:
    yield network
    for _, inner in network.inside:
        yield from _all_parts(inner)


@dataclasses.dataclass(frozen=True)
class _Described:
    """A network in which nodes of the file are to be described.

    Attributes:
        streams: Its streams.
        parts: The nodes that activations are spelled of, each with its activation.
        names: Each of its nodes to the name of the node of the file in whose place it is.
        operations: Each of its nodes with weights, as an operation.
        makers: Each value of the file to the name of the node that makes it.
    """

    streams: Streams
    parts: Mapping[ir.Node, ir.Node]
    names: Mapping[ir.Node, str]
    operations: Mapping[ir.Node, Operation]
    makers: Mapping[str, str]


def _describe_nodes(
    network: Part, streams: Mapping[Part, Streams], operations: Sequence[Operation]
) -> Iterator[NodeAnalysis]:
    """Yield the entries of all nodes, those of a branch behind its If."""
    own = streams[network]
    described = _Described(
        streams=own,
        parts=find_activation_parts(own.graph, own.fired),
        names={
            node: mapping.node.name
            for mapping in network.node_mappings
            for node in mapping.replaced_by
        },
        operations={operation.node: operation for operation in operations},
        makers=_makers(network),
    )
    for mapping in network.node_mappings:
        yield _describe_node(mapping, described)
        for branch, inner in network.inside:
            if branch.node in mapping.replaced_by:
                yield from _describe_nodes(inner, streams, operations)


def _makers(network: Part) -> dict[str, str]:
    nodes = [mapping.node for mapping in network.node_mappings]
    return {output: node.name for node in nodes for output in node.outputs}


def _describe_node(mapping: NodeMapping, network: _Described) -> NodeAnalysis:
    kind, reason, into = _classify(mapping, network)
    nodes = mapping.replaced_by
    read = [network.makers.get(name) for name in mapping.node.inputs]
    operations = [network.operations[n] for n in nodes if n in network.operations]
    return {
        "node": mapping.node.name,
        "op": mapping.node.op,
        "place": mapping.node.place,
        "reads": list(dict.fromkeys(filter(None, read))),
        "kind": kind,
        "reason": reason,
        "into": into,
        "became": [display_name(node) for node in nodes],
        "macs": sum_by_driver(operations)["total"],
        "driver": _choose_driver(operations),
    }


def _choose_driver(operations: Sequence[Operation]) -> str | None:
    """Return the driver of all ``operations``: that which costs most, None if there are none."""
    drivers = {operation.driver for operation in operations}
    return next((str(driver) for driver in _COSTLIEST if driver in drivers), None)


def _classify(mapping: NodeMapping, network: _Described) -> tuple[str, str, str | None]:
    """Return what a node of the file becomes, why, and the node that it is a part of."""
    if mapping.outcome is Outcome.FOLDED and mapping.into is not None:
        into = mapping.into
        return "folded", f"folded into {into.op} {into.name!r}", into.name
    if mapping.outcome is not Outcome.KEPT:
        return *_GONE[mapping.outcome], None
    node = _choose_representative(mapping, network.streams)
    classification = network.streams.classifications[node]
    kind = classification.kind
    activation = network.parts.get(node)
    if activation is not None and kind in _COMPUTED_ON_MEANS:
        whole = network.names[activation]
        return "folded", f"part of the activation {whole!r}", whole
    if kind is NodeKind.ANALOG and is_excluded_node(node):
        return kind.value, "excluded, as asked", None
    return (
        kind.value,
        _explain(mapping.replaced_by, classification.reason, network),
        None,
    )


def _explain(nodes: Sequence[ir.Node], reason: str, network: _Described) -> str:
    """Return the reason for the kind of ``nodes``, and why no spikes drive their weights."""
    for node in nodes:
        operation = network.operations.get(node)
        obstacle = None if operation is None else operation.obstacle
        if obstacle is not None and obstacle not in nodes:
            name = network.names.get(obstacle, display_name(obstacle))
            return f"{reason}; no spikes come from {obstacle.op_type} {name!r}"
    return reason


def _choose_representative(mapping: NodeMapping, streams: Streams) -> ir.Node:
    """Return that of the nodes in the place of one which says best what became of it."""
    for node in mapping.replaced_by:
        if node.op_type == mapping.node.op:
            return node

    def rank(node: ir.Node) -> int:
        return _PRECEDENCE.index(streams.classifications[node].kind)

    return min(mapping.replaced_by, key=rank)

"""The analysis of an ANN: the future of each node, before anything is converted."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.macs import count_macs
from onnx2snn.analysis.neuron_places import is_excluded_node
from onnx2snn.analysis.provenance import Outcome
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.graph import display_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.analysis.provenance import NodeMapping
    from onnx2snn.analysis.streams import Streams

__all__ = [
    "ANALYSIS_VERSION",
    "Analysis",
    "NodeAnalysis",
    "analyze_network",
    "write_macs",
]

ANALYSIS_VERSION = 1
"""Version of the plain data described in ``docs/reference/report.md``."""


class NodeAnalysis(TypedDict):
    """One node of the file; see ``docs/reference/report.md`` for every field."""

    node: str
    op: str
    place: str | None
    kind: str
    reason: str
    into: str | None
    became: list[str]
    macs: int | None
    spike_driven: bool


class Analysis(TypedDict):
    """An ANN, node by node; plain data, see ``docs/reference/report.md`` for every field.

    ``counts`` has the number of nodes of each kind. ``macs`` has the multiply-accumulates of
    one sample, both branches of an If counted: ``total``, and by what drives them: ``spikes``,
    ``static`` (once, before the first step), ``readout`` (once, after the last step) and
    ``analog`` (in every step). ``spike_driven_percent`` is the part of ``total`` that spikes
    drive.
    """

    version: int
    nodes: list[NodeAnalysis]
    counts: dict[str, int]
    macs: dict[str, int]
    spike_driven_percent: float


_DRIVERS = ("spikes", "static", "readout", "analog")
"""Names for what drives multiply-accumulates."""

_KINDS = (*(kind.value for kind in NodeKind), "folded", "constant", "removed")
"""The kinds of nodes of a file."""

_GONE = {
    Outcome.CONSTANT: ("constant", "needs no input's values: computed on import"),
    Outcome.REMOVED: ("removed", "no-op: hands on its input"),
    Outcome.UNUSED: ("removed", "no output depends on it"),
}
"""Kind and reason of a node that has no nodes in its place."""

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


def analyze_network(network: Part, spike: str = "activations") -> Analysis:
    """Return the analysis of a simplified ANN.

    Args:
        network: The ANN, with those in its branches, and what became of the file's nodes in it.
        spike: Where neurons stand.
    """
    streams = {
        part: find_streams(part.ann.graph, spike=spike) for part in _all_parts(network)
    }
    nodes = list(_describe_nodes(network, streams))
    counts = collections.Counter(entry["kind"] for entry in nodes)
    spent = _sum_macs_by_driver(streams.values())
    total = sum(spent.values())
    percent = 100 * spent["spikes"] / total if total else 0.0
    return {
        "version": ANALYSIS_VERSION,
        "nodes": nodes,
        "counts": {kind: counts[kind] for kind in _KINDS},
        "macs": {"total": total, **{driver: spent[driver] for driver in _DRIVERS}},
        "spike_driven_percent": round(percent, 2),
    }


def _all_parts(network: Part) -> Iterator[Part]:
    yield network
    for _, inner in network.inside:
        yield from _all_parts(inner)


def _sum_macs_by_driver(analyzed: Iterable[Streams]) -> collections.Counter[str]:
    """Return the multiply-accumulates by what drives them."""
    spent: collections.Counter[str] = collections.Counter()
    for streams in analyzed:
        for node in streams.graph:
            spent[_driver_of(node, streams)] += count_macs(node) or 0
    return spent


def _driver_of(node: ir.Node, streams: Streams) -> str:
    """Return what drives the multiply-accumulates of ``node``."""
    if streams.is_spike_driven(node):
        return "spikes"
    kind = streams.classifications[node].kind.value
    if kind in _DRIVERS:
        return kind
    return "analog"


def _describe_nodes(
    network: Part, streams: Mapping[Part, Streams]
) -> Iterator[NodeAnalysis]:
    """Yield the entries of all nodes, those of a branch behind its If."""
    for mapping in network.node_mappings:
        yield _describe_node(mapping, streams[network])
        for branch, inner in network.inside:
            if branch.node in mapping.replaced_by:
                yield from _describe_nodes(inner, streams)


def _describe_node(mapping: NodeMapping, streams: Streams) -> NodeAnalysis:
    kind, reason = _kind_and_reason(mapping, streams)
    nodes = mapping.replaced_by
    return {
        "node": mapping.node.name,
        "op": mapping.node.op,
        "place": mapping.node.place,
        "kind": kind,
        "reason": reason,
        "into": None if mapping.into is None else mapping.into.name,
        "became": [display_name(node) for node in nodes],
        "macs": _add_macs(nodes),
        "spike_driven": any(streams.is_spike_driven(node) for node in nodes),
    }


def _add_macs(nodes: Iterable[ir.Node]) -> int | None:
    """Return the multiply-accumulates of all ``nodes``, None if those of one are not known."""
    total = 0
    for node in nodes:
        count = count_macs(node)
        if count is None:
            return None
        total += count
    return total


def _kind_and_reason(mapping: NodeMapping, streams: Streams) -> tuple[str, str]:
    """Return what a node of the file becomes, and why."""
    if mapping.outcome is Outcome.FOLDED and mapping.into is not None:
        return "folded", f"folded into {mapping.into.op} {mapping.into.name!r}"
    if mapping.outcome is not Outcome.KEPT:
        return _GONE[mapping.outcome]
    node = _choose_representative(mapping, streams)
    classification = streams.classifications[node]
    kind = classification.kind.value
    reason = classification.reason
    if classification.kind is NodeKind.ANALOG and is_excluded_node(node):
        reason = "excluded, as asked"
    return kind, reason


def _choose_representative(mapping: NodeMapping, streams: Streams) -> ir.Node:
    """Return that of the nodes in the place of one which says best what became of it."""
    for node in mapping.replaced_by:
        if node.op_type == mapping.node.op:
            return node

    def rank(node: ir.Node) -> int:
        return _PRECEDENCE.index(streams.classifications[node].kind)

    return min(mapping.replaced_by, key=rank)


def write_macs(macs: int | None) -> str:
    """Return a number of multiply-accumulates: ``?`` if unknown, nothing if there are none."""
    if macs is None:
        return "?"
    if macs:
        return f"{macs:,}"
    return ""

"""What each node of an ANN will become, before anything is converted."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.macs import macs
from onnx2snn.analysis.provenance import Outcome
from onnx2snn.analysis.streams import NodeKind, Streams, find_streams
from onnx2snn.graph import display_name
from onnx2snn.metadata.facts import is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.analysis.provenance import NodeMapping

__all__ = ["ANALYSIS_VERSION", "Analysis", "NodeAnalysis", "analysis"]

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


def analysis(network: Part, spike: str = "activations") -> Analysis:
    """Return the analysis of a simplified ANN.

    Args:
        network: The ANN, with those in its branches, and what became of the file's nodes in it.
        spike: Where neurons stand.
    """
    nodes = list(_entries(network, spike))
    spent: collections.Counter[str] = collections.Counter()
    for part in _parts(network):
        streams = find_streams(part.ann.graph, spike=spike)
        for node in part.ann.graph:
            spent[_driver(node, streams)] += macs(node) or 0
    counts = collections.Counter(entry["kind"] for entry in nodes)
    total = sum(spent.values())
    return {
        "version": ANALYSIS_VERSION,
        "nodes": nodes,
        "counts": {kind: counts[kind] for kind in _KINDS},
        "macs": {"total": total, **{driver: spent[driver] for driver in _DRIVERS}},
        "spike_driven_percent": round(100 * spent["spikes"] / total, 2)
        if total
        else 0.0,
    }


_DRIVERS = ("spikes", "static", "readout", "analog")

_KINDS = (*(kind.value for kind in NodeKind), "folded", "constant", "removed")
"""What a node of the file can become."""


def _parts(network: Part) -> Iterator[Part]:
    yield network
    for _, inner in network.inside:
        yield from _parts(inner)


def _entries(network: Part, spike: str) -> Iterator[NodeAnalysis]:
    """Yield the entries of all nodes, those of a branch behind its If."""
    streams = find_streams(network.ann.graph, spike=spike)
    for mapping in network.node_mappings:
        yield _entry(mapping, streams)
        for branch, inner in network.inside:
            if branch.node in mapping.became:
                yield from _entries(inner, spike)


def _entry(mapping: NodeMapping, streams: Streams) -> NodeAnalysis:
    kind, reason = _classification(mapping, streams)
    counted = [macs(node) for node in mapping.became]
    return {
        "node": mapping.node.name,
        "op": mapping.node.op,
        "place": mapping.node.place,
        "kind": kind,
        "reason": reason,
        "into": None if mapping.into is None else mapping.into.name,
        "became": [display_name(node) for node in mapping.became],
        "macs": None if None in counted else sum(count or 0 for count in counted),
        "spike_driven": any(map(streams.is_spike_driven, mapping.became)),
    }


def _classification(mapping: NodeMapping, streams: Streams) -> tuple[str, str]:
    """Return what a node of the file becomes, and why."""
    if mapping.outcome is Outcome.FOLDED and mapping.into is not None:
        return "folded", f"part of what {mapping.into.op} {mapping.into.name!r} became"
    if mapping.outcome is not Outcome.KEPT:
        return _GONE[mapping.outcome]
    node = _telling(mapping, streams)
    classification = streams.classifications[node]
    left = classification.kind is NodeKind.ANALOG and any(
        map(is_excluded, node.outputs)
    )
    return (
        classification.kind.value,
        "left as it is, as asked" if left else classification.reason,
    )


_GONE = {
    Outcome.CONSTANT: ("constant", "needs no input's values: computed on import"),
    Outcome.REMOVED: ("removed", "what it hands on is what it reads"),
    Outcome.UNUSED: ("removed", "no output depends on it"),
}

_PRECEDENCE = (
    NodeKind.REFUSED,
    NodeKind.SPIKING,
    NodeKind.ANALOG,
    NodeKind.MAX_LIKE,
    NodeKind.LINEAR,
    NodeKind.READOUT,
    NodeKind.STATIC,
)
"""Which of several nodes that one became stands for all."""


def _telling(mapping: NodeMapping, streams: Streams) -> ir.Node:
    """Return that of the nodes in the place of one which says best what became of it."""
    same = (node for node in mapping.became if node.op_type == mapping.node.op)
    ranked = sorted(
        mapping.became,
        key=lambda node: _PRECEDENCE.index(streams.classifications[node].kind),
    )
    return next(same, ranked[0])


def _driver(node: ir.Node, streams: Streams) -> str:
    """Return what drives the multiply-accumulates of ``node``."""
    if streams.is_spike_driven(node):
        return "spikes"
    kind = streams.classifications[node].kind.value
    return kind if kind in _DRIVERS else "analog"

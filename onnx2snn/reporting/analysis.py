"""What each node of an ANN will become, before anything is converted."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.macs import macs
from onnx2snn.analysis.provenance import Outcome
from onnx2snn.analysis.streams import Kind, Streams
from onnx2snn.graph import label
from onnx2snn.metadata.keys import is_left

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.analysis.branches import Part
    from onnx2snn.analysis.provenance import Fate

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
        streams = Streams(part.ann.graph, spike=spike)
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

_KINDS = (*(kind.value for kind in Kind), "folded", "constant", "removed")
"""What a node of the file can become."""


def _parts(network: Part) -> Iterator[Part]:
    yield network
    for _, inner in network.inside:
        yield from _parts(inner)


def _entries(network: Part, spike: str) -> Iterator[NodeAnalysis]:
    """Yield the entries of all nodes, those of a branch behind its If."""
    streams = Streams(network.ann.graph, spike=spike)
    for fate in network.fates:
        yield _entry(fate, streams)
        for branch, inner in network.inside:
            if branch.node in fate.became:
                yield from _entries(inner, spike)


def _entry(fate: Fate, streams: Streams) -> NodeAnalysis:
    kind, reason = _verdict(fate, streams)
    counted = [macs(node) for node in fate.became]
    return {
        "node": fate.node.name,
        "op": fate.node.op,
        "place": fate.node.place,
        "kind": kind,
        "reason": reason,
        "into": None if fate.into is None else fate.into.name,
        "became": [label(node) for node in fate.became],
        "macs": None if None in counted else sum(count or 0 for count in counted),
        "spike_driven": any(map(streams.is_spike_driven, fate.became)),
    }


def _verdict(fate: Fate, streams: Streams) -> tuple[str, str]:
    """Return what a node of the file becomes, and why."""
    if fate.outcome is Outcome.FOLDED and fate.into is not None:
        return "folded", f"part of what {fate.into.op} {fate.into.name!r} became"
    if fate.outcome is not Outcome.KEPT:
        return _GONE[fate.outcome]
    node = _telling(fate, streams)
    verdict = streams.verdicts[node]
    left = verdict.kind is Kind.ANALOG and any(map(is_left, node.outputs))
    return verdict.kind.value, "left as it is, as asked" if left else verdict.reason


_GONE = {
    Outcome.CONSTANT: ("constant", "needs no input's values: computed on import"),
    Outcome.REMOVED: ("removed", "what it hands on is what it reads"),
    Outcome.UNUSED: ("removed", "no output depends on it"),
}

_PRECEDENCE = (
    Kind.REFUSED,
    Kind.SPIKING,
    Kind.ANALOG,
    Kind.MAX_LIKE,
    Kind.LINEAR,
    Kind.READOUT,
    Kind.STATIC,
)
"""Which of several nodes that one became stands for all."""


def _telling(fate: Fate, streams: Streams) -> ir.Node:
    """Return that of the nodes in the place of one which says best what became of it."""
    same = (node for node in fate.became if node.op_type == fate.node.op)
    ranked = sorted(
        fate.became, key=lambda node: _PRECEDENCE.index(streams.verdicts[node].kind)
    )
    return next(same, ranked[0])


def _driver(node: ir.Node, streams: Streams) -> str:
    """Return what drives the multiply-accumulates of ``node``."""
    if streams.is_spike_driven(node):
        return "spikes"
    kind = streams.verdicts[node].kind.value
    return kind if kind in _DRIVERS else "analog"

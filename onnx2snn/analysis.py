"""What each node of an ANN will become, before anything is converted."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.graph import label
from onnx2snn.importing import import_model
from onnx2snn.macs import macs
from onnx2snn.passes import SIMPLIFICATION, apply
from onnx2snn.streams import Kind, Streams

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.importing.source import AnyModel

__all__ = ["Analysis", "NodeAnalysis", "analyze", "analyze_graph"]


class NodeAnalysis(TypedDict):
    """One node of the imported ANN.

    ``macs`` counts multiply-accumulates for one sample, None where shapes are not known;
    ``spike_driven`` says whether what its weights multiply are spikes.
    """

    node: str
    op: str
    kind: str
    reason: str
    macs: int | None
    spike_driven: bool


class Analysis(TypedDict):
    """An ANN, node by node; plain data.

    ``counts`` has the number of nodes of each kind. ``macs`` has the multiply-accumulates of
    one sample: ``total``, and by what drives them: ``spikes``, ``static`` (once, before the
    first step), ``readout`` (once, after the last step) and ``analog`` (in every step).
    ``spike_driven_percent`` is the part of ``total`` that spikes drive.
    """

    nodes: list[NodeAnalysis]
    counts: dict[str, int]
    macs: dict[str, int]
    spike_driven_percent: float


def analyze(model: AnyModel, spike: str = "activations") -> Analysis:
    """Return what each node of ``model`` will become, and why.

    The nodes are those of the imported and simplified network: constants are computed,
    normalizations folded into weights, and a pooling stands before its activation.

    Args:
        model: A path, bytes, ``onnx.ModelProto``, ``onnx_ir.Model`` or ``gs.Graph``.
        spike: Where neurons stand: at the ``activations``, or in front of ``all`` weights.

    Raises:
        InvalidModelError: The model cannot be read.
        UnsupportedError: It has operators ONNX does not define.
        OptionError: ``spike`` is no place for neurons.
    """
    ann = import_model(model, check=False).model
    return analyze_graph(apply(ann, SIMPLIFICATION).graph, spike)


def analyze_graph(graph: ir.Graph, spike: str = "activations") -> Analysis:
    """Return the analysis of a canonical graph."""
    streams = Streams(graph, spike=spike)
    nodes = [_entry(node, streams) for node in graph]
    spent: collections.Counter[str] = collections.Counter()
    for entry in nodes:
        spent[_driver(entry)] += entry["macs"] or 0
    total = sum(spent.values())
    drivers = ("spikes", "static", "readout", "analog")
    return {
        "nodes": nodes,
        "counts": {kind.value: len(streams.of_kind(kind)) for kind in Kind},
        "macs": {"total": total, **{driver: spent[driver] for driver in drivers}},
        "spike_driven_percent": round(100 * spent["spikes"] / total, 2) if total else 0.0,
    }


def _entry(node: ir.Node, streams: Streams) -> NodeAnalysis:
    verdict = streams.verdicts[node]
    return {
        "node": label(node),
        "op": node.op_type,
        "kind": verdict.kind.value,
        "reason": verdict.reason,
        "macs": macs(node),
        "spike_driven": streams.is_spike_driven(node),
    }


def _driver(entry: NodeAnalysis) -> str:
    if entry["spike_driven"]:
        return "spikes"
    return entry["kind"] if entry["kind"] in {"static", "readout"} else "analog"

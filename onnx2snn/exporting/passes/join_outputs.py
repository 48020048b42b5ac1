"""One edge to the output."""

from __future__ import annotations

from onnx2snn.exporting.layers import Entry, Exit, LayerGraph
from onnx2snn.exporting.passes.linear_layers import identity

__all__ = ["join_outputs"]


def join_outputs(graph: LayerGraph) -> None:
    """Let the output read one layer alone: one that adds up what it has read; exact.

    nirtorch returns the edges to an Output one by one, and does not add them up.
    """
    for name in graph.named(Exit):
        sources = graph.sources[name]
        reads_entry = any(isinstance(graph.layers[each], Entry) for each in sources)
        if len(sources) > 1 or reads_entry:
            same = identity(graph.shapes[name])
            graph.insert(name, "sum", same, sources)

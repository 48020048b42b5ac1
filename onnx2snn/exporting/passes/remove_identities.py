"""No layers that send what they read."""

from __future__ import annotations

from onnx2snn.exporting.layers import Entry, Exit, LayerGraph
from onnx2snn.exporting.passes.linear_layers import is_identity

__all__ = ["remove_identities"]


def remove_identities(graph: LayerGraph) -> None:
    """Remove layers of weights that are the identity; exact.

    One stays where the same edge would be there twice, or in front of the output, which readers
    do not let add up several edges.
    """
    for name in list(graph.layers):
        if is_identity(graph, name) and _can_go(graph, name):
            graph.bypass(name)


def _can_go(graph: LayerGraph, name: str) -> bool:
    sources = graph.sources[name]
    for reader in graph.readers(name):
        is_exit = isinstance(graph.layers[reader], Exit)
        is_sum = len(sources) > 1
        reads_entry = any(isinstance(graph.layers[each], Entry) for each in sources)
        if is_exit and (is_sum or reads_entry):
            return False
        if not set(sources).isdisjoint(graph.sources[reader]):
            return False
    return True

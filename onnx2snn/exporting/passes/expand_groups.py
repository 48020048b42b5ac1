"""Convolutions of one group."""

from __future__ import annotations

from onnx2snn.exporting.layers import Convolution, LayerGraph
from onnx2snn.exporting.passes.dense_kernels import without_groups

__all__ = ["expand_groups"]


def expand_groups(graph: LayerGraph) -> None:
    """Write convolutions in groups with zeros for the channels of other groups; exact.

    nir 1.0.8 takes the number of input channels from the weights, which have those of one group,
    so that a file with groups cannot be read back.
    """
    for name in graph.named(Convolution):
        layer = graph.layers[name]
        assert isinstance(layer, Convolution)  # named so
        graph.layers[name] = without_groups(layer)

"""Kernels as wide as high."""

from __future__ import annotations

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.exporting.layers import Convolution, LayerGraph
from onnx2snn.exporting.passes.dense_kernels import (
    axis_window,
    with_taps,
    without_dilation,
)

__all__ = ["square_kernels"]

_MOST_MORE_TAPS = 64
"""How many zero taps a kernel may get along an axis."""


def square_kernels(graph: LayerGraph) -> None:
    """Give all convolutions kernels that are as wide as high, with zero taps; exact.

    nir 1.0.8 computes the shape of the output from the height of the kernel alone.

    Raises:
        UnsupportedError: There is no such kernel that pads alike on both sides.
    """
    for name in graph.named(Convolution):
        layer = graph.layers[name]
        assert isinstance(layer, Convolution)  # named so
        graph.layers[name] = _squared(graph, name, layer)


def _squared(graph: LayerGraph, name: str, layer: Convolution) -> Convolution:
    if layer.weight.shape[2] == layer.weight.shape[3]:
        return layer
    dense = without_dilation(without_dilation(layer, 0), 1)
    for candidate in (layer, dense):
        found = _with_common_taps(graph, name, candidate)
        if found is not None:
            return found
    reason = (
        "no square kernel with padding alike on both sides gives its output: make the kernel "
        "square in the network"
    )
    message = "a kernel that NIR cannot say"
    raise UnsupportedError(message, [Refusal(name, "Conv", reason)])


def _with_common_taps(
    graph: LayerGraph, name: str, layer: Convolution
) -> Convolution | None:
    """Return the convolution with the fewest taps that both axes can have."""
    source, output = graph.input_shape(name), graph.shapes[name]
    windows = [axis_window(layer, axis, source, output) for axis in (0, 1)]
    least = max(window.taps for window in windows)
    for taps in range(least, least + _MOST_MORE_TAPS):
        fronts = [window.front_zeros(taps) for window in windows]
        height, width = fronts
        if height is not None and width is not None:
            return with_taps(with_taps(layer, 0, taps, height), 1, taps, width)
    return None

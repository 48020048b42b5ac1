"""As many zeros before the input as behind it."""

from __future__ import annotations

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.exporting.layers import Convolution, LayerGraph
from onnx2snn.exporting.passes.dense_kernels import (
    axis_window,
    with_taps,
    without_dilation,
)

__all__ = ["pad_symmetrically"]

_MOST_MORE_TAPS = 64
"""How many zero taps a kernel may get along an axis."""


def pad_symmetrically(graph: LayerGraph) -> None:
    """Let all convolutions pad alike on both sides of an axis, as NIR does; exact.

    Kernels get zero taps for the difference, also where elements are cut off in place of padding.

    Raises:
        UnsupportedError: There is no such kernel.
    """
    for name in graph.named(Convolution):
        for axis in (0, 1):
            layer = graph.layers[name]
            assert isinstance(layer, Convolution)  # named so
            graph.layers[name] = _padded_alike(graph, name, layer, axis)


def _padded_alike(
    graph: LayerGraph, name: str, layer: Convolution, axis: int
) -> Convolution:
    source, output = graph.input_shape(name), graph.shapes[name]
    if axis_window(layer, axis, source, output).is_plain:
        return layer
    for candidate in (layer, without_dilation(layer, axis)):
        window = axis_window(candidate, axis, source, output)
        for taps in range(window.taps, window.taps + _MOST_MORE_TAPS):
            front = window.front_zeros(taps)
            if front is not None:
                return with_taps(candidate, axis, taps, front)
    reason = (
        "no kernel with as many zeros before the input as behind it gives its output: change the "
        "padding in the network"
    )
    message = "padding that NIR cannot say"
    raise UnsupportedError(message, [Refusal(name, "Conv", reason)])

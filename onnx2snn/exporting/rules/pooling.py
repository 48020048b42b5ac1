"""Means of windows, or of all positions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.layers import Convolution, Pool
from onnx2snn.exporting.realizing import merged
from onnx2snn.exporting.rules.flattening import flattened
from onnx2snn.exporting.rules.linear import read_window
from onnx2snn.exporting.rules.work import NotRepresentableError
from onnx2snn.graph import array, input_at

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.layers import Layer, Shape
    from onnx2snn.exporting.rules.work import Rule, Work
    from onnx2snn.exporting.views import StreamValue
    from onnx2snn.runtime.kernels.window import Window

__all__ = ["POOLING"]


def _average_pool(work: Work, node: ir.Node) -> StreamValue:
    value = _checked_operand(work, node)
    kernel = tuple(node.attributes.get_ints("kernel_shape", ()))
    window = read_window(node, value.shape, kernel)
    shape = (value.shape[0], *window.output)
    if any(axis.begin or axis.overhang for axis in window.axes):
        return _padded_pool(work, node, value, window)
    height, width = window.axes
    layer: Layer = Pool((height.kernel, width.kernel), (height.stride, width.stride))
    if height.dilation > 1 or width.dilation > 1:
        layer = _as_convolution(window, value.shape[0])
    return _pooled(work, node, layer, value, shape)


def _padded_pool(
    work: Work, node: ir.Node, value: StreamValue, window: Window
) -> StreamValue:
    """Return means of windows that reach over the border, as a convolution."""
    counts_padding = node.attributes.get_int("count_include_pad", 0) != 0
    is_ceil = node.attributes.get_int("ceil_mode", 0) != 0
    if not counts_padding or is_ceil or value.constant.any():
        message = (
            "windows at the border are means of fewer elements, which no layer of NIR is: set "
            "count_include_pad to 1, or choose a kernel that fits"
        )
        raise NotRepresentableError(message)
    layer = _as_convolution(window, value.shape[0])
    shape = (value.shape[0], *window.output)
    return _pooled(work, node, layer, work.settled(node, value), shape)


def _as_convolution(window: Window, channels: int) -> Convolution:
    """Return the means of windows as a convolution, a group a channel."""
    height, width = window.axes
    taps = np.full((channels, 1, height.kernel, width.kernel), 1 / window.taps)
    return Convolution(
        taps,
        np.zeros(channels),
        strides=(height.stride, width.stride),
        dilations=(height.dilation, width.dilation),
        before=(height.begin, width.begin),
        groups=channels,
    )


def _pooled(
    work: Work, node: ir.Node, layer: Layer, value: StreamValue, shape: Shape
) -> StreamValue:
    """Return what a pool makes of a value, a layer for each view: it treats channels alike."""
    if not _are_whole(work, value):
        value = work.settled(node, value)
    views = []
    for view in merged(value.views):
        source = work.layers.shapes[view.layer]
        own: Shape = (source[0], *shape[1:])
        sized = _for_channels(layer, source[0])
        name = work.add(node, sized, (view.layer,), own)
        views.append(dataclasses.replace(view, layer=name))
    return dataclasses.replace(
        value,
        shape=shape,
        views=tuple(views),
    )


def _for_channels(layer: Layer, channels: int) -> Layer:
    """Return the pool of so many channels."""
    if not isinstance(layer, Convolution):
        return layer
    weight = np.repeat(layer.weight[:1], channels, axis=0)
    bias = np.zeros(channels)
    return dataclasses.replace(
        layer,
        weight=weight,
        bias=bias,
        groups=channels,
    )


def _are_whole(work: Work, value: StreamValue) -> bool:
    """Whether all views have the positions of their layers."""
    shapes = work.layers.shapes
    return all(
        view.keeps_positions(value.shape, shapes[view.layer]) for view in value.views
    )


def _global_pool(work: Work, node: ir.Node) -> StreamValue:
    """Return the mean of all positions; with its axes of length 1, or without."""
    value = _checked_operand(work, node)
    axes = _reduced_axes(node, len(value.shape) + 1)
    if axes != {2, 3}:
        message = (
            f"it takes the mean along the axes {sorted(axes)}, not of all positions"
        )
        raise NotRepresentableError(message)
    kernel = (value.shape[1], value.shape[2])
    shape = (value.shape[0], 1, 1)
    pooled = _pooled(work, node, Pool(kernel, kernel), value, shape)
    is_reduced = node.op_type == "ReduceMean"
    if is_reduced and node.attributes.get_int("keepdims", 1) == 0:
        return flattened(work, node, pooled)
    return pooled


def _reduced_axes(node: ir.Node, rank: int) -> set[int]:
    if node.op_type == "GlobalAveragePool":
        return {2, 3}
    axes = input_at(node, 1)
    given = node.attributes.get_ints("axes", ()) if axes is None else array(axes)
    return {int(axis) % rank for axis in given}


def _checked_operand(work: Work, node: ir.Node) -> StreamValue:
    (value, *_) = work.operands(node)
    if len(value.shape) != 3 or not value.has_usual_order:
        message = (
            f"a sample of its input has the shape {list(value.shape)}, where readers pool over "
            "height and width"
        )
        raise NotRepresentableError(message)
    return value


POOLING: dict[str, Rule] = {
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_pool,
    "ReduceMean": _global_pool,
}
"""Operator to rule."""

"""Weights: Conv, Gemm and MatMul."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.layers import Convolution, Product
from onnx2snn.exporting.passes.dense_kernels import without_groups
from onnx2snn.exporting.realizing import merged
from onnx2snn.exporting.rules.work import NotRepresentableError
from onnx2snn.exporting.views import NOWHERE, StreamValue, View
from onnx2snn.graph import array
from onnx2snn.graph.affine_weights import has_plain_weights
from onnx2snn.graph.linear_weights import (
    count_groups,
    count_output_channels,
    output_axis,
    read_bias,
)
from onnx2snn.runtime.kernels.window import Window

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.layers import Linear, Shape
    from onnx2snn.exporting.rules.work import Rule, Work

__all__ = [
    "LINEAR",
    "read_window",
]


def read_window(node: ir.Node, shape: Shape, kernel: tuple[int, ...]) -> Window:
    """Return the windows of a convolution or a pool on a sample of a shape."""
    attributes = {name: each.value for name, each in node.attributes.items()}
    return Window.of(shape[1:], kernel, attributes)


def _convolution(work: Work, node: ir.Node) -> StreamValue:
    value = _checked_operand(work, node, rank=3)
    weight = array(node.inputs[1]).astype(np.float64)
    bias = _bias_of(node)
    window = read_window(node, value.shape, weight.shape[2:])
    height, width = window.axes
    layer = Convolution(
        weight,
        bias,
        strides=(height.stride, width.stride),
        dilations=(height.dilation, width.dilation),
        before=(height.begin, width.begin),
        groups=count_groups(node),
    )
    shape = (len(weight), *window.output)
    if value.constant.any():
        if any(axis.begin or axis.overhang for axis in window.axes):
            raise NotRepresentableError(_SHIFTED)
        layer = _with_response(layer, value.constant)
    if _reads_beside(work, value, window):
        value = work.settled(node, value)
    return _linear(work, node, layer, value, shape)


_SHIFTED = (
    "a constant is added to its input, and its padding is not: fold the constant into the "
    "layer before, or pad in front of it"
)


def _reads_beside(work: Work, value: StreamValue, window: Window) -> bool:
    """Whether windows would read, in the place of padding, what a value leaves out of a layer."""
    for position, axis in enumerate(window.axes):
        before, behind = axis.begin > 0, axis.overhang > 0
        if work.has_more(value, position, before=before, behind=behind):
            return True
    return False


def _with_response(layer: Convolution, constant: np.ndarray) -> Convolution:
    """Return a convolution whose bias has what it makes of a constant for each channel."""
    dense = without_groups(layer)
    response = dense.weight.sum(axis=(2, 3)) @ constant
    return dataclasses.replace(layer, bias=layer.bias + response)


def _product(work: Work, node: ir.Node) -> StreamValue:
    value = _checked_operand(work, node, rank=1)
    weight = array(node.inputs[1]).astype(np.float64)
    if output_axis(node) == 1:
        weight = weight.T
    bias = _bias_of(node) + weight @ value.constant
    return _linear(work, node, Product(weight, bias), value, (len(weight),))


def _checked_operand(work: Work, node: ir.Node, rank: int) -> StreamValue:
    """Return what a node multiplies by weights; refuse what no layer of weights does."""
    value = work.values.get(node.inputs[0]) if node.inputs[0] else None
    if value is None or not has_plain_weights(node):
        message = "its weights are no constants: no reader multiplies two streams"
        raise NotRepresentableError(message)
    if len(value.shape) != rank or not value.has_usual_order:
        axes = "channels, height and width" if rank == 3 else "features alone"
        shape = list(value.shape)
        message = f"a sample of its input is {shape}, where readers take {axes}"
        raise NotRepresentableError(message)
    return value


def _bias_of(node: ir.Node) -> np.ndarray:
    bias = read_bias(node)
    outputs = count_output_channels(node)
    if bias is None:
        return np.zeros(outputs)
    return np.broadcast_to(bias.astype(np.float64), outputs)


def _linear(
    work: Work, node: ir.Node, layer: Linear, value: StreamValue, shape: Shape
) -> StreamValue:
    """Return what weights make of a value: a layer for each different view."""
    views: list[View] = []
    for alike in _alike(work, value):
        of_view = _reading(layer, alike[0], work)
        if views:  # the bias counts once
            of_view = dataclasses.replace(of_view, bias=np.zeros_like(layer.bias))
        sources = tuple(view.layer for view in alike)
        name = work.add(node, of_view, sources, shape)
        views.append(View.whole(name, shape))
    whole = StreamValue.of_layer("", shape, is_static=value.is_static)
    return dataclasses.replace(whole, views=tuple(views))


def _alike(work: Work, value: StreamValue) -> list[list[View]]:
    """Return the views, those together that one layer can read as a sum."""
    groups: list[list[View]] = []
    shapes = work.layers.shapes
    for view in merged(value.views):
        for group in groups:
            first = group[0]
            if view.is_alike(first) and shapes[view.layer] == shapes[first.layer]:
                group.append(view)
                break
        else:
            groups.append([view])
    return groups


def _reading(layer: Linear, view: View, work: Work) -> Linear:
    """Return weights that read the layer of a view, in the place of the view."""
    source = work.layers.shapes[view.layer]
    if isinstance(layer, Product):
        weight = _by_channel(layer.weight, view, source[0])
        return dataclasses.replace(layer, weight=weight)
    if layer.groups > 1 and view.keeps_channels(source):
        layer = dataclasses.replace(layer, weight=_scaled_groups(layer, view.factors))
    else:
        layer = without_groups(layer)
        weight = _by_channel(layer.weight, view, source[0])
        layer = dataclasses.replace(layer, weight=weight)
    return _moved(layer, view)


def _by_channel(weight: np.ndarray, view: View, inputs: int) -> np.ndarray:
    """Return weights for the channels of a layer, given those for the channels of a view."""
    outputs, _, *kernel = weight.shape
    found = np.zeros((inputs, outputs, *kernel))
    is_there = view.channels != NOWHERE
    by_input = weight[:, is_there].swapaxes(0, 1)
    factors = view.factors[is_there].reshape(-1, 1, *[1] * len(kernel))
    np.add.at(found, view.channels[is_there], by_input * factors)
    return found.swapaxes(0, 1)


def _scaled_groups(layer: Convolution, factors: np.ndarray) -> np.ndarray:
    """Return the weights of groups times a factor for each input channel."""
    outputs, inputs, *kernel = layer.weight.shape
    grouped = layer.weight.reshape(layer.groups, -1, inputs, *kernel)
    scaled = grouped * factors.reshape(layer.groups, 1, inputs, 1, 1)
    return np.asarray(scaled.reshape(outputs, inputs, *kernel))


def _moved(layer: Convolution, view: View) -> Convolution:
    """Return a convolution on the positions of a layer, given one on those of a view."""
    strides, dilations, before = [], [], []
    for axis in (0, 1):
        offset, step = view.offsets[axis], view.steps[axis]
        strides.append(layer.strides[axis] * step)
        dilations.append(layer.dilations[axis] * step)
        before.append(layer.before[axis] * step - offset)
    return dataclasses.replace(
        layer,
        strides=(strides[0], strides[1]),
        dilations=(dilations[0], dilations[1]),
        before=(before[0], before[1]),
    )


LINEAR: dict[str, Rule] = {
    "Conv": _convolution,
    "Gemm": _product,
    "MatMul": _product,
}
"""Operator to rule."""

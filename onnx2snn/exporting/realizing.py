"""Views made layers: weights that take in factors, places and constants."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.layers import Convolution, Product
from onnx2snn.exporting.views import NOWHERE, StreamValue, View

if TYPE_CHECKING:
    from onnx2snn.exporting.layers import LayerGraph, Linear, Shape

__all__ = [
    "merged",
    "realize",
    "realize_all",
    "selection",
]


def merged(views: tuple[View, ...]) -> tuple[View, ...]:
    """Return views of which no two take the same places of the same layer."""
    found: list[View] = []
    for view in views:
        for position, other in enumerate(found):
            is_same = view.layer == other.layer and view.has_channels_of(other)
            if is_same and (view.offsets, view.steps) == (other.offsets, other.steps):
                factors = other.factors + view.factors
                found[position] = dataclasses.replace(other, factors=factors)
                break
        else:
            found.append(view)
    return tuple(found)


def realize_all(graph: LayerGraph, value: StreamValue, name: str) -> tuple[str, ...]:
    """Return the layers whose outputs add up to a value; they are made as needed.

    Args:
        graph: The layers; it gets new ones.
        value: The value.
        name: Beginning of the names of new layers.
    """
    names = []
    bias: np.ndarray | None = value.constant if value.constant.any() else None
    views = sorted(merged(value.views), key=lambda view: not _is_linear(graph, view))
    for view in views:
        names.append(realize(graph, view, value.shape, name, bias))
        bias = None
    return tuple(names)


def _is_linear(graph: LayerGraph, view: View) -> bool:
    return isinstance(graph.layers[view.layer], Convolution | Product)


def realize(
    graph: LayerGraph,
    view: View,
    shape: Shape,
    name: str,
    bias: np.ndarray | None = None,
) -> str:
    """Return the name of a layer that sends what a view shows, plus a bias.

    Args:
        graph: The layers; it gets a new one, unless the layer of the view does already.
        view: The view.
        shape: Shape of the value.
        name: Beginning of the name of a new layer.
        bias: One number a channel; None for none.
    """
    source = graph.shapes[view.layer]
    is_whole = view.keeps_positions(shape, source)
    is_same = is_whole and view.keeps_channels(source)
    if is_same and bias is None and bool((view.factors == 1).all()):
        return view.layer
    layer = graph.layers[view.layer]
    added = np.zeros(shape[0]) if bias is None else bias
    if is_whole and isinstance(layer, Convolution | Product):
        scaled = _with_outputs(layer, view, added)
        if scaled is not None:
            sources = graph.sources[view.layer]
            return graph.add(f"{view.layer}.scaled", scaled, sources, shape)
    made = selection(view, source[0], added)
    return graph.add(f"{name}.from.{view.layer}", made, [view.layer], shape)


def _with_outputs(layer: Linear, view: View, bias: np.ndarray) -> Linear | None:
    """Return a layer that sends the channels of a view, times its factors; None if it cannot."""
    is_in_groups = isinstance(layer, Convolution) and layer.groups > 1
    in_place = np.arange(len(layer.bias))
    if is_in_groups and not np.array_equal(view.channels, in_place):
        return None
    factors = np.where(view.channels == NOWHERE, 0.0, view.factors)
    axes = [1] * (layer.weight.ndim - 1)
    weight = layer.weight[view.channels] * factors.reshape(-1, *axes)
    return dataclasses.replace(
        layer,
        weight=weight,
        bias=layer.bias[view.channels] * factors + bias,
    )


def selection(view: View, inputs: int, bias: np.ndarray) -> Linear:
    """Return the weights, all of a row 0 but for one, that make the value of a view.

    Args:
        view: The view.
        inputs: Channels of its layer.
        bias: The bias, one number a channel.
    """
    rows = np.flatnonzero(view.channels != NOWHERE)
    matrix = np.zeros((len(view.channels), inputs))
    matrix[rows, view.channels[rows]] = view.factors[rows]
    if not view.offsets:
        return Product(matrix, bias)
    height, width = view.offsets
    return Convolution(
        matrix[:, :, None, None],
        bias,
        strides=(view.steps[0], view.steps[1]),
        before=(-height, -width),
    )

"""Layers of weights, as passes rewrite them."""

from __future__ import annotations

import dataclasses

import numpy as np

from onnx2snn.exporting.layers import Convolution, LayerGraph, Linear, Product, Shape

__all__ = [
    "has_one_reader",
    "identity",
    "is_identity",
    "scaled",
    "scaled_inputs",
]


def identity(shape: Shape) -> Linear:
    """Return weights that send what they read, of a shape, as it is."""
    eye = np.eye(shape[0])
    bias = np.zeros(shape[0])
    if len(shape) == 1:
        return Product(eye, bias)
    return Convolution(eye[:, :, None, None], bias)


def scaled(layer: Linear, factors: np.ndarray) -> Linear:
    """Return weights whose output is so many times as large, a factor for each channel."""
    axes = [1] * (layer.weight.ndim - 1)
    weight = layer.weight * factors.reshape(-1, *axes)
    return dataclasses.replace(
        layer,
        weight=weight,
        bias=layer.bias * factors,
    )


def scaled_inputs(layer: Linear, factor: float) -> Linear:
    """Return weights for an input that is so many times as small."""
    return dataclasses.replace(layer, weight=layer.weight * factor)


def has_one_reader(graph: LayerGraph, name: str) -> bool:
    """Whether one layer alone reads another one."""
    return len(graph.readers(name)) == 1


def is_identity(graph: LayerGraph, name: str) -> bool:
    """Whether a layer sends what it reads, as it is."""
    layer = graph.layers[name]
    if not isinstance(layer, Convolution | Product) or layer.bias.any():
        return False
    shape = graph.shapes[name]
    if graph.input_shape(name) != shape:
        return False
    usual = identity(shape)
    if isinstance(layer, Convolution) and layer.groups > 1:
        return False
    if layer.weight.shape != usual.weight.shape:
        return False
    is_in_place = isinstance(layer, Product) or (
        layer.strides == (1, 1) and layer.before == (0, 0)
    )
    return is_in_place and np.array_equal(layer.weight, usual.weight)

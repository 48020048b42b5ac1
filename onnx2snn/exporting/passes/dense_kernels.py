"""The same convolutions with other kernels, whose further taps are zeros."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.geometry import AxisWindow

if TYPE_CHECKING:
    from onnx2snn.exporting.layers import Convolution, Shape

__all__ = [
    "axis_window",
    "with_taps",
    "without_dilation",
    "without_groups",
]


def without_groups(layer: Convolution) -> Convolution:
    """Return a convolution whose weights for channels of other groups are 0."""
    if layer.groups == 1:
        return layer
    outputs, inputs, *kernel = layer.weight.shape
    groups = layer.groups
    dense = np.zeros((outputs, inputs * groups, *kernel))
    outputs_a_group = outputs // groups
    for group in range(groups):
        rows = slice(group * outputs_a_group, (group + 1) * outputs_a_group)
        columns = slice(group * inputs, (group + 1) * inputs)
        dense[rows, columns] = layer.weight[rows]
    return dataclasses.replace(
        layer,
        weight=dense,
        groups=1,
    )


def axis_window(
    layer: Convolution, axis: int, source: Shape, output: Shape
) -> AxisWindow:
    """Return the windows of a convolution along an axis.

    Args:
        layer: The convolution.
        axis: 0 for height, 1 for width.
        source: Shape of its input.
        output: Shape of its output.
    """
    return AxisWindow(
        length=source[axis + 1],
        outputs=output[axis + 1],
        taps=layer.weight.shape[axis + 2],
        stride=layer.strides[axis],
        dilation=layer.dilations[axis],
        before=layer.before[axis],
    )


def without_dilation(layer: Convolution, axis: int) -> Convolution:
    """Return a convolution with zeros for the taps that its dilation leaves out."""
    dilation = layer.dilations[axis]
    taps = layer.weight.shape[axis + 2]
    shape = list(layer.weight.shape)
    shape[axis + 2] = (taps - 1) * dilation + 1
    dense = np.zeros(shape)
    positions: list[slice] = [slice(None)] * 4
    positions[axis + 2] = slice(None, None, dilation)
    dense[tuple(positions)] = layer.weight
    dilations = _changed(layer.dilations, axis, 1)
    return dataclasses.replace(
        layer,
        weight=dense,
        dilations=dilations,
    )


def with_taps(layer: Convolution, axis: int, taps: int, front: int) -> Convolution:
    """Return a convolution with more taps along an axis, zeros, of which some stand in front."""
    behind = taps - layer.weight.shape[axis + 2] - front
    margins = [(0, 0)] * 4
    margins[axis + 2] = (front, behind)
    weight = np.pad(layer.weight, margins)
    padding = layer.before[axis] + front * layer.dilations[axis]
    before = _changed(layer.before, axis, padding)
    return dataclasses.replace(
        layer,
        weight=weight,
        before=before,
    )


def _changed(pair: tuple[int, int], axis: int, value: int) -> tuple[int, int]:
    return (value, pair[1]) if axis == 0 else (pair[0], value)

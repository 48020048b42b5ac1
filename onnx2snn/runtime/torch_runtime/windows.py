"""Convolutions and pools of ONNX as torch functions of attributes and inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from onnx2snn.runtime.kernels.convolution import kept_ranges
from onnx2snn.runtime.kernels.window import Window, declared_axes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = ["average_pool", "convolve", "max_pool", "transpose_convolve"]

_CONVOLUTIONS = {
    1: functional.conv1d,
    2: functional.conv2d,
    3: functional.conv3d,
}
"""Number of spatial axes to the convolution over them."""

_TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
"""Number of spatial axes to the transposed convolution over them."""


def convolve(
    attributes: Attributes,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    """Return Conv of ``x``, [N, C, ...]."""
    spatial = x.shape[2:]
    kernel = weight.shape[2:]
    window = Window.of(spatial, kernel, attributes)
    begins = [axis.begin for axis in window.axes]
    ends = [axis.end for axis in window.axes]
    padding: Any = begins
    if begins != ends:  # torch pads both sides alike
        x = _pad_around(x, window, 0)
        padding = 0
    convolution = _CONVOLUTIONS[len(begins)]
    strides = [axis.stride for axis in window.axes]
    dilations = [axis.dilation for axis in window.axes]
    return convolution(
        x,
        weight,
        bias,
        stride=strides,
        padding=padding,
        dilation=dilations,
        groups=attributes.get("group", 1),
    )


def transpose_convolve(
    attributes: Attributes,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    """Return ConvTranspose of ``x``, [N, C, ...]: all of it, and then what is kept."""
    axes = declared_axes(x.shape[2:], weight.shape[2:], attributes)
    full = _TRANSPOSED[len(axes)](
        x,
        weight,
        stride=[axis.stride for axis in axes],
        dilation=[axis.dilation for axis in axes],
        groups=attributes.get("group", 1),
    )
    kept = kept_ranges(axes, attributes)
    missing: list[int] = []
    for inside, size in zip(reversed(kept), reversed(full.shape[2:]), strict=True):
        missing += [0, max(0, inside.stop - size)]
    padded = functional.pad(full, missing)
    places: tuple[Any, ...] = (..., *kept)
    cut = padded[places]
    if bias is None:
        return cut
    trailing = [1] * len(axes)
    return cut + bias.reshape(-1, *trailing)


def average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """Return AveragePool of ``x``, [N, C, ...]."""
    spatial = x.shape[2:]
    window = Window.of(spatial, attributes["kernel_shape"], attributes)
    padded = _pad_around(x, window, 0)
    total = _sum_taps(padded, window)
    if not _leaves_input(window):
        return total / window.taps
    with_padding = bool(attributes.get("count_include_pad"))
    return total / _count_taps(window, padded, with_padding=with_padding)


def max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    """Return the first output of MaxPool of ``x``, [N, C, ...]."""
    window = Window.of(x.shape[2:], attributes["kernel_shape"], attributes)
    padded = _pad_around(x, window, -math.inf)
    first, *others = window.places()
    largest = padded[first]
    for place in others:
        largest = torch.maximum(largest, padded[place])
    return largest


def _leaves_input(window: Window) -> bool:
    return any(axis.begin or axis.overhang for axis in window.axes)


def _pad_around(x: Tensor, window: Window, fill: float) -> Tensor:
    """Return ``x``, [N, C, ...], with ``fill`` around it where windows leave it."""
    if not _leaves_input(window):
        return x
    pads = []
    for axis in reversed(window.axes):
        pads += [axis.begin, axis.overhang]
    return functional.pad(x, pads, value=fill)


def _sum_taps(padded: Tensor, window: Window) -> Tensor:
    first, *others = window.places()
    total = padded[first]
    for place in others:
        total = total + padded[place]
    return total


def _count_taps(window: Window, like: Tensor, *, with_padding: bool) -> Tensor:
    """Return how many taps of each window count, in the shape of the windows.

    Args:
        window: The window.
        like: A tensor of the type that is wanted.
        with_padding: Whether taps on declared padding count.
    """
    rank = len(window.axes)
    total = torch.ones([], dtype=like.dtype)
    for position, axis in enumerate(window.axes):
        counts = torch.tensor(axis.counts(with_padding=with_padding))
        shape = [1] * rank
        shape[position] = -1
        total = total * counts.reshape(shape)
    return total

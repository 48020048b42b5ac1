"""Normalizations of ONNX as torch functions of attributes and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = [
    "log_softmax",
    "normalize_batch",
    "normalize_groups",
    "normalize_instances",
    "normalize_layer",
    "softmax",
]


def softmax(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Softmax."""
    return torch.softmax(x, attributes.get("axis", -1))


def log_softmax(attributes: Attributes, x: Tensor) -> Tensor:
    """Return LogSoftmax."""
    return torch.log_softmax(x, attributes.get("axis", -1))


def normalize_batch(attributes: Attributes, x: Tensor, *parameters: Tensor) -> Tensor:
    """Return BatchNormalization, of the mean and variance that are given."""
    scale, bias, mean, variance = (_by_channel(each, x) for each in parameters)
    epsilon = attributes.get("epsilon", 1e-5)
    deviation = torch.sqrt(variance + epsilon)
    return (x - mean) / deviation * scale + bias


def normalize_layer(
    attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Return the first output of LayerNormalization."""
    first = attributes.get("axis", -1) % x.dim()
    axes = range(first, x.dim())
    scaled = _normalize(x, tuple(axes), attributes) * scale
    return scaled if bias is None else scaled + bias


def normalize_instances(
    attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor
) -> Tensor:
    """Return InstanceNormalization of ``x``, [N, C, ...]."""
    normalized = _normalize(x, tuple(range(2, x.dim())), attributes)
    return normalized * _by_channel(scale, x) + _by_channel(bias, x)


def normalize_groups(
    attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor
) -> Tensor:
    """Return GroupNormalization of ``x``, [N, C, ...]: a scale a channel, or a group."""
    groups = attributes["num_groups"]
    grouped = x.reshape(x.shape[0], groups, -1)
    normalized = _normalize(grouped, (2,), attributes).reshape(x.shape)
    per_channel = x.shape[1] // scale.shape[0]
    scales, biases = (each.repeat_interleave(per_channel) for each in (scale, bias))
    return normalized * _by_channel(scales, x) + _by_channel(biases, x)


def _normalize(x: Tensor, axes: Sequence[int], attributes: Attributes) -> Tensor:
    """Return ``x`` with mean 0 and variance 1 over ``axes``."""
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    variance = (centered * centered).mean(axes, keepdim=True)
    epsilon = attributes.get("epsilon", 1e-5)
    return centered / torch.sqrt(variance + epsilon)


def _by_channel(numbers: Tensor, x: Tensor) -> Tensor:
    """Return a number for each channel in the shape that broadcasts to ``x``, [N, C, ...]."""
    trailing = [1] * (x.dim() - 2)
    return numbers.reshape(-1, *trailing)

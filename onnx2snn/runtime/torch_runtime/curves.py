"""Functions of ONNX, element by element, as torch functions of attributes and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "leaky_relu",
    "mish",
    "power",
    "prelu",
    "selu",
    "softplus",
    "softsign",
    "swish",
    "thresholded_relu",
]

_SELU_ALPHA = 1.6732631921768188
_SELU_GAMMA = 1.0507010221481323


def celu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Celu."""
    return functional.celu(x, attributes.get("alpha", 1.0))


def elu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Elu."""
    return functional.elu(x, attributes.get("alpha", 1.0))


def selu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Selu."""
    gamma: float = attributes.get("gamma", _SELU_GAMMA)
    return gamma * functional.elu(x, attributes.get("alpha", _SELU_ALPHA))


def gelu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Gelu, exact or by way of Tanh."""
    return functional.gelu(x, approximate=attributes.get("approximate", "none"))


def hard_sigmoid(attributes: Attributes, x: Tensor) -> Tensor:
    """Return HardSigmoid."""
    slope = attributes.get("alpha", 0.2)
    offset = attributes.get("beta", 0.5)
    return torch.clamp(x * slope + offset, 0, 1)


def hard_swish(attributes: Attributes, x: Tensor) -> Tensor:
    """Return HardSwish."""
    del attributes
    return functional.hardswish(x)


def leaky_relu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return LeakyRelu."""
    return functional.leaky_relu(x, attributes.get("alpha", 0.01))


def prelu(attributes: Attributes, x: Tensor, slope: Tensor) -> Tensor:
    """Return PRelu; the slope broadcasts."""
    del attributes
    return torch.where(x < 0, slope * x, x)


def mish(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Mish."""
    del attributes
    return functional.mish(x)


def power(attributes: Attributes, x: Tensor, exponent: Tensor) -> Tensor:
    """Return Pow, in the type of ``x``."""
    del attributes
    return torch.pow(x, exponent).to(x.dtype)


def softplus(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Softplus."""
    del attributes
    zero = torch.zeros([], dtype=x.dtype)
    return torch.logaddexp(x, zero)


def softsign(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Softsign."""
    del attributes
    return functional.softsign(x)


def swish(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Swish."""
    gate = torch.sigmoid(attributes.get("alpha", 1.0) * x)
    return x * gate


def thresholded_relu(attributes: Attributes, x: Tensor) -> Tensor:
    """Return ThresholdedRelu."""
    is_kept = x > attributes.get("alpha", 1.0)
    return torch.where(is_kept, x, torch.zeros_like(x))

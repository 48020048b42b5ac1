"""Activations with trainable thresholds, whose ONNX form the converter reads exactly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from onnx2snn.errors import OptionError

__all__ = ["QCFS", "QuantReLU", "StReLU", "ThresholdActivation", "ThresholdReLU"]


class _StraightThrough(torch.autograd.Function):
    """A rounding with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, op_type: str) -> Tensor:  # noqa: ANN401 - torch's own context
        del ctx
        return _ROUNDINGS[op_type](x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        del ctx
        return gradient, None

    @staticmethod
    def symbolic(graph: Any, x: Tensor, op_type: str) -> Any:  # noqa: ANN401
        """Return the node that the TorchScript exporter writes."""
        return graph.op(op_type, x)


_ROUNDINGS = {"Round": torch.round, "Floor": torch.floor}
"""Operator of ONNX to the function that it computes."""


class ThresholdActivation(nn.Module):
    """An activation that saturates at a trainable threshold.

    Attributes:
        theta: The threshold, > 0, in units of the activation: a scalar for the whole layer, or
            of shape [C, 1, ...] for one a channel of an input [N, C, ...].
        levels: Number of steps from 0 to the threshold; 0 if it is not quantized.
    """

    def __init__(self, init: float, levels: int = 0) -> None:
        """Start with the threshold ``init`` for the whole layer."""
        super().__init__()
        if init <= 0:
            message = f"init is a threshold and must be larger than 0, not {init}"
            raise OptionError(message)
        theta = torch.tensor(float(init))
        self.theta = nn.Parameter(theta)
        self.levels = levels

    def extra_repr(self) -> str:
        """Return what ``print(model)`` shows."""
        mean = float(self.theta.detach().mean())
        count = self.theta.numel()
        text = f"theta={mean:.4g}"
        if count > 1:
            text += f" (mean of {count})"
        if self.levels:
            text += f", levels={self.levels}"
        return text


class QCFS(ThresholdActivation):
    """Quantization, clip, floor and shift: ``theta floor(L clip(x / theta, 0, 1) + 1/2) / L``.

    A neuron that starts at half its threshold and runs L steps on a constant current answers
    exactly so. The gradient takes the rounding for the identity; the threshold has the gradient
    ``(y - x) / theta`` inside of the range and 1 above it.

    Source: Bu et al., ICLR 2022, equation 7.

    Args:
        levels: Number of steps L from 0 to the threshold, >= 1.
        init: Threshold at the start, > 0, in units of the activation.
    """

    def __init__(self, levels: int = 8, init: float = 8.0) -> None:
        super().__init__(init, _checked_levels(levels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the quantized activation of ``x``, shape [N, C, ...]."""
        part = x / self.theta
        unit = torch.clamp(part, 0.0, 1.0)
        in_steps = unit * self.levels + 0.5
        steps = _StraightThrough.apply(in_steps, "Floor")
        return steps / self.levels * self.theta


class QuantReLU(ThresholdActivation):
    """A quantized ReLU: ``s round(clip(x / s, 0, L))`` with the scale ``s = theta / L``.

    This is fake quantization with a trained scale; the gradient takes the rounding for the
    identity.

    Source: Esser et al., ICLR 2020, equations 1 to 3 (without their scaling of the gradient).

    Args:
        bits: Width of the unsigned integer, >= 1: L = 2^bits - 1 steps.
        init: Threshold at the start, > 0, in units of the activation.
    """

    def __init__(self, bits: int = 4, init: float = 8.0) -> None:
        levels = 2 ** _checked_levels(bits, "bits") - 1
        super().__init__(init, levels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the quantized activation of ``x``, shape [N, C, ...]."""
        scale = self.theta / self.levels
        in_steps = x / scale
        levels = float(self.levels)
        steps = torch.clamp(in_steps, 0.0, levels)
        return _StraightThrough.apply(steps, "Round") * scale


class StReLU(ThresholdActivation):
    """A ReLU with symmetric thresholds: ``clip(x, -theta, theta)``.

    A neuron with the thresholds +-theta stands for it, whose errors on both sides offset each
    other. The threshold has the gradient 1 above it and -1 below its negative.

    Source: Han et al., Machine Intelligence Research 2023.

    Args:
        init: Threshold at the start, > 0, in units of the activation.
    """

    def __init__(self, init: float = 1.0) -> None:
        super().__init__(init)

    def forward(self, x: Tensor) -> Tensor:
        """Return the clipped ``x``, shape [N, C, ...]."""
        return _clip_to_threshold(x, self.theta, -1.0)


class ThresholdReLU(ThresholdActivation):
    """A ReLU with an upper threshold: ``clip(x, 0, theta)``.

    The threshold has the gradient 1 above it and 0 below.

    Args:
        init: Threshold at the start, > 0, in units of the activation.
    """

    def __init__(self, init: float = 1.0) -> None:
        super().__init__(init)

    def forward(self, x: Tensor) -> Tensor:
        """Return the clipped ``x``, shape [N, C, ...]."""
        return _clip_to_threshold(x, self.theta, 0.0)


def _clip_to_threshold(x: Tensor, theta: Tensor, low: float) -> Tensor:
    """Return ``x``, clipped to ``low * theta`` and ``theta``."""
    if theta.dim() == 0:
        return torch.clamp(x, low * theta, theta)
    # the Clip of ONNX takes one bound: the scales of channels go into the weights around it
    part = x / theta
    return torch.clamp(part, low, 1.0) * theta


def _checked_levels(levels: int, name: str = "levels") -> int:
    if levels < 1:
        message = f"{name} must be at least 1, not {levels}"
        raise OptionError(message)
    return levels

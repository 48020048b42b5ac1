"""The surrogate of the spikes of a neuron when gradients are taken: the clipped mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from onnx2snn.ops import ALL_OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["SURROGATES", "surrogate"]


def surrogate(op_type: str, inputs: Sequence[Tensor], steps: int) -> Tensor:
    """Return the mean of the spikes over all steps, as a function that has a gradient.

    With z the mean current, v the initial potential, theta the threshold and T the steps:

        IntegrateAndFire        clip(u, 0, 1),  u = (z + v / T) / theta - 1 / (2 T)
        GatedDoubleThresholdIF  clip(u, -min(count / T, 1), 1)
        AugmentedIF             clip(u, -min(count / T, K), K),  K = max_spikes
        DoubleThresholdIF       clip((z + v / T) / theta, 0, 1)
                                - clip(-(z + v / T) / theta_negative, 0, 1)

    The neuron rounds down to multiples of ``1 / T``: half of one is what it loses on average.
    One that rounds toward 0 loses as much on both sides.

    Source: Bu et al., ICLR 2022 (the clipped mean as surrogate); the initial potential is ours.

    Args:
        op_type: A neuron with a row in ``SURROGATES``.
        inputs: Its inputs: the mean of its current, [N, C, ...], and constants that broadcast
            to that; in the place of states, those before the first step.
        steps: T.
    """
    names = ALL_OPS[op_type].inputs
    given = dict(zip(names, inputs, strict=True))
    mean_spikes = SURROGATES[op_type]
    return mean_spikes(given, steps)


def _mean_input(given: dict[str, Tensor], steps: int) -> Tensor:
    """Return what a neuron takes in a step on average, with its initial potential."""
    start = given["v"] / steps
    return given["current"] + start


def _rounded_down(given: dict[str, Tensor], steps: int) -> Tensor:
    mean_input = _mean_input(given, steps)
    rate = mean_input / given["v_threshold"]
    return rate - 0.5 / steps


def _plain(given: dict[str, Tensor], steps: int) -> Tensor:
    rate = _rounded_down(given, steps)
    return torch.clamp(rate, 0.0, 1.0)


def _gated(given: dict[str, Tensor], steps: int) -> Tensor:
    rate = _rounded_down(given, steps)
    count_a_step = given["count"] / steps
    can_take_back = torch.clamp(count_a_step, max=1.0)
    at_most_one = torch.clamp(rate, max=1.0)
    return torch.maximum(at_most_one, -can_take_back)


def _augmented(given: dict[str, Tensor], steps: int) -> Tensor:
    rate = _rounded_down(given, steps)
    most = given["max_spikes"]
    count_a_step = given["count"] / steps
    can_take_back = torch.minimum(count_a_step, most)
    clipped = torch.minimum(rate, most)
    return torch.maximum(clipped, -can_take_back)


def _signed(given: dict[str, Tensor], steps: int) -> Tensor:
    mean_input = _mean_input(given, steps)
    positive = mean_input / given["v_threshold"]
    negative = -mean_input / given["v_threshold_negative"]
    sent = torch.clamp(positive, 0.0, 1.0)
    taken_back = torch.clamp(negative, 0.0, 1.0)
    return sent - taken_back


SURROGATES: dict[str, Callable[[dict[str, Tensor], int], Tensor]] = {
    "IntegrateAndFire": _plain,
    "GatedDoubleThresholdIF": _gated,
    "AugmentedIF": _augmented,
    "DoubleThresholdIF": _signed,
}
"""Neuron to the mean of its spikes, from its inputs by name and T."""

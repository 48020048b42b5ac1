"""The input of neurons of weighted spikes, from their first spike on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.schedules.waiting import raised_thresholds
from onnx2snn.schedules.whole_inputs import share_at_once

if TYPE_CHECKING:
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["start_with_whole_input", "take_in_first"]


def start_with_whole_input(
    current: np.ndarray, others: Arrays, weights: SpikeWeights, time_steps: int
) -> tuple[np.ndarray, Arrays]:
    """Return silence, and the other inputs of neurons that start with all of their input.

    Args:
        current: Their input, the same in every step, [N, ...].
        others: Their other inputs by name.
        weights: Weights of their spikes.
        time_steps: T.
    """
    share = share_at_once(weights, time_steps)
    v = current * current.dtype.type(share)
    return np.zeros_like(current), others | {"v": v}


def take_in_first(
    current: np.ndarray, others: Arrays, delay: int
) -> tuple[np.ndarray, Arrays]:
    """Return the input from the first spike on, [T, N, ...], and the other inputs then.

    Args:
        current: The input in every step, [T, N, ...].
        others: The other inputs by name, before the first step.
        delay: Number of steps that the neurons wait.
    """
    silence = np.zeros((delay, *current.shape[1:]), current.dtype)
    padded = np.concatenate([current, silence])
    v = others["v"]
    for current_now in padded[:delay]:
        v = others["leak"] * v + current_now
    return padded[delay:], others | raised_thresholds(others, delay) | {"v": v}

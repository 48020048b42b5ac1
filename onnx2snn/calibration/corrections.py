"""Corrections of a layer of neurons, on the currents that the spikes before it really make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.calibration.layer import Layer

__all__ = ["CORRECTIONS", "correct_bias", "leave_headroom"]

_HEADROOM = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 3.0)
_ROUNDS = 3


def leave_headroom(layer: Layer) -> None:
    """Raise the threshold of each channel by the factor whose output is closest to the ANN's.

    A neuron sends one spike a step. Where the current comes in bursts, one that is near its
    largest rate falls behind and cannot catch up: it needs a larger threshold than its
    activation alone asks for. Tried are factors up to 3; the least squared error wins.
    """
    v_threshold, v_init = layer.v_threshold, layer.v_init
    errors = []
    for factor in _HEADROOM:
        _scale(layer, v_threshold, v_init, np.array(factor))
        errors.append(_squared_error(layer))
    best = np.array(_HEADROOM)[np.argmin(errors, axis=0)]
    _scale(layer, v_threshold, v_init, best)


def _scale(layer: Layer, v_threshold: np.ndarray, v_init: np.ndarray, factor: np.ndarray) -> None:
    layer.v_threshold = (v_threshold * factor).astype(v_threshold.dtype)
    layer.v_init = (v_init * factor).astype(v_init.dtype)


def _squared_error(layer: Layer) -> np.ndarray:
    """Return each channel's squared difference to the ANN's activation, summed over samples."""
    total = np.zeros(layer.bias.shape, np.float64)
    for sample in layer.samples:
        difference = sample.target - layer.mean_output(sample.current)
        square = np.square(difference, dtype=np.float64)
        total += square.sum(axis=layer.channel_axes, keepdims=True)
    return total


def correct_bias(layer: Layer) -> None:
    """Add to the current of a layer what its mean output lacks of the ANN's activation.

    With a the activation of the ANN, and means over the samples and positions of a channel:

        bias += mean(a) - mean(theta / T * sum of the spikes)

    three times, since the neuron is not linear in its bias: this is ours.

    Source: Li et al., ICML 2021 (bias correction of the light pipeline).
    """
    for _ in range(_ROUNDS):
        layer.bias = layer.bias + _lack(layer)


def _lack(layer: Layer) -> np.ndarray:
    """Return what the layer's mean output lacks of the ANN's, one number a channel."""
    total, count = np.zeros(layer.bias.shape, np.float64), 0
    for sample in layer.samples:
        lack = sample.target - layer.mean_output(sample.current)
        total += lack.sum(axis=layer.channel_axes, dtype=np.float64, keepdims=True)
        count += lack.size // total.size
    return (total / count).astype(layer.bias.dtype)


CORRECTIONS: dict[str, Callable[[Layer], None]] = {
    "headroom": leave_headroom,
    "bias": correct_bias,
}
"""Name to correction, in the order in which they are done."""

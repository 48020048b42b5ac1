"""Corrections of a layer of neurons, on the currents that the spikes before it really make.

``methods.corrections`` declares them as choices of a method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.correction.layer import Layer

__all__ = [
    "OF_LAYERS",
    "balance_threshold",
    "correct_bias",
    "correct_each_step",
    "correct_potential",
    "scale_threshold",
]

_FACTORS = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 3.0)
_ROUNDS = 3

_STEP_ROUNDS = 5
_STEP_RATE = 0.5


def balance_threshold(layer: Layer) -> None:
    """Set all thresholds to the largest current that the spikes before really make.

    Of a signed neuron its magnitude counts. A limit of the activation stays one, and a neuron
    that sends K spikes at once has the K-th part as its threshold.

    Source: Sengupta et al., 2019 (Spike-Norm).
    """
    largest = _largest_current(layer)
    if layer.bound is not None:
        largest = min(largest, layer.bound)
    if largest > 0:
        spikes_at_once = layer.other_inputs.get("max_spikes", np.array(1))
        layer.scale(largest / spikes_at_once / layer.v_threshold)


def _largest_current(layer: Layer) -> float:
    """Return the largest current over all samples, of a signed neuron its magnitude."""
    largest = []
    for sample in layer.samples:
        current = sample.current + layer.bias
        if layer.signed:
            current = np.abs(current)
        maximum = float(current.max())
        largest.append(maximum)
    return max(largest)


def scale_threshold(layer: Layer) -> None:
    """Raise the threshold of each channel by the factor whose output is closest to the ANN's.

    A neuron sends one spike a step, or up to so many. Where the current comes in bursts, one
    that is near its largest rate falls behind and cannot catch up: it needs a larger threshold
    than its activation alone asks for. Tried are factors up to 3; the least squared error wins.
    It may bring a threshold above the limit of the activation, where most currents stay below.
    """
    factors = np.array(_FACTORS)
    errors = [_squared_error(layer.scaled(factor)) for factor in factors]
    best = np.argmin(errors, axis=0)
    layer.scale(factors[best])


def _squared_error(layer: Layer) -> np.ndarray:
    """Return each channel's squared difference to the ANN's activation, summed over samples."""
    total = np.zeros(layer.bias.shape, np.float64)
    for sample in layer.samples:
        output = layer.mean_output(sample.current)
        residual = sample.target - output
        square = np.square(residual, dtype=np.float64)
        total += square.sum(axis=layer.shared_axes, keepdims=True)
    return total


def correct_bias(layer: Layer) -> None:
    """Add the residual of the layer's mean output to its current.

    With a the activation of the ANN, and means over the samples and positions of a channel:

        bias += mean(a) - mean(theta / T * sum of the spikes)

    three times, since the neuron is not linear in its bias: this is ours.

    Source: Li et al., ICML 2021 (bias correction of the light pipeline).
    """
    for _ in range(_ROUNDS):
        residual = _mean_residual(layer)
        layer.bias = layer.bias + residual


def correct_potential(layer: Layer) -> None:
    """Add the residual of T steps of the layer to its initial potential.

        v_0 += T mean(a - theta / T * sum of the spikes)

    Source: Li et al., ICML 2021 (potential calibration).
    """
    residual = _mean_residual(layer)
    layer.v_init = layer.v_init + layer.time_steps * residual


def _mean_residual(layer: Layer) -> np.ndarray:
    """Return by how much the ANN's activation is above the mean output, one number a channel."""
    total = np.zeros(layer.bias.shape, np.float64)
    count = 0
    for sample in layer.samples:
        output = layer.mean_output(sample.current)
        residual = sample.target - output
        total += residual.sum(axis=layer.shared_axes, dtype=np.float64, keepdims=True)
        count += residual.size // total.size
    mean = total / count
    return mean.astype(layer.bias.dtype)


def correct_each_step(layer: Layer) -> None:
    """Give each step a bias of its own, so that the layer sends in it what the ANN sends.

        b(t) += rate * mean(a - theta * s(t)),  rate = 0.5

    over all samples, five times: this number is ours.

    Source: Wu et al., ECCV 2024 (forward temporal bias correction).
    """
    biases = [layer.bias] * layer.time_steps
    layer.bias = np.stack(biases)
    rate = layer.bias.dtype.type(_STEP_RATE)
    for _ in range(_STEP_ROUNDS):
        residual = _mean_residual_of_steps(layer)
        layer.bias = layer.bias + rate * residual


def _mean_residual_of_steps(layer: Layer) -> np.ndarray:
    """Return by how much the ANN's activation is above each step's output, [T, ...].

    One number for each step and channel.
    """
    axes = tuple(axis + 1 for axis in layer.shared_axes)
    total = np.zeros(layer.bias.shape, np.float64)
    count = 0
    for sample in layer.samples:
        spikes = layer.spikes(sample.current)
        output = spikes * layer.v_threshold
        residual = sample.target - output
        total += residual.sum(axis=axes, dtype=np.float64, keepdims=True)
        count += residual.size // total.size
    mean = total / count
    return mean.astype(layer.bias.dtype)


OF_LAYERS: dict[str, Callable[[Layer], None]] = {
    "threshold-balancing": balance_threshold,
    "threshold-scaling": scale_threshold,
    "bias": correct_bias,
    "potential": correct_potential,
    "step-bias": correct_each_step,
}
"""Name to correction of a layer of neurons, in the order in which they are done."""

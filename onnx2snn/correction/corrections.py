"""Corrections of a layer of neurons, on the currents that the spikes before it really make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.correction.grid import Grid
from onnx2snn.correction.least_squares import HELD_OUT, ridge

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.correction.layer import Layer
    from onnx2snn.correction.weights_to_fit import WeightsToFit

__all__ = [
    "OF_LAYERS",
    "correct_bias",
    "correct_each_step",
    "correct_potential",
    "leave_headroom",
    "repair_weights",
    "take_largest_current",
]

_HEADROOM = (1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 3.0)
_ROUNDS = 3

_STEP_ROUNDS = 5
_STEP_RATE = 0.5

_PLACES = 2**16
"""Places in all samples that least squares aims at: of 1,024 images 8 x 8 each."""

_LEAST_POSITIONS = 8
"""Positions along each axis that it looks at in any case, however many samples there are."""

_NUMBERS = 2**26
"""Most numbers that least squares lays out at a time: 256 MB in float32, and some copies."""


def repair_weights(part: WeightsToFit, samples: int) -> np.ndarray:
    """Fit weights to the spikes that drive them, by least squares; return what the bias gains.

    With x the mean spikes over the T steps, z the current they make and a what the ANN has in
    its place, over samples and positions:

        dW, db = argmin sum |a - z - x dW - db|^2 + ridge |dW|^2

    The strength of the ridge is the one that does best on samples left out; if none does, the
    weights stay. Places where x or what is lacking is undefined do not count: 0 / 0 where no spike
    was sent.

    Source: Li et al., ICML 2021 (weight calibration, there by gradients); the closed form and
    the choice of the ridge are ours.

    Args:
        part: The weights.
        samples: Number of samples: the fewer there are, the more positions each is seen at.

    Returns:
        db, in a shape that broadcasts to the place of ``part``.
    """
    seen, lacking, rows = [], [], []
    places = min(_PLACES, _NUMBERS // part.map.place_size) // samples
    laid_out = 0
    for batch, (operand, lack) in enumerate(part.samples):
        spatial = np.delete(lack.shape, [0, part.map.channel_axis])
        axes = int(np.count_nonzero(spatial > 1))
        positions = max(_LEAST_POSITIONS, math.floor(places ** (1 / max(axes, 1))))
        grid = Grid(positions, batch)
        seen.append(part.map.columns(operand, lack.shape, grid))
        lacking.append(part.map.rows(lack, grid))
        rows.append(len(np.moveaxis(operand, part.map.channel_axis, -1)))
        laid_out += seen[-1].size
        if laid_out > _NUMBERS:
            samples = min(samples, sum(rows))  # the others are not read
            break
    numbers = _sample_numbers(rows, [columns.shape[1] for columns in seen], samples)
    x, y = np.concatenate(seen, axis=1), np.concatenate(lacking, axis=1)
    known = np.isfinite(x).all(axis=(0, 2)) & np.isfinite(y).all(axis=(0, 2))
    matrix, offset = ridge(x[:, known], y[:, known], numbers[known])
    if np.any(matrix):
        part.map.add(matrix)
    shape = [1] * lack.ndim
    shape[part.map.channel_axis] = -1
    return offset.reshape(shape).astype(lack.dtype)


def _sample_numbers(rows: list[int], places: list[int], samples: int) -> np.ndarray:
    """Return the number of the sample that each place belongs to.

    Rows that are no samples, as where a sequence comes first or both are one axis, cannot be told
    apart: then those of a batch count as one sample or, of few batches, as a run of neighbors.

    Args:
        rows: Length of axis 0 of the operand, of each batch.
        places: How many places are looked at, of each batch.
        samples: Number of samples in these batches.
    """
    if sum(rows) == samples:
        of_rows = np.arange(sum(rows))
        return np.repeat(
            of_rows, np.repeat(np.array(places) // np.maximum(rows, 1), rows)
        )
    if len(places) >= HELD_OUT:
        return np.repeat(np.arange(len(places)), places)
    return np.concatenate(
        [np.arange(count) * HELD_OUT // max(count, 1) for count in places]
    )


def leave_headroom(layer: Layer) -> None:
    """Raise the threshold of each channel by the factor whose output is closest to the ANN's.

    A neuron sends one spike a step, or up to so many. Where the current comes in bursts, one
    that is near its largest rate falls behind and cannot catch up: it needs a larger threshold
    than its activation alone asks for. Tried are factors up to 3; the least squared error wins.
    It may bring a threshold above the limit of the activation, where most currents stay below.
    """
    errors = [_squared_error(layer.scaled(np.array(factor))) for factor in _HEADROOM]
    layer.scale(np.array(_HEADROOM)[np.argmin(errors, axis=0)])


def _squared_error(layer: Layer) -> np.ndarray:
    """Return each channel's squared difference to the ANN's activation, summed over samples."""
    total = np.zeros(layer.bias.shape, np.float64)
    for sample in layer.samples:
        difference = sample.target - layer.mean_output(sample.current)
        square = np.square(difference, dtype=np.float64)
        total += square.sum(axis=layer.shared_axes, keepdims=True)
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
        total += lack.sum(axis=layer.shared_axes, dtype=np.float64, keepdims=True)
        count += lack.size // total.size
    return (total / count).astype(layer.bias.dtype)


def take_largest_current(layer: Layer) -> None:
    """Set all thresholds to the largest current that the spikes before really make.

    Of a signed neuron its magnitude counts. A limit of the activation stays one, and a neuron
    that sends K spikes at once has the K-th part as its threshold.

    Source: Sengupta et al., 2019 (Spike-Norm).
    """
    currents = (sample.current + layer.bias for sample in layer.samples)
    largest = max(float((np.abs(c) if layer.signed else c).max()) for c in currents)
    if layer.bound is not None:
        largest = min(largest, layer.bound)
    if largest > 0:
        at_once = layer.fixed.get("max_spikes", np.array(1))
        layer.scale(largest / at_once / layer.v_threshold)


def correct_potential(layer: Layer) -> None:
    """Add to the initial potential what T steps of the layer lack of the ANN's activation.

        v_0 += T mean(a - theta / T * sum of the spikes)

    Source: Li et al., ICML 2021 (potential calibration).
    """
    layer.v_init = layer.v_init + layer.time_steps * _lack(layer)


def correct_each_step(layer: Layer) -> None:
    """Give each step a bias of its own, so that the layer sends in it what the ANN sends.

        b(t) += rate * mean(a - theta * s(t)),  rate = 0.5

    over all samples, five times: this number is ours.

    Source: Wu et al., ECCV 2024 (forward temporal bias correction).
    """
    layer.bias = np.stack([layer.bias] * layer.time_steps)
    for _ in range(_STEP_ROUNDS):
        layer.bias = layer.bias + layer.bias.dtype.type(_STEP_RATE) * _lack_of_steps(
            layer
        )


def _lack_of_steps(layer: Layer) -> np.ndarray:
    """Return what the output of each step lacks of the ANN's, [T, ...], a number a channel."""
    axes = tuple(axis + 1 for axis in layer.shared_axes)
    total, count = np.zeros(layer.bias.shape, np.float64), 0
    for sample in layer.samples:
        lack = sample.target - layer.spikes(sample.current) * layer.v_threshold
        total += lack.sum(axis=axes, dtype=np.float64, keepdims=True)
        count += lack.size // total.size
    return (total / count).astype(layer.bias.dtype)


OF_LAYERS: dict[str, Callable[[Layer], None]] = {
    "largest-current": take_largest_current,
    "headroom": leave_headroom,
    "bias": correct_bias,
    "potential": correct_potential,
    "step-bias": correct_each_step,
}
"""Name to correction of a layer of neurons, in the order in which they are done."""

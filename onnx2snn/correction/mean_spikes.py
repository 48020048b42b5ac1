"""The mean of spikes over the time steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["mean_over_steps"]

_LARGEST = 128
"""Largest magnitude of an int8."""


def mean_over_steps(
    spikes: np.ndarray, dtype: np.dtype, weights: SpikeWeights
) -> np.ndarray:
    """Return the mean of spikes over the steps, each by its weight, [N, ...].

    Sums are exact, so the mean has the bits of one that adds up floats. Adding up short integers
    takes half the time.

    Args:
        spikes: int8, [T, N, ...].
        dtype: Floating-point type of the mean.
        weights: Weights of the spikes.
    """
    if weights.leak != 1.0:
        return _weighted_mean(spikes, dtype, weights)
    time_steps = len(spikes)
    is_short = time_steps * _LARGEST <= np.iinfo(np.int16).max
    sum_type = np.int16 if is_short else np.int32
    total = np.zeros(spikes.shape[1:], sum_type)
    for of_step in spikes:
        total += of_step
    mean = total.astype(dtype) / dtype.type(time_steps)
    return np.asarray(mean)


def _weighted_mean(
    spikes: np.ndarray, dtype: np.dtype, weights: SpikeWeights
) -> np.ndarray:
    total = np.zeros(spikes.shape[1:], dtype)
    shares = weights.shares(len(spikes))
    for of_step, share in zip(spikes, shares, strict=True):
        total += of_step * dtype.type(share)
    return total

"""The mean of spikes over the time steps."""

from __future__ import annotations

import numpy as np

__all__ = ["mean_over_steps"]

_LARGEST = 128
"""Largest magnitude of an int8."""


def mean_over_steps(spikes: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the mean of spikes over the steps, [N, ...].

    Sums are exact, so the mean has the bits of one that adds up floats. Adding up short integers
    takes half the time.

    Args:
        spikes: int8, [T, N, ...].
        dtype: Floating-point type of the mean.
    """
    time_steps = len(spikes)
    is_short = time_steps * _LARGEST <= np.iinfo(np.int16).max
    sum_type = np.int16 if is_short else np.int32
    total = np.zeros(spikes.shape[1:], sum_type)
    for of_step in spikes:
        total += of_step
    mean = total.astype(dtype) / dtype.type(time_steps)
    return np.asarray(mean)

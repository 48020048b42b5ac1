"""Events in data and in feeds: a sample has its time steps in it, a feed begins with them.

In a data set the samples of an input that takes events are [N, T, ...], so that everything
about samples is as for other inputs. The network is fed [T, N, ...], one slice a step.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.data.input_specs import Arrays, Feeds, Specs

__all__ = ["data_specs", "sample_first", "time_first", "time_means"]


def sample_first(
    specs: Specs, events: Collection[str], time_steps: int | None = None
) -> Specs:
    """Return what a data set must hold for an ANN with inputs ``specs``.

    Args:
        specs: Inputs of the ANN.
        events: Names of those that are events: they get an axis for time behind the samples'.
        time_steps: Length of that axis, None for any.
    """
    found = []
    for spec in specs:
        shape = spec.shape
        if spec.name in events and shape is not None:
            shape = (*shape[:1], time_steps, *shape[1:])
        found.append(dataclasses.replace(spec, shape=shape))
    return tuple(found)


def data_specs(specs: Specs, events: Collection[str]) -> Specs:
    """Return what a data set must hold for a network with inputs ``specs``.

    Args:
        specs: Inputs of a spiking network.
        events: Names of those that are events, [T, N, ...].
    """
    found = []
    for spec in specs:
        shape = spec.shape
        if spec.name in events and shape is not None:
            time, samples, *rest = shape
            shape = (samples, time, *rest)
        found.append(dataclasses.replace(spec, shape=shape))
    return tuple(found)


def time_first(feeds: Feeds, events: Collection[str]) -> Arrays:
    """Return ``feeds`` with events [N, T, ...] as [T, N, ...]."""
    turned = dict(feeds)
    for name in turned.keys() & events:
        slices = np.moveaxis(turned[name], 1, 0)
        turned[name] = np.ascontiguousarray(slices)
    return turned


def time_means(feeds: Feeds, events: Collection[str], axis: int = 0) -> Arrays:
    """Return ``feeds`` as the ANN takes them: the mean over time in the place of events.

    Args:
        feeds: Events are [T, N, ...].
        events: Names of the inputs that are events.
        axis: Where time is: 1 if events are [N, T, ...].
    """
    averaged = dict(feeds)
    for name in averaged.keys() & events:
        averaged[name] = _time_mean(averaged[name], axis)
    return averaged


def _time_mean(data: np.ndarray, axis: int) -> np.ndarray:
    wide = np.result_type(data.dtype, np.float32)  # sums of float16 would round
    mean = data.mean(axis=axis, dtype=wide)
    return np.asarray(mean.astype(data.dtype))

"""The spikes of a few neurons of a layer on one sample, step by step."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Raster", "draw_raster"]

_NEURONS = 12


@dataclasses.dataclass(frozen=True)
class Raster:
    """What some neurons did on the first sample.

    Attributes:
        neurons: Their numbers in the layer, those of large activations first.
        activations: What each is to carry, in thresholds.
        spikes: Of each, the spikes in every step: -1, 0, 1, or more where it sends several.
    """

    neurons: tuple[int, ...]
    activations: tuple[float, ...]
    spikes: tuple[tuple[int, ...], ...]


def draw_raster(activations: np.ndarray, spikes: np.ndarray) -> Raster:
    """Return the raster of neurons from the most active one down to those that are hardly active.

    Args:
        activations: Of one sample, [...], in thresholds.
        spikes: Of the same, [T, ...].
    """
    values = activations.reshape(-1)
    sent = spikes.reshape(len(spikes), -1)
    order = np.argsort(-np.abs(values), kind="stable")
    active = max(int(np.count_nonzero(values)), min(_NEURONS, values.size))
    places = np.linspace(0, active - 1, min(_NEURONS, active)).astype(np.int64)
    chosen = order[places]
    return Raster(
        tuple(int(neuron) for neuron in chosen),
        tuple(float(values[neuron]) for neuron in chosen),
        tuple(_train(sent[:, neuron]) for neuron in chosen),
    )


def _train(spikes: np.ndarray) -> tuple[int, ...]:
    return tuple(int(spike) for spike in spikes)

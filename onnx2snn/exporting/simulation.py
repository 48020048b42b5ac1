"""Layers run in NumPy, with the neuron of a reader or with our own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.convolving import open_convolution
from onnx2snn.exporting.firing import OWN, OWN_HARD
from onnx2snn.exporting.layers import (
    Convolution,
    Entry,
    Exit,
    Flattening,
    LayerGraph,
    Neuron,
    Pool,
    Product,
)
from onnx2snn.exporting.passes.dense_kernels import axis_window
from onnx2snn.runtime.kernels.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.exporting.firing import Firing
    from onnx2snn.exporting.layers import Layer

__all__ = [
    "Simulation",
    "samples_at_once",
]


def _last_readers(graph: LayerGraph) -> dict[str, str]:
    """Return the layer that reads each one last."""
    return {source: name for name in graph.layers for source in graph.sources[name]}


MEMORY = 1 << 28
"""Bytes that the streams of a batch may take."""


def samples_at_once(graph: LayerGraph, time_steps: int) -> int:
    """Return how many samples are to be simulated at a time."""
    sizes = [math.prod(shape) for shape in graph.shapes.values()]
    bytes_of_one = 4 * 4 * max(sizes) * time_steps
    return max(1, min(64, MEMORY // bytes_of_one))


class Simulation:
    """Runs layer after layer, each for all steps.

    A stream is [T, N, ...]; one that is the same in every step is [1, N, ...].

    Args:
        graph: The layers.
        time_steps: T, the number of steps.
    """

    def __init__(self, graph: LayerGraph, time_steps: int) -> None:
        """Begin without anything open."""
        self._graph = graph
        self._time_steps = time_steps
        self._convolutions: dict[Convolution, Callable[[np.ndarray], np.ndarray]] = {}
        self._last_readers = _last_readers(graph)

    def run(self, data: np.ndarray, firing: Firing | None) -> np.ndarray:
        """Return the mean output over the steps, [N, ...], of a constant input.

        Args:
            data: The input, [N, ...], the same in every step.
            firing: The neuron of all layers; None for that each was made with.
        """
        streams: dict[str, np.ndarray] = {}
        (output,) = self._graph.named(Exit)
        for name, layer in self._graph.layers.items():
            if isinstance(layer, Entry):
                streams[name] = data.astype(np.float32)[None]
                continue
            current = self._summed(streams, name)
            if isinstance(layer, Neuron):
                streams[name] = self._fire(layer, current, firing)
            else:
                streams[name] = self._apply(name, layer, current)
            for source in self._graph.sources[name]:
                if self._last_readers[source] == name:
                    streams.pop(source, None)
        return np.asarray(streams[output].mean(axis=0))

    def _summed(self, streams: dict[str, np.ndarray], name: str) -> np.ndarray:
        """Return the sum of all that a layer reads."""
        first, *others = self._graph.sources[name]
        total = streams[first]
        for other in others:
            total = total + streams[other]
        return total

    def _apply(self, name: str, layer: Layer, current: np.ndarray) -> np.ndarray:
        """Return what a layer without states sends in each step."""
        if isinstance(layer, Convolution):
            return _on_rows(current, self._convolve(name, layer))
        if isinstance(layer, Product):
            weight = layer.weight.astype(np.float32)
            bias = layer.bias.astype(np.float32)
            return _on_rows(current, lambda rows: rows @ weight.T + bias)
        if isinstance(layer, Pool):
            return _on_rows(current, _pool(layer))
        if isinstance(layer, Flattening):
            return current.reshape(*current.shape[:2], -1)
        return current

    def _fire(
        self, neuron: Neuron, current: np.ndarray, firing: Firing | None
    ) -> np.ndarray:
        if firing is None:
            firing = OWN_HARD if neuron.hard else OWN
        threshold = neuron.threshold.astype(np.float32)
        start = neuron.start.astype(np.float32)
        shape = current.shape[1:]
        potential = np.broadcast_to(start, shape)
        spikes = np.empty((self._time_steps, *shape), np.float32)
        for t in range(self._time_steps):
            of_step = current[t % len(current)]
            spikes[t], potential = firing.step(potential + of_step, threshold)
        return spikes

    def _convolve(
        self, name: str, layer: Convolution
    ) -> Callable[[np.ndarray], np.ndarray]:
        source, output = self._graph.input_shape(name), self._graph.shapes[name]
        windows = [axis_window(layer, axis, source, output) for axis in (0, 1)]
        margins = [(window.before, window.behind) for window in windows]
        if layer not in self._convolutions:
            self._convolutions[layer] = open_convolution(layer)
        run = self._convolutions[layer]
        return lambda rows: run(_with_margins(rows, margins))


def _on_rows(
    current: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Apply a function of a batch to all steps at once."""
    steps, samples, *shape = current.shape
    rows = function(current.reshape(steps * samples, *shape))
    return rows.reshape(steps, samples, *rows.shape[1:])


def _with_margins(rows: np.ndarray, margins: list[tuple[int, int]]) -> np.ndarray:
    """Return rows with zeros around them, or cut off where a margin is negative."""
    added = [(max(0, before), max(0, behind)) for before, behind in margins]
    if any(map(any, added)):
        rows = np.pad(rows, [(0, 0), (0, 0), *added])
    kept = [
        slice(max(0, -before), size + min(0, behind))
        for (before, behind), size in zip(margins, rows.shape[2:], strict=True)
    ]
    return np.asarray(rows[:, :, kept[0], kept[1]])


def _pool(pool: Pool) -> Callable[[np.ndarray], np.ndarray]:
    attributes = {"strides": list(pool.strides)}

    def pooled(rows: np.ndarray) -> np.ndarray:
        window = Window.of(rows.shape[2:], pool.kernel, attributes)
        windows = window.view(rows)
        total = np.asarray(windows.sum(axis=(2, 3)))
        return total if pool.is_sum else total / np.float32(pool.taps)

    return pooled

"""The layers that are to wait, found by what it changes in the outputs on calibration data."""

from __future__ import annotations

import dataclasses
import heapq
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.correction.layer import Layer
from onnx2snn.correction.mean_spikes import mean_over_steps
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import delays_of
from onnx2snn.schedules.partition import is_tensor

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import onnx_ir as ir

    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.data.input_specs import Arrays, Feeds

__all__ = ["find_delays"]

Waiting: TypeAlias = "frozenset[ir.Node]"
"""The neurons that wait for a step."""


def find_delays(
    networks: NetworkPair,
    feeds: Feeds,
    candidates: Sequence[ir.Node],
    most_delays: int,
    known: Collection[ir.Node] = (),
) -> Collection[ir.Node]:
    """Return the neurons that are to wait so that the outputs come closest to the ANN's.

    One neuron after the other is let wait, each time the one that brings the outputs closest,
    until the longest path has no room for more. What a neuron gained in an earlier round is taken
    for the most that it can gain now, so that few are tried again.

    Args:
        networks: The spiking network, a single-step graph, and its ANN.
        feeds: Inputs of some samples.
        candidates: Neurons that may wait, in order.
        most_delays: Number of delays on the longest path, at most.
        known: Another choice, which stands unless one is found that does better.
    """
    trial = _Trial(networks, feeds)
    best = frozenset(known)
    least = trial.error(best)
    none: Waiting = frozenset()
    queue: Queue = [(-np.inf, at, neuron) for at, neuron in enumerate(candidates)]
    found: tuple[Waiting, float] | None = (none, trial.error(none))
    while found is not None:
        waiting, error = found
        if error < least:
            best, least = waiting, error
        found = _next_to_wait(trial, waiting, error, queue, most_delays)
    return best


Queue: TypeAlias = "list[tuple[float, int, ir.Node]]"
"""Minus the gain that is expected of a neuron that waits, its place, and the neuron."""


def _next_to_wait(
    trial: _Trial, waiting: Waiting, error: float, queue: Queue, most_delays: int
) -> tuple[Waiting, float] | None:
    """Take from the queue who waits next; return all that wait then, and the error.

    None if there is no room for any; who has no room now will not have any later.
    """
    fresh: set[ir.Node] = set()
    while queue:
        _, at, neuron = heapq.heappop(queue)
        extended = waiting | {neuron}
        if trial.delays(extended) > most_delays:
            continue
        found = trial.error(extended)
        gain = error - found
        is_best = not queue or -gain <= queue[0][0]
        if is_best or neuron in fresh:
            return extended, found
        fresh.add(neuron)
        heapq.heappush(queue, (-gain, at, neuron))
    return None


class _Trial:
    """A spiking network on a few samples, with any of its neurons waiting for a step."""

    def __init__(self, networks: NetworkPair, feeds: Feeds) -> None:
        self._graph = networks.snn.graph
        self._feeds = feeds
        self._layers = _read_layers(networks)
        self._spikes: Arrays = {}
        self._last: Waiting | None = None
        self._errors: dict[Waiting, float] = {}
        outputs = [value for value in self._graph.outputs if _is_comparable(value)]
        sent = [layer.spikes for layer in self._layers]
        self._readout = Subgraph(networks.snn, outputs, sent)
        wanted = [networks.counterpart(value) for value in outputs]
        ann = Subgraph(networks.ann, [v for v in wanted if v is not None], ())
        self._wanted = ann.run(feeds)

    def delays(self, waiting: Collection[ir.Node]) -> int:
        """Return the number of delays on the longest path."""
        return delays_of(self._graph, waiting)

    def error(self, waiting: Waiting) -> float:
        """Return how far the outputs are from the ANN's, squared, as a part of these."""
        if waiting not in self._errors:
            self._fire(waiting)
            self._errors[waiting] = self._error_of_outputs()
        return self._errors[waiting]

    def _fire(self, waiting: Waiting) -> None:
        """Let all neurons fire from the first on that waits now and did not before, or not."""
        before = self._last
        changed = [
            before is None or (layer.node in waiting) != (layer.node in before)
            for layer in self._layers
        ]
        first = changed.index(True) if True in changed else len(changed)
        for layer in self._layers[first:]:
            (current,) = layer.current.run({**self._feeds, **self._spikes})
            neurons = dataclasses.replace(
                layer.neurons, delay=int(layer.node in waiting)
            )
            self._spikes[str(layer.spikes.name)] = neurons.spikes(current)
        self._last = waiting

    def _error_of_outputs(self) -> float:
        means = dict(self._feeds)
        dtype = np.dtype(np.float32)
        for layer in self._layers:
            name = str(layer.spikes.name)
            weights = layer.neurons.spike_weights
            means[name] = mean_over_steps(self._spikes[name], dtype, weights)
        total = 0.0
        for found, wanted in zip(self._readout.run(means), self._wanted, strict=True):
            scale = np.square(wanted, dtype=np.float64).sum() or 1.0
            total += float(np.square(found - wanted, dtype=np.float64).sum() / scale)
        return total


@dataclasses.dataclass(frozen=True, eq=False)
class _TrialLayer:
    """A layer of neurons, and what computes its input from the spikes of those before."""

    node: ir.Node
    neurons: Layer
    current: Subgraph
    spikes: ir.Value


def _read_layers(networks: NetworkPair) -> list[_TrialLayer]:
    layers: list[_TrialLayer] = []
    for node, activation in networks.activations.items():
        known = [layer.spikes for layer in layers]
        currents = [value for value in node.inputs[:1] if value is not None]
        current = Subgraph(networks.snn, currents, known, networks.time_steps)
        rank = len(activation.shape or ())
        neurons = Layer.read(node, networks.time_steps, rank)
        layers.append(_TrialLayer(node, neurons, current, node.outputs[0]))
    return layers


def _is_comparable(value: ir.Value) -> bool:
    """Whether an output is computed, and holds real numbers."""
    is_real = value.dtype is not None and value.dtype.is_floating_point()
    return is_real and is_tensor(value) and value.producer() is not None

"""The layers that are to wait, found by what it changes in the outputs on calibration data."""

from __future__ import annotations

import dataclasses
import heapq
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from onnx2snn.correction.layer import Layer
from onnx2snn.correction.mean_spikes import mean_over_steps
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import delays_of
from onnx2snn.schedules.partition import is_tensor
from onnx2snn.storage.array_store import ArrayStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.data.batches import Batch
    from onnx2snn.data.input_specs import Arrays

__all__ = ["DelaySearch", "find_delays"]

_OF_ANN = "the ANN's"
"""Start of the name under which an output of the ANN is stored."""

Waiting: TypeAlias = "frozenset[ir.Node]"
"""The neurons that wait for a step."""


@dataclasses.dataclass(frozen=True, eq=False)
class DelaySearch:
    """The result of a search.

    Attributes:
        waiting: The neurons that are to wait.
        errors: The number of delays on the longest path to the relative error of the outputs
            with at most so many; of those numbers that were tried.
        samples: Number of samples that it was measured on.
    """

    waiting: Collection[ir.Node]
    errors: dict[int, float]
    samples: int

    def curve(self, time_steps: int) -> dict[str, Any]:
        """Return the errors against the latency at T, as the report has them."""
        points = [
            {"latency_steps": time_steps + delays, "relative_error": error}
            for delays, error in self.errors.items()
        ]
        return {"samples": self.samples, "points": points}


def find_delays(
    networks: NetworkPair,
    batches: Iterable[Batch],
    candidates: Sequence[ir.Node],
    most_delays: int,
    known: Collection[ir.Node] = (),
) -> DelaySearch:
    """Return the neurons that are to wait so that the outputs come closest to the ANN's.

    One neuron after the other is let wait, each time the one that brings the outputs closest,
    until the longest path has no room for more. What a neuron gained in an earlier round is taken
    for the most that it can gain now, so that few are tried again. All that could wait are tried
    as well, whether there is room or not.

    Args:
        networks: The spiking network, a single-step graph, and its ANN.
        batches: Inputs of some samples, as many at a time as are to be in memory. The spikes of
            all layers are on disk.
        candidates: Neurons that may wait, in order.
        most_delays: Number of delays on the longest path, at most.
        known: Another choice, which stands unless one is found that does better.
    """
    with ArrayStore() as store:
        trial = _Trial(networks, batches, store)
        waiting = _search(trial, candidates, most_delays, frozenset(known))
        trial.error(frozenset(candidates))
        errors = _least_within(trial.least_errors)
        return DelaySearch(waiting, errors, trial.samples)


def _search(
    trial: _Trial, candidates: Sequence[ir.Node], most_delays: int, known: Waiting
) -> Waiting:
    """Return the best choice that is found."""
    best = known
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


def _least_within(squares: Mapping[int, float]) -> dict[int, float]:
    """Return for each number of delays the least error with at most so many, no square."""
    within: dict[int, float] = {}
    least = np.inf
    for delays in sorted(squares):
        least = min(least, squares[delays])
        within[delays] = float(np.sqrt(least))
    return within


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
    """A spiking network on a few samples, with any of its neurons waiting for a step.

    Args:
        networks: The spiking network and its ANN.
        batches: Inputs, a few samples at a time.
        store: Where they and the spikes of all layers are.

    Attributes:
        least_errors: The number of delays on the longest path to the least error with it.
        samples: How many there are.
    """

    def __init__(
        self, networks: NetworkPair, batches: Iterable[Batch], store: ArrayStore
    ) -> None:
        self.least_errors: dict[int, float] = {}
        self.samples = 0
        self._graph = networks.snn.graph
        self._store = store
        self._layers = _read_layers(networks)
        self._last: Waiting | None = None
        self._errors: dict[Waiting, float] = {}
        pairs = _comparable_outputs(networks)
        sent = [layer.spikes for layer in self._layers]
        self._readout = Subgraph(networks.snn, [own for own, _ in pairs], sent)
        ann = Subgraph(networks.ann, [wanted for _, wanted in pairs], ())
        self._wanted = [f"{_OF_ANN} {wanted.name}" for _, wanted in pairs]
        self._batches = 0
        for batch in batches:
            self._take(batch, ann)

    def _take(self, batch: Batch, ann: Subgraph) -> None:
        """Store the inputs of a batch, and the outputs of the ANN."""
        for name, data in batch.feeds.items():
            self._store.append(name, data)
        outputs = ann.run(batch.feeds)
        for name, data in zip(self._wanted, outputs, strict=True):
            self._store.append(name, data)
        self.samples += batch.valid
        self._batches += 1

    def delays(self, waiting: Collection[ir.Node]) -> int:
        """Return the number of delays on the longest path."""
        return delays_of(self._graph, waiting)

    def error(self, waiting: Waiting) -> float:
        """Return how far the outputs are from the ANN's, squared, as a part of these."""
        if waiting not in self._errors:
            self._fire(waiting)
            error = self._error_of_outputs()
            delays = self.delays(waiting)
            self._errors[waiting] = error
            self.least_errors[delays] = min(
                error, self.least_errors.get(delays, np.inf)
            )
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
            self._fire_layer(layer, delay=int(layer.node in waiting))
        self._last = waiting

    def _fire_layer(self, layer: _TrialLayer, delay: int) -> None:
        """Store the spikes of a layer, in the place of what it sent before."""
        neurons = dataclasses.replace(layer.neurons, delay=delay)
        name = str(layer.spikes.name)
        self._store.drop(name)
        for batch in range(self._batches):
            names = layer.current.inputs
            feeds = {name: self._store.read(name, batch) for name in names}
            (current,) = layer.current.run(feeds)
            self._store.append(name, neurons.spikes(current))

    def _error_of_outputs(self) -> float:
        """Return the sum over the outputs of their squared errors, as parts of their squares."""
        differences, sizes = np.zeros(1), np.zeros(1)
        for batch in range(self._batches):
            wanted = [self._store.read(name, batch) for name in self._wanted]
            found = self._readout.run(self._means(batch))
            off = map(np.subtract, found, wanted)
            differences = differences + _squares(off)
            sizes = sizes + _squares(wanted)
        sizes[sizes == 0] = 1
        return float((differences / sizes).sum())

    def _means(self, batch: int) -> Arrays:
        """Return what the readout reads of a batch: means over the steps, and inputs."""
        weights = {
            str(layer.spikes.name): layer.neurons.spike_weights
            for layer in self._layers
        }
        means = {}
        for name in self._readout.inputs:
            data = self._store.read(name, batch)
            if name in weights:
                data = mean_over_steps(data, np.dtype(np.float32), weights[name])
            means[name] = data
        return means


def _squares(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Return the sum of the squares of each array."""
    return np.array([np.square(each, dtype=np.float64).sum() for each in arrays])


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


def _comparable_outputs(networks: NetworkPair) -> list[tuple[ir.Value, ir.Value]]:
    """Return the outputs that hold real numbers, each beside that of the ANN."""
    pairs = []
    for value in networks.snn.graph.outputs:
        wanted = networks.counterpart(value)
        if wanted is not None and _is_comparable(value):
            pairs.append((value, wanted))
    return pairs


def _is_comparable(value: ir.Value) -> bool:
    """Whether an output is computed, and holds real numbers."""
    is_real = value.dtype is not None and value.dtype.is_floating_point()
    return is_real and is_tensor(value) and value.producer() is not None

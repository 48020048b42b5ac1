"""Walking through a spiking network layer by layer, on the spikes it really gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from onnx2snn.analysis.activations import is_rectifier
from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.correction.grid import Grid
from onnx2snn.correction.layer import Layer, Sample
from onnx2snn.correction.weights_to_fit import synapses
from onnx2snn.data.events import time_means
from onnx2snn.graph import boundary, closure, dependency_graph, reads
from onnx2snn.metadata.facts import ACTIVATION_OUTPUT, STREAM_OF, is_excluded
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.storage.array_store import ArrayStore

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Generator,
        Iterable,
        Iterator,
        Mapping,
    )

    import onnx_ir as ir

    from onnx2snn.correction.weights_to_fit import WeightsToFit

__all__ = ["replaced_activations", "walk"]

_CURRENT = "current of the layer"
_TARGET = "target of the layer"

_Entry = TypeVar("_Entry")


def walk(  # noqa: PLR0913 (two networks, their data, and how they run)
    snn: ir.Model,
    ann: ir.Model,
    batches: Iterable[Mapping[str, np.ndarray]],
    time_steps: int,
    positions: int | None = None,
    *,
    layerwise: bool = False,
) -> Generator[WeightsToFit | Layer]:
    """Yield the parts of ``snn`` from the input on, each driven by the neurons before it.

    First come the weights between the neurons that are done and the next, then these neurons;
    at the end the weights behind the last neurons. What the caller changes is in force for all
    that comes later: the neurons run once more on all the data when the part behind them is
    asked for. At most the spikes that are still to be read are kept, on disk.

    Args:
        snn: A spiking network in step form.
        ann: The network it was made from, with the same names of values.
        batches: Feeds of the graph inputs; those that are events are [T, N, ...].
        time_steps: T.
        positions: Of images and sequences, how many evenly spaced positions along each axis the
            samples of a layer hold at most, other ones in each batch; None for all. The neurons
            fire on all.
        layerwise: Whether each layer fires alone, once its input is complete, and not all in the
            same steps. What a layer is driven by is then a value, and no stream.

    Yields:
        One ``WeightsToFit`` for each node with constant weights that spikes drive, directly or
        through analog streams, unless it is to be left as it is; one ``Layer`` for each
        activation that became a neuron, in topological order.
    """
    with ArrayStore() as tape:
        walker = _Walker(snn, ann, tape, time_steps, positions, layerwise=layerwise)
        walker.store(batches)
        for neuron in walker.neurons:
            yield from walker.synapses(neuron.inputs[:1])
            layer = walker.layer(neuron)
            yield layer
            walker.fire(layer)
        yield from walker.synapses(walker.ends)


def replaced_activations(snn: ir.Model, ann: ir.Model) -> dict[ir.Node, ir.Value]:
    """Return, for each neuron of ``snn`` in order, the value of ``ann`` whose place it takes."""
    by_name = _values_by_name(ann)
    neurons = [node for node in snn.graph if is_neuron(node)]
    return {node: by_name[ACTIVATION_OUTPUT.read_required(node)] for node in neurons}


class _Walker:
    """The spikes and activations that the next layers still read."""

    def __init__(  # noqa: PLR0913 (what walk is given)
        self,
        snn: ir.Model,
        ann: ir.Model,
        tape: ArrayStore,
        time_steps: int,
        positions: int | None,
        *,
        layerwise: bool,
    ) -> None:
        self._snn = snn
        self._ann = ann
        self._tape = tape
        self._time_steps = time_steps
        self._positions = positions
        self._layerwise = layerwise
        self._batches = 0
        self._values = _values_by_name(ann)
        self._activations = replaced_activations(snn, ann)
        self.neurons = list(self._activations)
        self._events = event_names(snn.graph)
        self._fired: list[ir.Node] = []
        self._front: Subgraph
        self._sampled = False
        self.ends = list(snn.graph.outputs)
        self._last_readers = _last_readers(
            self._activations, self.ends, ann.graph.outputs
        )
        self._met: set[ir.Node] = set()

    def store(self, batches: Iterable[Mapping[str, np.ndarray]]) -> None:
        """Keep the feeds."""
        for feeds in batches:
            for name, data in feeds.items():
                self._tape.append(name, data)
            self._batches += 1

    def synapses(self, ends: Collection[ir.Value | None]) -> Iterator[WeightsToFit]:
        """Yield the weights between the neurons that have fired and ``ends``, in order."""
        if not self._fired:
            return
        edges = dependency_graph(self._snn.graph)
        driven = closure(edges, self._fired)
        wanted = closure(edges.reverse(copy=False), filter(None, map(_producer, ends)))
        between = (driven & wanted) - self._met
        ahead = [
            node for node in self._snn.graph if node in between and not is_neuron(node)
        ]
        self._met.update(ahead)
        for found in synapses(ahead):
            if is_excluded(found.map.node.outputs[0]):
                continue
            target = self._values.get(_name_in_ann(found.place))
            values = [found.map.moving, found.place]
            # What the step form makes of means in one step is what the steps come to.
            segment = Subgraph(
                self._snn, values, [self._sent(node) for node in self._fired]
            )
            if target is not None and "BernoulliEncoder" not in segment.operators:
                found.samples = _Batches(self._lacking(segment, target), self._batches)
                yield found

    def _lacking(
        self, snn: Subgraph, target: ir.Value
    ) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
        """Return what computes the mean operand of weights and what their place lacks.

        Args:
            snn: What computes both from what the neurons send.
            target: The place in the ANN.
        """
        known = [self._activations[node] for node in self._fired]
        ann = Subgraph(self._ann, [target], known)

        def sample(batch: int) -> tuple[np.ndarray, np.ndarray]:
            wanted = self._output(ann, batch, self._events)
            operand, found = snn.run(self._means(snn, batch))
            return operand, wanted - found

        return sample

    def _means(self, segment: Subgraph, batch: int) -> dict[str, np.ndarray]:
        """Return the means over the steps of what ``segment`` reads."""
        feeds = time_means(self._driving(segment, batch), self._events)
        streams = set() if self._layerwise else {_key(node) for node in self._fired}
        return {
            name: data.mean(axis=0, dtype=np.float32) if name in streams else data
            for name, data in feeds.items()
        }

    def layer(self, neuron: ir.Node) -> Layer:
        """Run the parts of both networks in front of ``neuron``."""
        activation = self._activations[neuron]
        sent = [self._sent(node) for node in self._fired]
        known = [self._activations[node] for node in self._fired]
        self._run(
            Subgraph(self._ann, [activation], known), str(activation.name), self._events
        )
        current = [value for value in neuron.inputs[:1] if value is not None]
        self._front = Subgraph(
            self._snn, current, sent, None if self._layerwise else self._time_steps
        )
        rank = self._tape.read(str(activation.name), 0).ndim
        layer = Layer.read(neuron, self._time_steps, rank, layerwise=self._layerwise)
        layer.channel_axis = channel_axis(activation)
        limit = largest_magnitude(activation)
        layer.bound = None if limit is None else float(np.max(limit))
        producer = activation.producer()
        layer.signed = producer is None or not is_rectifier(producer)
        self._sampled = self._sample(layer, str(activation.name))
        layer.samples = _Batches(self._kept_sample, self._batches)
        return layer

    def _kept_sample(self, batch: int) -> Sample:
        return Sample(self._tape.read(_CURRENT, batch), self._tape.read(_TARGET, batch))

    def _sent(self, neuron: ir.Node) -> ir.Value:
        """Return what the layers behind ``neuron`` are driven by: spikes, or what they write."""
        spikes = neuron.outputs[0]
        return next(iter(spikes.uses())).node.outputs[0] if self._layerwise else spikes

    def _run(
        self, segment: Subgraph, output: str, averaged: Collection[str] = ()
    ) -> None:
        for batch in range(self._batches):
            self._tape.append(output, self._output(segment, batch, averaged))

    def _output(
        self, segment: Subgraph, batch: int, averaged: Collection[str] = ()
    ) -> np.ndarray:
        feeds = {name: self._tape.read(name, batch) for name in segment.inputs}
        return segment.run(time_means(feeds, averaged))[0]

    def _current(self, batch: int) -> np.ndarray:
        """Return what the layer at hand is driven by."""
        return self._front.run(self._driving(self._front, batch))[0]

    def _driving(self, segment: Subgraph, batch: int) -> dict[str, np.ndarray]:
        """Return what a part of the spiking network reads."""
        kept = {str(self._sent(node).name): _key(node) for node in self._fired}
        return {
            name: self._tape.read(kept.get(name, name), batch)
            for name in segment.inputs
        }

    def _sample(self, layer: Layer, activation: str) -> bool:
        """Keep the samples of ``layer``; whether they leave anything out."""
        left_out = False
        for batch in range(self._batches):
            full = Sample(self._current(batch), self._tape.read(activation, batch))
            sample = full
            if self._positions is not None:
                sample = layer.thinned(full, Grid(self._positions, batch))
            self._tape.append(_CURRENT, sample.current)
            self._tape.append(_TARGET, sample.target)
            left_out = left_out or sample.target.size < full.target.size
        return left_out

    def fire(self, layer: Layer) -> None:
        """Keep the spikes of ``layer`` and forget what nobody reads any more."""
        layer.write()
        for batch in range(self._batches):
            current = (
                self._current(batch)
                if self._sampled
                else self._tape.read(_CURRENT, batch)
            )
            sent = (
                layer.mean_output(current) if self._layerwise else layer.spikes(current)
            )
            self._tape.append(_key(layer.neuron), sent)
        self._tape.drop(_CURRENT)
        self._tape.drop(_TARGET)
        self._fired.append(layer.neuron)
        for node in self._fired:
            if self._last_readers.get(node, node) is layer.neuron:
                self._tape.drop(_key(node))
                self._tape.drop(str(self._activations[node].name))


class _Batches(Generic[_Entry]):
    """What is known of one part of the network, computed or loaded one batch at a time."""

    def __init__(self, entry: Callable[[int], _Entry], batches: int) -> None:
        self._entry = entry
        self._batches = batches

    def __iter__(self) -> Iterator[_Entry]:
        return map(self._entry, range(self._batches))


def _values_by_name(model: ir.Model) -> dict[str | None, ir.Value]:
    made = [value for node in model.graph for value in node.outputs]
    return {value.name: value for value in (*model.graph.inputs, *made)}


def _producer(value: ir.Value | None) -> ir.Node | None:
    return None if value is None else value.producer()


def _key(neuron: ir.Node) -> str:
    """Return the name under which is kept what ``neuron`` sends: no activation has it."""
    return str(neuron.outputs[0].name)


def _name_in_ann(value: ir.Value) -> str:
    """Return the name that ``value``, perhaps a stream whose mean is an output, has in the ANN."""
    return STREAM_OF.read(value) or str(value.name)


def _last_readers(
    activations: Mapping[ir.Node, ir.Value],
    ends: Collection[ir.Value],
    ann_ends: Collection[ir.Value],
) -> dict[ir.Node, ir.Node | None]:
    """Return, for each neuron, the last one that needs what it stands for, in either network.

    In the spiking network its spikes make the current of that neuron, in the ANN its activation
    makes the activation there: where weights alone are driven by spikes, other readers of the
    activation are in the ANN only. None where outputs of the networks are made from them.
    """
    spikes = {neuron.outputs[0]: neuron for neuron in activations}
    replaced = {activation: neuron for neuron, activation in activations.items()}
    last: dict[ir.Node, ir.Node | None] = {}
    for neuron, activation in (*activations.items(), (None, None)):
        currents = ends if neuron is None else neuron.inputs[:1]
        last |= {spikes[v]: neuron for v in boundary(currents, spikes) if v in spikes}
        producer = None if activation is None else activation.producer()
        read = ann_ends if producer is None else reads(producer)
        last |= {replaced[v]: neuron for v in boundary(read, replaced) if v in replaced}
    return last

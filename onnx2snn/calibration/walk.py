"""Walking through a spiking network layer by layer, on the spikes it really gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.calibration.layer import Layer, Sample
from onnx2snn.calibration.segment import Segment
from onnx2snn.calibration.tape import Tape
from onnx2snn.coding import event_names
from onnx2snn.events import time_means
from onnx2snn.graph import boundary
from onnx2snn.notes import ACTIVATION_OUTPUT
from onnx2snn.streams import is_neuron

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping

    import numpy as np
    import onnx_ir as ir

__all__ = ["replaced_activations", "walk"]

_CURRENT = "current of the layer"
_TARGET = "target of the layer"


def walk(  # noqa: PLR0913 (two networks, their data, and how they run)
    snn: ir.Model,
    ann: ir.Model,
    batches: Iterable[Mapping[str, np.ndarray]],
    time_steps: int,
    positions: int | None = None,
    *,
    layerwise: bool = False,
) -> Generator[Layer]:
    """Yield the layers of ``snn`` from the input on, each driven by the layers before it.

    What the caller changes in a layer is in force for the layers behind it: when the next
    layer is asked for, the neurons run once more on all the data. At most the spikes that are
    still to be read are kept, on disk.

    Args:
        snn: A spiking network in step form.
        ann: The network it was made from, with the same names of activation outputs.
        batches: Feeds of the graph inputs; those that are events are [T, N, ...].
        time_steps: T.
        positions: Of images and sequences, how many evenly spaced positions along each axis the
            samples of a layer hold at most; None for all. The neurons fire on all.
        layerwise: Whether each layer fires alone, once its input is complete, and not all in the
            same steps. What a layer is driven by is then a value, and no stream.

    Yields:
        One layer for each activation that became a neuron, in topological order.
    """
    with Tape() as tape:
        walker = _Walker(snn, ann, tape, time_steps, positions, layerwise=layerwise)
        walker.store(batches)
        for neuron in walker.neurons:
            layer = walker.layer(neuron)
            yield layer
            walker.fire(layer)


def replaced_activations(snn: ir.Model, ann: ir.Model) -> dict[ir.Node, ir.Value]:
    """Return, for each neuron of ``snn`` in order, the value of ``ann`` whose place it takes."""
    by_name = {value.name: value for node in ann.graph for value in node.outputs}
    by_name |= {value.name: value for value in ann.graph.inputs}
    neurons = [node for node in snn.graph if is_neuron(node)]
    return {node: by_name[node.metadata_props[ACTIVATION_OUTPUT]] for node in neurons}


class _Walker:
    """The spikes and activations that the next layers still read."""

    def __init__(  # noqa: PLR0913 (what walk is given)
        self,
        snn: ir.Model,
        ann: ir.Model,
        tape: Tape,
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
        self._activations = replaced_activations(snn, ann)
        self.neurons = list(self._activations)
        self._events = event_names(snn.graph)
        self._fired: list[ir.Node] = []
        self._front: Segment
        self._sampled = False
        self._last_readers = _last_readers(self.neurons)

    def store(self, batches: Iterable[Mapping[str, np.ndarray]]) -> None:
        """Keep the feeds."""
        for feeds in batches:
            for name, data in feeds.items():
                self._tape.append(name, data)
            self._batches += 1

    def layer(self, neuron: ir.Node) -> Layer:
        """Run the parts of both networks in front of ``neuron``."""
        activation = self._activations[neuron]
        sent = [self._sent(node) for node in self._fired]
        known = [self._activations[node] for node in self._fired]
        self._run(Segment(self._ann, [activation], known), str(activation.name), self._events)
        current = [value for value in neuron.inputs[:1] if value is not None]
        self._front = Segment(
            self._snn, current, sent, None if self._layerwise else self._time_steps
        )
        rank = self._tape.read(str(activation.name), 0).ndim
        layer = Layer.read(neuron, self._time_steps, rank, layerwise=self._layerwise)
        self._sampled = self._sample(layer, str(activation.name))
        layer.samples = _Samples(self._tape, self._batches)
        return layer

    def _sent(self, neuron: ir.Node) -> ir.Value:
        """Return what the layers behind ``neuron`` are driven by: spikes, or what they write."""
        spikes = neuron.outputs[0]
        return next(iter(spikes.uses())).node.outputs[0] if self._layerwise else spikes

    def _run(self, segment: Segment, output: str, averaged: Collection[str] = ()) -> None:
        for batch in range(self._batches):
            self._tape.append(output, self._output(segment, batch, averaged))

    def _output(self, segment: Segment, batch: int, averaged: Collection[str] = ()) -> np.ndarray:
        feeds = {name: self._tape.read(name, batch) for name in segment.inputs}
        return segment.run(time_means(feeds, averaged))[0]

    def _current(self, batch: int) -> np.ndarray:
        """Return what the layer at hand is driven by."""
        kept = {str(self._sent(node).name): _key(node) for node in self._fired}
        names = self._front.inputs
        feeds = {name: self._tape.read(kept.get(name, name), batch) for name in names}
        return self._front.run(feeds)[0]

    def _sample(self, layer: Layer, activation: str) -> bool:
        """Keep the samples of ``layer``; whether they leave anything out."""
        left_out = False
        for batch in range(self._batches):
            full = Sample(self._current(batch), self._tape.read(activation, batch))
            sample = full if self._positions is None else layer.thinned(full, self._positions)
            self._tape.append(_CURRENT, sample.current)
            self._tape.append(_TARGET, sample.target)
            left_out = left_out or sample.target.size < full.target.size
        return left_out

    def fire(self, layer: Layer) -> None:
        """Keep the spikes of ``layer`` and forget what nobody reads any more."""
        layer.write()
        for batch in range(self._batches):
            current = self._current(batch) if self._sampled else self._tape.read(_CURRENT, batch)
            sent = layer.mean_output(current) if self._layerwise else layer.spikes(current)
            self._tape.append(_key(layer.neuron), sent)
        self._tape.drop(_CURRENT)
        self._tape.drop(_TARGET)
        self._fired.append(layer.neuron)
        for node in self._fired:
            if self._last_readers.get(node) in {layer.neuron, None}:
                self._tape.drop(_key(node))
                self._tape.drop(str(self._activations[node].name))


class _Samples:
    """The samples of one layer, loaded one batch at a time."""

    def __init__(self, tape: Tape, batches: int) -> None:
        self._tape = tape
        self._batches = batches

    def __iter__(self) -> Iterator[Sample]:
        for batch in range(self._batches):
            yield Sample(self._tape.read(_CURRENT, batch), self._tape.read(_TARGET, batch))


def _key(neuron: ir.Node) -> str:
    """Return the name under which is kept what ``neuron`` sends: no activation has it."""
    return str(neuron.outputs[0].name)


def _last_readers(neurons: list[ir.Node]) -> dict[ir.Node, ir.Node]:
    """Return, for each neuron, the last neuron whose current is made from its spikes."""
    spikes = {neuron.outputs[0]: neuron for neuron in neurons}
    return {
        spikes[value]: reader
        for reader in neurons
        for value in boundary(reader.inputs[:1], spikes)
        if value in spikes
    }

"""Walking through a spiking network layer by layer, on the spikes it really gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.calibration.layer import Layer, Sample
from onnx2snn.calibration.segment import Segment
from onnx2snn.calibration.tape import Tape
from onnx2snn.graph import boundary
from onnx2snn.notes import ACTIVATION_OUTPUT
from onnx2snn.streams import is_neuron

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    import numpy as np
    import onnx_ir as ir

__all__ = ["walk"]

_CURRENT = "current of the layer"


def walk(
    snn: ir.Model,
    ann: ir.Model,
    batches: Iterable[Mapping[str, np.ndarray]],
    time_steps: int,
) -> Generator[Layer]:
    """Yield the layers of ``snn`` from the input on, each driven by the layers before it.

    What the caller changes in a layer is in force for the layers behind it: when the next
    layer is asked for, the neurons run once more on all the data. At most the spikes that are
    still to be read are kept, on disk.

    Args:
        snn: A spiking network in step form.
        ann: The network it was made from, with the same names of activation outputs.
        batches: Feeds of the graph inputs.
        time_steps: T.

    Yields:
        One layer for each activation that became a neuron, in topological order.
    """
    with Tape() as tape:
        walker = _Walker(snn, ann, tape, time_steps)
        walker.store(batches)
        for neuron in walker.neurons:
            layer = walker.layer(neuron)
            yield layer
            walker.fire(layer)


class _Walker:
    """The spikes and activations that the next layers still read."""

    def __init__(self, snn: ir.Model, ann: ir.Model, tape: Tape, time_steps: int) -> None:
        self.neurons = [node for node in snn.graph if is_neuron(node)]
        self._snn = snn
        self._ann = ann
        self._tape = tape
        self._time_steps = time_steps
        self._batches = 0
        by_name = {value.name: value for node in ann.graph for value in node.outputs}
        self._activations = {
            node: by_name[node.metadata_props[ACTIVATION_OUTPUT]] for node in self.neurons
        }
        self._fired: list[ir.Node] = []
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
        spikes = [node.outputs[0] for node in self._fired]
        known = [self._activations[node] for node in self._fired]
        current = [value for value in neuron.inputs[:1] if value is not None]
        self._run(Segment(self._snn, current, spikes, self._time_steps), _CURRENT)
        self._run(Segment(self._ann, [activation], known), str(activation.name))
        samples = _Samples(self._tape, str(activation.name), self._batches)
        return Layer.read(neuron, self._time_steps, samples)

    def _run(self, segment: Segment, output: str) -> None:
        for batch in range(self._batches):
            feeds = {name: self._tape.read(name, batch) for name in segment.inputs}
            self._tape.append(output, segment.run(feeds)[0])

    def fire(self, layer: Layer) -> None:
        """Keep the spikes of ``layer`` and forget what nobody reads any more."""
        layer.write()
        for sample in layer.samples:
            self._tape.append(str(layer.neuron.outputs[0].name), layer.spikes(sample.current))
        self._tape.drop(_CURRENT)
        self._fired.append(layer.neuron)
        for node in self._fired:
            if self._last_readers.get(node) in {layer.neuron, None}:
                self._tape.drop(str(node.outputs[0].name))
                self._tape.drop(str(self._activations[node].name))


class _Samples:
    """The samples of one layer, loaded one batch at a time."""

    def __init__(self, tape: Tape, activation: str, batches: int) -> None:
        self._tape = tape
        self._activation = activation
        self._batches = batches

    def __iter__(self) -> Iterator[Sample]:
        for batch in range(self._batches):
            current = self._tape.read(_CURRENT, batch)
            yield Sample(current, self._tape.read(self._activation, batch))


def _last_readers(neurons: list[ir.Node]) -> dict[ir.Node, ir.Node]:
    """Return, for each neuron, the last neuron whose current is made from its spikes."""
    spikes = {neuron.outputs[0]: neuron for neuron in neurons}
    return {
        spikes[value]: reader
        for reader in neurons
        for value in boundary(reader.inputs[:1], spikes)
        if value in spikes
    }

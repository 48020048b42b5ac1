"""Observing weights and layers of neurons, driven by the neurons that have fired."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.rectifiers import is_rectifier
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.correction.grid import Grid
from onnx2snn.correction.layer import Layer, Sample
from onnx2snn.correction.recording import PerBatch, record_name
from onnx2snn.runtime.memory import MEMORY_LIMIT

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.correction.recording import Recording
    from onnx2snn.correction.weights_to_fit import WeightsToFit
    from onnx2snn.runtime.subgraph import Subgraph

__all__ = ["ObservedLayer", "fire_neurons", "observe_layer", "observe_weights"]

_CURRENT = "current of the layer"
_TARGET = "target of the layer"


def observe_weights(recording: Recording, weights: WeightsToFit) -> bool:
    """Give weights the samples that they are fitted to; return whether there can be any.

    There are none where the ANN does not have the target value, nor where a random code
    stands between the neurons and the weights: it has no mean.
    """
    target = recording.networks.counterpart(weights.target)
    if target is None:
        return False
    # What the single-step graph makes of means in one step is what the steps come to.
    values = [weights.map.operand, weights.target]
    snn = recording.snn_subgraph(values)
    if "BernoulliEncoder" in snn.operators:
        return False
    ann = recording.ann_subgraph(target)

    def read_sample(batch: int) -> tuple[np.ndarray, np.ndarray]:
        wanted = recording.run_ann(ann, batch)
        operand, found = snn.run(recording.mean_feeds(snn, batch))
        return operand, wanted - found

    weights.samples = PerBatch(read_sample, recording.batch_count)
    return True


@dataclasses.dataclass
class ObservedLayer:
    """A layer of neurons, and what drives it.

    Attributes:
        layer: The neurons, with samples of the current and of the ANN's activation.
        current: Computes the current, at all positions.
        is_thinned: Whether the samples leave positions out.
        kept: Then the current at all positions, by number of the batch, of as many batches as
            memory holds; of others it is computed again.
    """

    layer: Layer
    current: Subgraph
    is_thinned: bool = False
    kept: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)

    def keep(self, batch: int, current: np.ndarray) -> None:
        """Keep the current of a batch of which the samples hold a part, if there is room."""
        self.is_thinned = True
        held = sum(each.nbytes for each in self.kept.values())
        if held + current.nbytes <= MEMORY_LIMIT:
            self.kept[batch] = current


def observe_layer(
    recording: Recording, neuron: ir.Node, positions: int | None
) -> ObservedLayer:
    """Run the parts of both networks in front of ``neuron``, and keep samples of them.

    Args:
        recording: What is known so far; the activation that the neuron replaces is added.
        neuron: A neuron that has not fired.
        positions: Most positions along each axis of an image or a sequence that the samples
            hold, evenly spaced, other ones in each batch; None for all.
    """
    networks = recording.networks
    activation = networks.activations[neuron]
    target = str(activation.name)
    _record_activation(recording, activation)
    currents = [value for value in neuron.inputs[:1] if value is not None]
    time_steps = None if networks.layerwise else networks.time_steps
    current = recording.snn_subgraph(currents, time_steps)
    rank = recording.store.read(target, 0).ndim
    layer = Layer.read(neuron, networks.time_steps, rank, layerwise=networks.layerwise)
    _describe_activation(layer, activation)
    observed = ObservedLayer(layer, current)
    for batch in range(recording.batch_count):
        full = Sample(
            current=_run_current(recording, current, batch),
            target=recording.store.read(target, batch),
        )
        grid = None if positions is None else Grid(positions, batch)
        is_smaller = _store_sample(recording, layer, full, grid)
        if is_smaller:
            observed.keep(batch, full.current)

    def read_sample(batch: int) -> Sample:
        return Sample(
            current=recording.store.read(_CURRENT, batch),
            target=recording.store.read(_TARGET, batch),
        )

    layer.samples = PerBatch(read_sample, recording.batch_count)
    return observed


def fire_neurons(recording: Recording, observed: ObservedLayer) -> None:
    """Let the neurons of a layer fire as they are now, at all positions, and keep the spikes.

    The samples of the layer are deleted.
    """
    layer = observed.layer
    layer.write()
    for batch in range(recording.batch_count):
        current = _read_current(recording, observed, batch)
        send = layer.mean_output if recording.networks.layerwise else layer.spikes
        name = record_name(layer.neuron)
        sent = send(current)
        recording.store.append(name, sent)
    recording.store.drop(_CURRENT)
    recording.store.drop(_TARGET)
    recording.fired.append(layer.neuron)


def _read_current(
    recording: Recording, observed: ObservedLayer, batch: int
) -> np.ndarray:
    """Return the current of a layer at all positions; what is kept is given up."""
    if not observed.is_thinned:
        return recording.store.read(_CURRENT, batch)
    if batch in observed.kept:
        return observed.kept.pop(batch)
    return _run_current(recording, observed.current, batch)


def _store_sample(
    recording: Recording, layer: Layer, full: Sample, grid: Grid | None
) -> bool:
    """Keep the sample of a batch at the positions of a grid; return whether it is smaller."""
    sample = full if grid is None else layer.thinned(full, grid)
    recording.store.append(_CURRENT, sample.current)
    recording.store.append(_TARGET, sample.target)
    return sample.target.size < full.target.size


def _record_activation(recording: Recording, activation: ir.Value) -> None:
    """Compute an activation of the ANN and keep it."""
    subgraph = recording.ann_subgraph(activation)
    for batch in range(recording.batch_count):
        data = recording.run_ann(subgraph, batch)
        name = str(activation.name)
        recording.store.append(name, data)


def _run_current(recording: Recording, subgraph: Subgraph, batch: int) -> np.ndarray:
    """Return the current of a layer."""
    feeds = recording.snn_feeds(subgraph, batch)
    outputs = subgraph.run(feeds)
    return outputs[0]


def _describe_activation(layer: Layer, activation: ir.Value) -> None:
    """Set what ``layer`` knows of the activation that its neurons replace."""
    layer.channel_axis = channel_axis(activation)
    limit = largest_magnitude(activation)
    layer.bound = None if limit is None else float(np.max(limit))
    producer = activation.producer()
    layer.signed = producer is None or not is_rectifier(producer)

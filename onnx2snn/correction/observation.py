"""Observing weights and layers of neurons, driven by the neurons that have fired."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.channel_axis import channel_axis
from onnx2snn.analysis.rectifiers import is_rectifier
from onnx2snn.calibration.limits import largest_magnitude
from onnx2snn.correction.blocks import join_batches, split_batches
from onnx2snn.correction.grid import Grid
from onnx2snn.correction.layer import Layer, Sample
from onnx2snn.correction.recording import PerBatch, record_name
from onnx2snn.correction.time_slices import run_in_slices, steps_at_once
from onnx2snn.runtime.memory import MEMORY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        target: Name of the activation of the ANN, in the store.
        is_thinned: Whether the samples leave positions out.
        blocks: Numbers of the batches that its neurons run on together, of each block.
        kept: Then the current at all positions, by number of the block, of as many blocks as
            memory holds; of others it is computed again.
    """

    layer: Layer
    current: Subgraph
    target: str
    blocks: Sequence[range]
    is_thinned: bool = False
    kept: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)

    def keep(self, block: int, current: np.ndarray) -> None:
        """Keep the current of a block of which the samples hold a part, if there is room."""
        self.is_thinned = True
        held = sum(each.nbytes for each in self.kept.values())
        if held + current.nbytes <= MEMORY_LIMIT:
            self.kept[block] = current


def observe_layer(
    recording: Recording, neuron: ir.Node, positions: int | None
) -> ObservedLayer:
    """Run the parts of both networks in front of ``neuron``, and keep samples of them.

    Args:
        recording: What is known so far; the activation that the neuron replaces is added.
        neuron: A neuron that has not fired.
        positions: Most positions along each axis of an image or a sequence that the samples
            hold, evenly spaced, other ones in each block; None for all.
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
    blocks = _blocks_of(recording, layer, target)
    observed = ObservedLayer(layer, current, target, blocks)
    for number, block in enumerate(blocks):
        full = Sample(
            current=_run_current(recording, observed, block),
            target=_read_joined(recording, target, block),
        )
        grid = None if positions is None else Grid(positions, number)
        is_smaller = _store_sample(recording, layer, full, grid)
        if is_smaller:
            observed.keep(number, full.current)
    read_sample = functools.partial(_read_sample, recording)
    layer.samples = PerBatch(read_sample, len(blocks))
    return observed


def _read_sample(recording: Recording, block: int) -> Sample:
    """Return what is kept of a block for a layer."""
    return Sample(
        current=recording.store.read(_CURRENT, block),
        target=recording.store.read(_TARGET, block),
    )


def fire_neurons(recording: Recording, observed: ObservedLayer) -> None:
    """Let the neurons of a layer fire as they are now, at all positions, and keep the spikes.

    The samples of the layer are deleted.
    """
    layer = observed.layer
    layer.write()
    is_layerwise = recording.networks.layerwise
    send = layer.mean_output if is_layerwise else layer.spikes
    sample_axis = 0 if is_layerwise else 1
    name = record_name(layer.neuron)
    for number, block in enumerate(observed.blocks):
        current = _read_current(recording, observed, number)
        sent = send(current)
        for of_batch in split_batches(sent, len(block), sample_axis):
            recording.store.append(name, of_batch)
    recording.store.drop(_CURRENT)
    recording.store.drop(_TARGET)
    recording.note_fired(layer.neuron)


def _blocks_of(recording: Recording, layer: Layer, target: str) -> Sequence[range]:
    """Return the blocks of a layer: of one batch each where batches are not of one shape.

    So it is where the first axis is no axis of samples: each entry has a threshold of its own.
    """
    single = [range(batch, batch + 1) for batch in range(recording.batch_count)]
    if 0 not in layer.shared_axes:
        return single
    shapes = {recording.store.read(target, batch).shape for (batch,) in single}
    return recording.blocks if len(shapes) == 1 else single


def _read_joined(recording: Recording, name: str, block: range) -> np.ndarray:
    """Return what is stored of the batches of a block, as one."""
    parts = [recording.store.read(name, batch) for batch in block]
    return join_batches(parts, axis=0)


def _read_current(
    recording: Recording, observed: ObservedLayer, number: int
) -> np.ndarray:
    """Return the current of a block at all positions; what is kept is given up."""
    if not observed.is_thinned:
        return recording.store.read(_CURRENT, number)
    if number in observed.kept:
        return observed.kept.pop(number)
    return _run_current(recording, observed, observed.blocks[number])


def _store_sample(
    recording: Recording, layer: Layer, full: Sample, grid: Grid | None
) -> bool:
    """Keep the sample of a block at the positions of a grid; return whether it is smaller."""
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


def _run_current(
    recording: Recording, observed: ObservedLayer, block: range
) -> np.ndarray:
    """Return the current of a block, [T, N, ...], or [N, ...] if it is always the same."""
    subgraph = observed.current
    layer = observed.layer
    streams = recording.streams
    parts = []
    for batch in block:
        feeds = recording.snn_feeds(subgraph, batch)
        steps = steps_at_once(recording.store.read(observed.target, batch).size)
        part = run_in_slices(subgraph, feeds, streams, steps, layer.varies)
        parts.append(part)
    sample_axis = int(layer.varies(parts[0]))
    return join_batches(parts, sample_axis)


def _describe_activation(layer: Layer, activation: ir.Value) -> None:
    """Set what ``layer`` knows of the activation that its neurons replace."""
    layer.channel_axis = channel_axis(activation)
    limit = largest_magnitude(activation)
    layer.bound = None if limit is None else float(np.max(limit))
    producer = activation.producer()
    layer.signed = producer is None or not is_rectifier(producer)

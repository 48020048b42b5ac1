"""Running a network beside its ANN, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.diagnosis.layer_errors import LayerSums
from onnx2snn.graph import array
from onnx2snn.metadata.facts import ACTIVATION_OUTPUT
from onnx2snn.progress import track
from onnx2snn.runtime.ort import open_runner
from onnx2snn.runtime.recording import recorded_layers
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    import numpy as np

    from onnx2snn.data.input_specs import Feeds
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.diagnosis.samples import Samples
    from onnx2snn.runtime import Network

__all__ = ["Activations", "measure_layers"]

_RECORDED = ("spikes", "current")


class Activations:
    """The activations of an ANN that the neurons of a network stand for.

    Args:
        ann: The ANN, simplified as it is in front of its neurons; outputs are added to it.
        network: The network.

    Attributes:
        of_layers: Name of each layer whose activation the ANN has, to the activation's name.
    """

    def __init__(self, ann: ir.Model, network: Network) -> None:
        made = {value.name: value for node in ann.graph for value in node.outputs}
        neurons = recorded_layers(network.model)
        wanted = {name: ACTIVATION_OUTPUT.read(node) for name, node in neurons.items()}
        self.of_layers = {name: out for name, out in wanted.items() if out in made}
        outputs = ann.graph.outputs
        names = dict.fromkeys(self.of_layers.values())
        missing = [made[name] for name in names if made[name] not in outputs]
        outputs.extend(missing)
        self._names = [value.name for value in outputs]
        self._run = open_runner(ir.to_proto(ann))

    def run(self, feeds: Feeds) -> dict[str | None, np.ndarray]:
        """Return the activations on feeds, and the outputs, by name."""
        return dict(zip(self._names, self._run(feeds), strict=True))


def measure_layers(
    network: Network, activations: Activations, samples: Samples, time_steps: int
) -> list[LayerError]:
    """Return the error of each layer, in the order in which they fire."""
    if not activations.of_layers:
        return []
    levels = _levels_of(network)
    sums = {name: LayerSums(name, levels[name]) for name in activations.of_layers}
    names = list(sums)
    for feeds in track(samples.batches, "diagnose layers", len(samples.batches)):
        expected = activations.run(feeds)
        found = network.run(feeds, time_steps, record=_RECORDED, layers=names)
        for name, layer in found.layers.items():
            sums[name].add(expected[activations.of_layers[name]], layer)
    return [each.result() for each in sums.values()]


def _levels_of(network: Network) -> dict[str, int]:
    """Return how many spikes the neurons of each layer send in a step at most."""
    levels = {}
    for name, neuron in recorded_layers(network.model).items():
        most = named_inputs(neuron).get("max_spikes")
        levels[name] = 1 if most is None else int(array(most))
    return levels

"""A spiking network beside the ANN that it was made from."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

from onnx2snn.metadata.facts import ACTIVATION_OUTPUT, STREAM_OF
from onnx2snn.metadata.input_coding import event_names
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

__all__ = ["NetworkPair"]


@dataclasses.dataclass(frozen=True)
class NetworkPair:
    """A spiking network, the ANN it was made from, and how the spiking one runs.

    Attributes:
        snn: The spiking network, a single-step graph.
        ann: The ANN, with the same names of values.
        time_steps: T.
        layerwise: Whether each layer fires alone, once its input is complete, and not all
            in the same steps. Then a layer is driven by a value, and by no stream.
    """

    snn: ir.Model
    ann: ir.Model
    time_steps: int
    layerwise: bool = False

    @functools.cached_property
    def activations(self) -> dict[ir.Node, ir.Value]:
        """The activation of the ANN that each neuron replaces, in the order of neurons."""
        replaced = {}
        for node in self.snn.graph:
            if is_neuron(node):
                name = ACTIVATION_OUTPUT.read_required(node)
                replaced[node] = self._ann_values[name]
        return replaced

    @functools.cached_property
    def event_inputs(self) -> Collection[str]:
        """Names of the graph inputs that are events, [T, N, ...]."""
        return event_names(self.snn.graph)

    def counterpart(self, value: ir.Value) -> ir.Value | None:
        """Return the value of the ANN that ``value`` of the spiking network stands for.

        A stream whose mean is an output of the network does not have the output's name.
        """
        name = STREAM_OF.read(value) or str(value.name)
        return self._ann_values.get(name)

    def sent_value(self, neuron: ir.Node) -> ir.Value:
        """Return the value by which a neuron drives what comes after it.

        It is the spikes, or where each layer fires alone, the number that they write.
        """
        spikes = neuron.outputs[0]
        if not self.layerwise:
            return spikes
        reader = next(iter(spikes.uses())).node
        return reader.outputs[0]

    @functools.cached_property
    def _ann_values(self) -> dict[str, ir.Value]:
        """The values of the ANN's main graph by name."""
        values = list(self.ann.graph.inputs)
        for node in self.ann.graph:
            values += node.outputs
        return {str(value.name): value for value in values}

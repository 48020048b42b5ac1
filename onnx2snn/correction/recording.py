"""The spikes and activations that both networks have computed so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from onnx2snn.correction.mean_spikes import mean_over_steps
from onnx2snn.data.events import time_means
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import spike_weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import onnx_ir as ir

    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.data.input_specs import Arrays, Feeds
    from onnx2snn.storage.array_store import ArrayStore

__all__ = ["PerBatch", "Recording"]

_Entry = TypeVar("_Entry")


class Recording:
    """Inputs, spikes and activations of all batches, and the subgraphs that start at them.

    Args:
        networks: The networks.
        store: Where the arrays are.
        blocks: Batches of feeds of the graph inputs, those that are events [T, N, ...].

    Attributes:
        networks: The networks.
        store: The arrays: graph inputs and activations of the ANN under their own names,
            what a neuron sends under ``record_name``.
        batch_count: Number of batches.
        blocks: Numbers of the batches of each block: neurons run on a block at a time.
        fired: The neurons whose spikes and activations are known, in order.
    """

    def __init__(
        self,
        networks: NetworkPair,
        store: ArrayStore,
        blocks: Iterable[Sequence[Feeds]],
    ) -> None:
        """Store the batches."""
        self.networks = networks
        self.store = store
        self.batch_count = 0
        self.blocks: list[range] = []
        self.fired: list[ir.Node] = []
        self._sent_by: dict[str, ir.Node] = {}
        for block in blocks:
            for feeds in block:
                for name, data in feeds.items():
                    store.append(name, data)
            first = self.batch_count
            self.batch_count += len(block)
            self.blocks.append(range(first, self.batch_count))

    def snn_subgraph(
        self, outputs: Sequence[ir.Value], time_steps: int | None = None
    ) -> Subgraph:
        """Return the subgraph that computes values of the spiking network from sent ones.

        Args:
            outputs: The values.
            time_steps: Number of steps; None to compute them once, without time.
        """
        known = [self.networks.sent_value(neuron) for neuron in self.fired]
        return Subgraph(self.networks.snn, outputs, known, time_steps)

    @property
    def streams(self) -> set[str]:
        """Names of the values of the spiking network that are [T, N, ...] where they are fed."""
        if self.networks.layerwise:
            return set()
        return {*self.networks.event_inputs, *self._sent_by}

    def note_fired(self, neuron: ir.Node) -> None:
        """Take what a neuron sends, and its activation, as known from now on."""
        self.fired.append(neuron)
        sent_value = self.networks.sent_value(neuron)
        self._sent_by[str(sent_value.name)] = neuron

    def ann_subgraph(self, output: ir.Value) -> Subgraph:
        """Return the subgraph that computes a value of the ANN from known activations."""
        known = [self.networks.activations[neuron] for neuron in self.fired]
        return Subgraph(self.networks.ann, [output], known)

    def run_ann(self, subgraph: Subgraph, batch: int) -> np.ndarray:
        """Return the one output of a subgraph of the ANN."""
        feeds = {name: self.store.read(name, batch) for name in subgraph.inputs}
        feeds = time_means(feeds, self.networks.event_inputs)
        (output,) = subgraph.run(feeds)
        return output

    def snn_feeds(self, subgraph: Subgraph, batch: int) -> Arrays:
        """Return the feeds of a subgraph of the spiking network."""
        feeds = {}
        for name in subgraph.inputs:
            neuron = self._sent_by.get(name)
            stored_name = name if neuron is None else record_name(neuron)
            feeds[name] = self.store.read(stored_name, batch)
        return feeds

    def mean_feeds(self, subgraph: Subgraph, batch: int) -> Arrays:
        """Return the feeds of a subgraph of the spiking network, as means over the steps."""
        feeds = self.snn_feeds(subgraph, batch)
        feeds = time_means(feeds, self.networks.event_inputs)
        if self.networks.layerwise:
            return feeds
        for name, data in feeds.items():
            neuron = self._sent_by.get(name)
            if neuron is not None:
                weights = spike_weights_of(neuron)
                feeds[name] = mean_over_steps(data, np.dtype(np.float32), weights)
        return feeds

    def forget(self, neurons: Iterable[ir.Node]) -> None:
        """Delete the spikes and activations of ``neurons``."""
        for neuron in neurons:
            activation = self.networks.activations[neuron]
            self.store.drop(record_name(neuron))
            name = str(activation.name)
            self.store.drop(name)


def record_name(neuron: ir.Node) -> str:
    """Return the name under which is stored what ``neuron`` sends: no activation has it."""
    return str(neuron.outputs[0].name)


class PerBatch(Generic[_Entry]):
    """One entry for each batch, computed or loaded each time it is read.

    Args:
        entry_of: Returns the entry of the batch of a number.
        batch_count: Number of batches.
    """

    def __init__(self, entry_of: Callable[[int], _Entry], batch_count: int) -> None:
        """Remember both."""
        self._entry_of = entry_of
        self._batch_count = batch_count

    def __iter__(self) -> Iterator[_Entry]:
        """Yield the entries in the order of the batches."""
        return map(self._entry_of, range(self._batch_count))

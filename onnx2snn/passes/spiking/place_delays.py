"""Write on neurons how many steps they wait."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import onnx_ir as ir

from onnx2snn.arguments import checked_choice
from onnx2snn.correction.delay_search import find_delays
from onnx2snn.correction.network_pair import NetworkPair
from onnx2snn.correction.reference import Reference
from onnx2snn.graph import reads
from onnx2snn.metadata.facts import DELAY, LATENCY_CURVE
from onnx2snn.methods.delays import ALL, DELAYS, JOINS
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.memory import rows_at_once
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.schedules import DEFAULT_T, check_latency, checked_time_steps, delays_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onnx2snn.data.batches import Batch
    from onnx2snn.data.dataset import Dataset

__all__ = ["PlaceDelays"]


@dataclasses.dataclass(frozen=True)
class PlaceDelays(ir.passes.InPlacePass):
    """Let neurons of the schedule staggered wait for a step of their input before they fire.

    The first spike is worth most, and cannot be taken back in full: who waits knows more of its
    input when it sends it. A layer whose input is the same in every step has nothing to wait for.
    Only metadata is written; the passes that emit time read it.

    With a ``latency``, as many layers wait as it has room for: those whose waiting brings the
    outputs closest to the ANN's, on some calibration samples, one after the other; the error
    against the latency is written on the model. As many samples are run at a time as their
    currents fit into memory; spikes are on disk. Without calibration data the layers at joins
    wait, and then the first ones.

    Attributes:
        delays: ``all`` layers of neurons wait for a step; only those at ``joins``, whose input
            several layers make together, as behind a residual Add; ``none``.
        latency: Number of steps until the outputs are there, at most; None for no limit.
        time_steps: T, >= 1.
        ann: The ANN with the same activations, or where ``keep-reference`` keeps it; only read
            with a latency.
        data: Calibration data; likewise.
    """

    keeps_streams: ClassVar[bool] = True  # it writes nothing that they depend on

    delays: str = ALL
    latency: int | None = None
    time_steps: int = DEFAULT_T
    ann: ir.Model | Reference | None = None
    data: Dataset | None = None

    def __post_init__(self) -> None:
        """Check the options."""
        checked_choice("delays", self.delays, DELAYS)
        checked_time_steps(self.time_steps)
        check_latency(self.latency, self.time_steps)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Write the delays of the neurons of the main graph."""
        found = _waiting(model.graph, self.delays)
        if self.latency is not None:
            found = self._within_latency(model, found, self.latency - self.time_steps)
        before = {node for node in model.graph if DELAY.is_on(node)}
        for node in before:
            DELAY.erase(node)
        for neuron in found:
            DELAY.write(neuron, 1)
        return ir.passes.PassResult(model, modified=before != set(found))

    def _within_latency(
        self, model: ir.Model, neurons: list[ir.Node], most_delays: int
    ) -> list[ir.Node]:
        """Return those of ``neurons`` that wait, as many as there is room for."""
        joins = _waiting(model.graph, JOINS)
        first = _as_many_as_fit(model.graph, [*joins, *neurons], most_delays)
        ann = self.ann.ann if isinstance(self.ann, Reference) else self.ann
        if ann is None or self.data is None:
            return first
        networks = NetworkPair(model, ann, self.time_steps)
        batches = _few_samples(networks, self.data)
        found = find_delays(networks, batches, neurons, most_delays, first)
        LATENCY_CURVE.write(model, found.curve(self.time_steps))
        return [neuron for neuron in neurons if neuron in found.waiting]


_SAMPLES = 64
"""Calibration samples, at most, on which choices of delays are compared."""


def _few_samples(networks: NetworkPair, data: Dataset) -> Iterator[Batch]:
    """Yield some calibration samples, as many at a time as their currents fit into memory."""
    activations = list(networks.activations.values())
    subgraph = Subgraph(networks.ann, activations, ())
    steps = networks.time_steps
    rows = rows_at_once(subgraph, data, (), steps, most=_SAMPLES)
    left = _SAMPLES
    for batch in data.batches(rows):
        yield batch
        left -= batch.valid
        if left < batch.valid:
            return


def _as_many_as_fit(
    graph: ir.Graph, neurons: Iterable[ir.Node], most_delays: int
) -> list[ir.Node]:
    """Return the first of ``neurons`` that may wait together, each once."""
    found: list[ir.Node] = []
    for neuron in dict.fromkeys(neurons):
        if delays_of(graph, [*found, neuron]) <= most_delays:
            found.append(neuron)
    return found


def _waiting(graph: ir.Graph, delays: str) -> list[ir.Node]:
    """Return the neurons that are to wait."""
    if delays == ALL:
        return _driven_neurons(graph, least_sources=1)
    if delays == JOINS:
        return _driven_neurons(graph, least_sources=2)
    return []


def _driven_neurons(graph: ir.Graph, least_sources: int) -> list[ir.Node]:
    """Return the neurons whose input so many neurons drive, at least."""
    sources: dict[ir.Value, frozenset[ir.Node]] = {}
    found = []
    for node in graph:
        read = _united(sources.get(value, frozenset()) for value in reads(node))
        if not is_neuron(node):
            sources |= dict.fromkeys(node.outputs, read)
            continue
        sources |= dict.fromkeys(node.outputs, frozenset({node}))
        if len(read) >= least_sources:
            found.append(node)
    return found


def _united(groups: Iterable[frozenset[ir.Node]]) -> frozenset[ir.Node]:
    return frozenset().union(*groups)

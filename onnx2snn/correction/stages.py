"""The order in which the layers of a spiking network are corrected."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import boundary, closure, dependency_graph, reads
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import onnx_ir as ir

    from onnx2snn.correction.network_pair import NetworkPair
    from onnx2snn.graph import NodeGraph

__all__ = ["Stage", "plan_stages"]


@dataclasses.dataclass(frozen=True)
class Stage:
    """A layer of neurons, and the weights between the layers before and it.

    Attributes:
        neuron: The neurons; None at the end, behind the last ones.
        weighted_nodes: Nodes with weights that earlier neurons drive and that no earlier
            stage has, in the order of the graph.
        last_needed: Neurons whose spikes and activation nobody reads after this stage.
    """

    neuron: ir.Node | None
    weighted_nodes: list[ir.Node]
    last_needed: list[ir.Node]


def plan_stages(networks: NetworkPair) -> list[Stage]:
    """Return a stage for each layer of neurons, in topological order, and one for the end."""
    graph = networks.snn.graph
    edges = dependency_graph(graph)
    last_readers = _find_last_readers(networks)
    stages = []
    fired: list[ir.Node] = []
    planned: set[ir.Node] = set()
    for neuron in networks.activations:
        current = neuron.inputs[:1]
        between = _nodes_between(edges, fired, current) - planned
        planned |= between
        fired.append(neuron)
        last_needed = [node for node in fired if last_readers.get(node, node) is neuron]
        weighted_nodes = _find_weighted(graph, between)
        stage = Stage(neuron, weighted_nodes, last_needed)
        stages.append(stage)
    behind = _nodes_between(edges, fired, graph.outputs) - planned
    weighted_behind = _find_weighted(graph, behind)
    stages.append(Stage(None, weighted_behind, []))
    return stages


def _find_weighted(graph: ir.Graph, nodes: Collection[ir.Node]) -> list[ir.Node]:
    """Return those of ``nodes`` that have weights, in the order of ``graph``."""
    ordered = [node for node in graph if node in nodes]
    return [node for node in ordered if operator_of(node).is_weighted]


def _nodes_between(
    edges: NodeGraph,
    fired: Collection[ir.Node],
    ends: Iterable[ir.Value | None],
) -> set[ir.Node]:
    """Return the nodes that are driven by ``fired`` and that ``ends`` depend on."""
    producers = []
    for value in ends:
        producer = None if value is None else value.producer()
        if producer is not None:
            producers.append(producer)
    driven = closure(edges, fired)
    backwards = edges.reverse(copy=False)
    needed = closure(backwards, producers)
    between = driven & needed
    return {node for node in between if not is_neuron(node)}


def _find_last_readers(networks: NetworkPair) -> dict[ir.Node, ir.Node | None]:
    """Return, for each neuron, the last one that needs what it stands for, in either network.

    In the spiking network its spikes make the current of that neuron, in the ANN its
    activation makes the activation there: where weights alone are driven by spikes, other
    readers of the activation are in the ANN only. None where outputs of the networks are
    made from them; a neuron that nobody reads is absent.
    """
    activations = networks.activations
    by_spikes = {neuron.outputs[0]: neuron for neuron in activations}
    by_activation = {activations[neuron]: neuron for neuron in activations}
    last_readers: dict[ir.Node, ir.Node | None] = {}
    for neuron, activation in activations.items():
        producer = activation.producer()
        operands = [] if producer is None else reads(producer)
        sources = _find_sources(neuron.inputs[:1], by_spikes)
        sources += _find_sources(operands, by_activation)
        last_readers |= dict.fromkeys(sources, neuron)
    sources = _find_sources(networks.snn.graph.outputs, by_spikes)
    sources += _find_sources(networks.ann.graph.outputs, by_activation)
    return last_readers | dict.fromkeys(sources)


def _find_sources(
    values: Iterable[ir.Value | None], neurons: Mapping[ir.Value, ir.Node]
) -> list[ir.Node]:
    """Return the neurons by whose values ``values`` are computed, the nearest ones."""
    known = boundary(values, neurons)
    return [neurons[value] for value in known if value in neurons]

"""The values of a graph at which neurons stand, or are to stand."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.activations import activations
from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import closure, dependency_graph, is_constant
from onnx2snn.metadata.facts import is_excluded
from onnx2snn.ops.predicates import is_neuron, is_stateful, sends_spikes

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["NeuronPlaces", "find_neuron_places", "is_excluded_node", "weighted_operand"]


def weighted_operand(node: ir.Node) -> ir.Value | None:
    """Return what the constant weights of ``node`` multiply, None if it has none.

    None as well if no neuron is to stand in front of them.
    """
    if not operator_of(node).is_weighted or is_excluded_node(node):
        return None
    variable = [value for value in node.inputs[:2] if not is_constant(value)]
    if len(variable) == 1:
        return variable[0]
    return None


def is_excluded_node(node: ir.Node) -> bool:
    """Whether ``node`` stays what it is."""
    return any(is_excluded(value) for value in node.outputs)


@dataclasses.dataclass(frozen=True, eq=False)
class NeuronPlaces:
    """The places at which neurons stand, or are to stand.

    Attributes:
        nodes: Nodes that are neurons or become one.
        fired: In an ANN, the activations.
        in_front: In an ANN, values in front of weights that get a neuron if they are no spikes.
        live: Nodes that a neuron depends on.
        data_dependent: Values whose shape depends on the numbers in streams.
    """

    nodes: set[ir.Node]
    fired: list[ir.Value]
    in_front: set[ir.Value]
    live: set[ir.Node]
    data_dependent: set[ir.Value]

    def firing(self) -> set[ir.Node]:
        """Return the nodes at whose results neurons stand, or are to stand."""
        return self.nodes | _producers_of(self.in_front)


def find_neuron_places(
    graph: ir.Graph, inputs: set[ir.Value], spike: str
) -> NeuronPlaces:
    """Return where neurons stand in ``graph``, or are to stand.

    Args:
        graph: An ANN, or a single-step graph.
        inputs: Graph inputs that are streams.
        spike: Whether neurons are to stand at the ``activations``, or in front of ``all`` weights.
    """
    present = [node for node in graph if is_neuron(node)]
    fired = [] if present else activations(graph)
    in_front = _find_operands_behind_weights(graph) if spike == "all" else set()
    sources = [*inputs, *_outputs_of_stateful(graph), *fired, *in_front]
    data_dependent = data_dependent_values(graph, sources)
    in_front -= data_dependent
    firing = _producers_of([*fired, *in_front])
    readers_first = dependency_graph(graph).reverse(copy=False)
    senders = {node for node in graph if sends_spikes(node)}
    return NeuronPlaces(
        nodes=_producers_of(fired) | senders,
        fired=fired,
        in_front=in_front,
        live=closure(readers_first, [*present, *firing]),
        data_dependent=data_dependent,
    )


def _find_operands_behind_weights(graph: ir.Graph) -> set[ir.Value]:
    """Return the operands of weights, behind the first weights."""
    weighted = [node for node in graph if operator_of(node).is_weighted]
    behind = closure(dependency_graph(graph), weighted)
    found = set()
    for node in graph:
        operand = weighted_operand(node)
        if operand is None or is_excluded(operand):
            continue
        if operand.producer() in behind:
            found.add(operand)
    return found


def _outputs_of_stateful(graph: ir.Graph) -> list[ir.Value]:
    outputs: list[ir.Value] = []
    for node in graph:
        if is_stateful(node):
            outputs += node.outputs
    return outputs


def _producers_of(values: Iterable[ir.Value]) -> set[ir.Node]:
    producers = (value.producer() for value in values)
    return {node for node in producers if node is not None}

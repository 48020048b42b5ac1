"""The linear parts of a single-step graph, between its neurons."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.node_kinds import NodeKind, classify_node
from onnx2snn.graph import reads
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import onnx_ir as ir

__all__ = ["LinearParts"]


@dataclasses.dataclass(frozen=True, eq=False)
class LinearParts:
    """The linear parts of a graph between its neurons.

    Attributes:
        nodes: Nodes that are linear in what spikes bring, and read nothing of it otherwise.
        results: Values they make that others read: neurons, nodes that are not linear, and
            whoever reads the outputs of the graph. In order.
    """

    nodes: set[ir.Node]
    results: list[ir.Value]

    @classmethod
    def of(cls, graph: ir.Graph) -> LinearParts:
        """Return the linear parts of a single-step graph, without running sums or means."""
        spikes = [node.outputs[0] for node in graph if is_neuron(node)]
        data_dependent = data_dependent_values(graph, spikes)
        moved = set(spikes)
        nodes: set[ir.Node] = set()
        results: dict[ir.Value, None] = {}
        for node in graph:
            moved_inputs = _find_moved(reads(node), moved)
            if moved_inputs and _is_linear(node, moved, data_dependent):
                nodes.add(node)
                moved.update(node.outputs)
            else:
                results.update(moved_inputs)
        results.update(_find_moved(graph.outputs, moved))
        return cls(nodes, list(results))

    def before(self, value: ir.Value) -> set[ir.Node]:
        """Return the linear nodes that ``value`` is made by."""
        found: set[ir.Node] = set()
        pending = [value.producer()]
        while pending:
            node = pending.pop()
            if node in self.nodes and node not in found:
                found.add(node)
                pending += [read.producer() for read in reads(node)]
        return found


def _find_moved(
    values: Iterable[ir.Value], moved: Collection[ir.Value]
) -> dict[ir.Value, None]:
    """Return those of ``values`` that spikes move, each once, in order."""
    return {value: None for value in values if value in moved}


def _is_linear(
    node: ir.Node, moved: set[ir.Value], data_dependent: Collection[ir.Value]
) -> bool:
    """Whether ``node`` is linear in those of its inputs that spikes move.

    Args:
        node: A node that reads some.
        moved: Values that spikes move.
        data_dependent: Values whose shapes depend on data, of which no sum is taken.
    """
    values = set(reads(node))
    captured = moved.intersection(values).difference(node.inputs)
    if captured or is_neuron(node) or not values.isdisjoint(data_dependent):
        return False
    inputs = [value in moved for value in node.inputs]
    return classify_node(node, inputs).kind is NodeKind.LINEAR

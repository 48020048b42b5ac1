"""Excluding parts of a network from conversion, named by the nodes of the file.

``conversion.exclusion`` checks the names that a user gives.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from onnx2snn.analysis.activation_parts import find_activation_parts
from onnx2snn.analysis.activations import activations
from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.analysis.streams import find_streams
from onnx2snn.graph import closure, dependency_graph, is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.provenance import NodeMapping
    from onnx2snn.analysis.source_nodes import SourceNode
    from onnx2snn.graph import NodeGraph

__all__ = ["ExcludedNames", "activations_of", "excluded_values"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ExcludedNames:
    """Names of the nodes of a file that a user excludes.

    Attributes:
        until: What depends on these nodes is excluded.
        nodes: These nodes are.
    """

    until: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is excluded."""
        return bool(self.until or self.nodes)


def excluded_values(
    graph: ir.Graph, mappings: Sequence[NodeMapping], names: ExcludedNames, spike: str
) -> tuple[str, ...]:
    """Return the names of the values of ``graph`` at which no neuron is to stand.

    Args:
        graph: A simplified ANN.
        mappings: What became of the nodes of the file in it.
        names: Which nodes are excluded.
        spike: Where neurons stand, one of ``SPIKE``.
    """
    if not names:
        return ()
    values = _values_behind(mappings, names.until)
    by_node = {mapping.node: mapping for mapping in mappings}
    neurons = _neuron_values(graph, spike)
    for mapping in mappings:
        if not _is_named(mapping.node, names.nodes):
            continue
        holder = mapping if mapping.into is None else by_node[mapping.into]
        outputs = _outputs(holder)
        values += outputs
        if neurons.isdisjoint(outputs) and not mapping.node.branches:
            _LOGGER.warning(_NOTHING, mapping.node.op, mapping.node.name)
    return tuple(str(value.name) for value in dict.fromkeys(values))


def _values_behind(
    mappings: Sequence[NodeMapping], until: Collection[str]
) -> list[ir.Value]:
    """Return what came of the nodes that depend on those named in ``until``."""
    behind = _nodes_behind([mapping.node for mapping in mappings], until)
    if until and not behind:
        _LOGGER.warning(_NOTHING_BEHIND, ", ".join(map(repr, until)))
    values: list[ir.Value] = []
    for mapping in mappings:
        if mapping.node in behind:
            values += _outputs(mapping)
    return values


_NOTHING_BEHIND = "until: no node depends on %s, so nothing is left as it is"

_NOTHING = (
    "nodes_to_exclude: no neuron would stand at %s %r, so leaving it as it is keeps no more than "
    "its weights; name an activation"
)


def _neuron_values(graph: ir.Graph, spike: str) -> set[ir.Value]:
    """Return the values by which one may say that there is to be no neuron."""
    streams = find_streams(graph, spike=spike)
    values = set(streams.weight_inputs)
    for parts in activations_of(graph).values():
        values |= parts
    for node in graph:
        if weighted_operand(node) in streams.weight_inputs:
            values.update(node.outputs)
    return values


def _is_named(node: SourceNode, names: Collection[str]) -> bool:
    return node.name in names or node.place in names


def _nodes_behind(
    nodes: Sequence[SourceNode], names: Collection[str]
) -> set[SourceNode]:
    """Return the nodes that depend on the outputs of those named.

    An If of which a branch holds one is as good as named.
    """
    reached: set[str] = set()
    for node in nodes:
        if _holds(node, names):
            reached.update(node.outputs)
    found = set()
    for node in nodes:
        is_behind = bool(reached.intersection(node.inputs))
        if is_behind and not _is_named(node, names):
            reached.update(node.outputs)
            found.add(node)
    return found


def _holds(node: SourceNode, names: Collection[str]) -> bool:
    if _is_named(node, names):
        return True
    inner = (other for nodes in node.branches.values() for other in nodes)
    return any(_holds(other, names) for other in inner)


def _outputs(mapping: NodeMapping) -> list[ir.Value]:
    return [value for node in mapping.replaced_by for value in node.outputs]


def activations_of(graph: ir.Graph) -> dict[ir.Value, set[ir.Value]]:
    """Return the activations of ``graph``, each with the values by which it may be named.

    These are the activation itself, what only some of the factors of a product depend on, and
    what is not linear of the nodes that it is spelled of.
    """
    edges = dependency_graph(graph).reverse(copy=False)
    values = activations(graph)
    found = {}
    for value in values:
        inside = _values_inside_product(value, edges)
        found[value] = {value} | inside
    for part, end in find_activation_parts(graph, values).items():
        is_linear = operator_of(part).form in _LINEAR_FORMS
        if not is_linear:
            activation = end.outputs[0]
            found[activation].update(part.outputs)
    return found


_LINEAR_FORMS = (Form.LINEAR, Form.MULTILINEAR)


def _values_inside_product(value: ir.Value, edges: NodeGraph) -> set[ir.Value]:
    """Return the values that only one factor of ``value`` depends on; none if it has one.

    Args:
        value: An activation.
        edges: The nodes of the graph, an edge from reader to producer.
    """
    product = value.producer()
    if product is None or not is_op(product, "Mul"):
        return set()
    factors = [factor for factor in product.inputs if not is_constant(factor)]
    if len(factors) < 2:
        return set()
    first, second = (_nodes_before(factor, edges) for factor in factors)
    only_one = first ^ second
    return {output for node in only_one for output in node.outputs}


def _nodes_before(value: ir.Value | None, edges: NodeGraph) -> set[ir.Node]:
    """Return the nodes that ``value`` depends on."""
    maker = None if value is None else value.producer()
    return set() if maker is None else closure(edges, [maker])

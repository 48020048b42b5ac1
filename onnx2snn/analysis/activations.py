"""Find the activations of a graph, however they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.activation_candidates import (
    find_candidates,
    holds_node,
)
from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.operators import operator_of
from onnx2snn.analysis.sharing import shared
from onnx2snn.graph import (
    closure,
    dependency_graph,
    reads,
)
from onnx2snn.metadata.facts import is_excluded

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["activations"]


def activations(graph: ir.Graph) -> list[ir.Value]:
    """Return the values at which neurons fire, in topological order.

    An activation is a function of one value, element by element: an operator that is one by
    definition; a product of functions of that value with such an operator (or Erf) among them,
    as in ``x * Sigmoid(x)``; or whatever is flat on one side far from 0 and straight on the
    other, as ``1 / (1 + Exp(-x))``. It counts where nodes outside such a product or combination
    read it, and at the end of the function of that value that it is part of, as in
    ``x - Tanh(x)``; see ``function_ends``. The outputs of recurrent operators count as well,
    and those of branches and loops that hold activations.

    Only activations that weights depend on are returned: what comes later belongs to the
    readout. If there are none of these, all activations are returned. Never are those with a
    data-dependent shape, which depends on other activations: no state can be kept there. Nor
    are those that are excluded.
    """
    return [*shared(graph, "activations", lambda: _find_activations(graph))]


def _find_activations(graph: ir.Graph) -> list[ir.Value]:
    candidates = find_candidates(graph)
    without_state = data_dependent_values(graph, candidates)
    found = [value for value in candidates if value not in without_state]
    before_weights = _values_before_weights(graph)
    wanted = [value for value in found if value in before_weights]
    if not wanted:
        wanted = found
    return [value for value in wanted if not is_excluded(value)]


def _values_before_weights(graph: ir.Graph) -> set[ir.Value]:
    """Return what nodes with weights, and the nodes in front of them, read."""
    edges = dependency_graph(graph)
    weights = [node for node in graph if holds_node(node, _is_weighted)]
    values: set[ir.Value] = set()
    for node in closure(edges.reverse(copy=False), weights):
        values.update(reads(node))
    return values


def _is_weighted(node: ir.Node) -> bool:
    return operator_of(node).is_weighted

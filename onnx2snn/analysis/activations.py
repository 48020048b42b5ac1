"""Find the activations of a graph, however they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.activation_candidates import (
    clip_bound,
    find_candidates,
    holds_node,
)
from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import (
    closure,
    dependency_graph,
    is_op,
    reads,
)
from onnx2snn.metadata.facts import is_excluded

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["activations", "is_rectifier", "is_symmetric_clip", "upper_bound"]


def activations(graph: ir.Graph) -> list[ir.Value]:
    """Return the values at which neurons fire, in topological order.

    An activation is a function of one value, element by element: an operator that is one by
    definition; a product of functions of that value with such an operator (or Erf) among them,
    as in ``x * Sigmoid(x)``; or whatever is flat on one side far from 0 and straight on the
    other, as ``1 / (1 + Exp(-x))``. It counts where nodes outside such a product or combination
    read it. The outputs of recurrent operators count as well, and those of branches and loops
    that hold activations.

    Only activations that weights depend on are returned: what comes later belongs to the
    readout. If there are none of these, all activations are returned. Never are those with a
    data-dependent shape, which depends on other activations: no state can be kept there. Nor
    are those that are excluded.
    """
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


def is_rectifier(node: ir.Node) -> bool:
    """Whether ``node`` is a Relu, or a Clip from 0 to a constant: a neuron can replace it."""
    if not is_op(node, "Clip"):
        return is_op(node, "Relu")
    if clip_bound(node, 1) != 0.0:
        return False
    is_bounded = len(node.inputs) > 2 and node.inputs[2] is not None
    if not is_bounded:
        return True
    bound = upper_bound(node)
    return bound is not None and bound > 0.0


def is_symmetric_clip(node: ir.Node) -> bool:
    """Whether ``node`` is a Clip from -c to c: a signed neuron of threshold c can replace it."""
    bound = upper_bound(node)
    if bound is None or bound <= 0.0:
        return False
    return clip_bound(node, 1) == -bound


def upper_bound(node: ir.Node) -> float | None:
    """Return the largest value that ``node`` can give, None if it has no bound."""
    if not is_op(node, "Clip"):
        return None
    return clip_bound(node, 2)

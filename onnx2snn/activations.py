"""Finding the activations of a graph, however they are spelt."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.graph import array, closure, dependency_graph, is_constant, is_float, is_op, reads
from onnx2snn.notes import is_left
from onnx2snn.rules import WEIGHTED

__all__ = ["activations", "is_rectifier", "upper_bound"]

_NAMED = frozenset({
    "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu",
    "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
})  # fmt: skip
"""Operators that are activations by themselves."""

_ELEMENTWISE = _NAMED | frozenset({
    "Abs", "Add", "Cast", "Div", "Equal", "Erf", "Exp", "Greater", "GreaterOrEqual", "Identity",
    "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Pow", "Reciprocal", "Sqrt",
    "Sub", "Where",
})  # fmt: skip
"""Operators of which activations are spelt out."""

_RECURRENT = frozenset({"GRU", "LSTM", "RNN"})
"""Operators whose results are activations of their own."""


def activations(graph: ir.Graph) -> list[ir.Value]:
    """Return the values at which neurons fire, in topological order.

    An activation is a function of one value, element by element: an operator that is one by
    definition, or a product of functions of that value with such an operator (or Erf) among
    them, as in ``x * Sigmoid(x)``. It counts where nodes outside such a product read it. The
    outputs of recurrent operators count as well.

    Only activations that weights depend on are returned: what comes later belongs to the
    readout. If there are none of these, all activations are returned. Those that are noted to
    stay what they are do not count.
    """
    found = _outputs_of_groups(graph)
    edges = dependency_graph(graph)
    weights = [node for node in graph if is_op(node, *WEIGHTED, *_RECURRENT)]
    before_weights = closure(edges.reverse(copy=False), weights)
    read_by_weights = {v for node in before_weights for v in reads(node)}
    wanted = [value for value in found if value in read_by_weights] or found
    return [value for value in wanted if not is_left(value)]


def is_rectifier(node: ir.Node) -> bool:
    """Whether ``node`` is a Relu, or a Clip from 0 to a constant: a neuron can replace it."""
    if not is_op(node, "Clip"):
        return is_op(node, "Relu")
    bound = upper_bound(node)
    unbounded = len(node.inputs) < 3 or node.inputs[2] is None
    return _clip_bound(node, 1) == 0.0 and (unbounded or (bound is not None and bound > 0.0))


def upper_bound(node: ir.Node) -> float | None:
    """Return the largest value that ``node`` can give, None if it has no bound."""
    return _clip_bound(node, 2) if is_op(node, "Clip") else None


def _clip_bound(node: ir.Node, position: int) -> float | None:
    bound = node.inputs[position] if len(node.inputs) > position else None
    return float(array(bound)) if is_constant(bound) else None


def _outputs_of_groups(graph: ir.Graph) -> list[ir.Value]:
    groups = _Groups()
    for node in graph:
        groups.add(node)
    leaving = set[ir.Value]()
    for node in reversed(graph):  # readers first
        leaving.update(value for value in node.outputs if groups.leaves(value, leaving))
    return [value for value in groups.candidates if value in leaving and is_float(value)]


class _Groups:
    """Nodes that together are an elementwise function of one value, their root."""

    def __init__(self) -> None:
        self.candidates: dict[ir.Value, None] = {}
        self._products: set[ir.Value] = set()
        self._roots: dict[ir.Value, ir.Value] = {}
        self._active: set[ir.Value] = set()  # with an activation, or an Erf, before them

    def add(self, node: ir.Node) -> None:
        """Sort ``node`` into a group."""
        if is_op(node, *_RECURRENT):
            self.candidates |= dict.fromkeys(value for value in node.outputs if value.uses())
            return
        operands = [v for v in node.inputs if v is not None and not is_constant(v)]
        root = self._root(node, operands)
        if root is None:
            return
        output = node.outputs[0]
        self._roots[output] = root
        gated = is_op(node, "Mul") and len(operands) > 1 and not self._active.isdisjoint(operands)
        if gated:
            self._products.add(output)
        if is_op(node, *_NAMED) or gated:
            self.candidates[output] = None
        if is_op(node, *_NAMED, "Erf") or not self._active.isdisjoint(operands):
            self._active.add(output)

    def _root(self, node: ir.Node, operands: list[ir.Value]) -> ir.Value | None:
        found = {self._roots.get(value, value) for value in operands}
        if len(found) != 1 or not is_op(node, *_ELEMENTWISE):
            return None
        root, output = found.pop(), node.outputs[0]
        known = root.shape is not None and output.shape is not None
        return None if known and len(root.shape or ()) != len(output.shape or ()) else root

    def leaves(self, value: ir.Value, leaving: set[ir.Value]) -> bool:
        """Whether a node reads ``value`` that is in no product with other functions of its root.

        Args:
            value: An output of a node.
            leaving: Those values behind it that do.
        """
        if value.is_graph_output() or value not in self._roots:
            return True
        for use in value.uses():
            result = use.node.outputs[0]
            inside = self._roots.get(result) is self._roots[value]
            if not inside or (result not in self._products and result in leaving):
                return True
        return False

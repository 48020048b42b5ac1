"""Find the activations of a graph, however they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.elementwise.chain import Functions
from onnx2snn.analysis.elementwise.groups import Groups, operands_of
from onnx2snn.analysis.elementwise.kinds import is_saturating
from onnx2snn.analysis.elementwise.samples import SAMPLES
from onnx2snn.analysis.rules import ACTIVATIONS, WEIGHTED, Form, operators
from onnx2snn.graph import (
    array,
    closure,
    dependency_graph,
    is_constant,
    is_float,
    is_op,
    reads,
    subgraphs,
)
from onnx2snn.metadata.facts import is_excluded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

__all__ = ["activations", "is_rectifier", "is_symmetric_clip", "upper_bound"]

_ELEMENTWISE = ACTIVATIONS | frozenset({
    "Abs", "Add", "And", "Atan", "Cast", "Div", "Equal", "Erf", "Exp", "Greater", "GreaterOrEqual",
    "Identity", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul", "Neg", "Not", "Or", "Pow",
    "Reciprocal", "Sign", "Sqrt", "Sub", "Sum", "Where",
})  # fmt: skip
"""Operators of which activations are spelled out."""

_BENDING = frozenset({
    "Atan", "Div", "Exp", "Log", "Max", "Min", "Pow", "Reciprocal", "Sign", "Sqrt", "Where",
})  # fmt: skip
"""Those that, applied to one function, can make an activation of it."""

_RECURRENT = operators(Form.RECURRENT)
"""Operators whose results are activations of their own."""

_CONTROL = operators(Form.CONTROL)

_FIRING = ACTIVATIONS | _RECURRENT

_MOVING = frozenset({
    "Cast", "Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators that change the form of a value only."""


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
    found = _find_candidates(graph)
    without_state = data_dependent_values(graph, found)
    found = [value for value in found if value not in without_state]
    before_weights = _values_before_weights(graph)
    wanted = [value for value in found if value in before_weights] or found
    return [value for value in wanted if not is_excluded(value)]


def _values_before_weights(graph: ir.Graph) -> set[ir.Value]:
    """Return what nodes with weights, and the nodes in front of them, read."""
    edges = dependency_graph(graph)
    weights = [node for node in graph if _holds(node, WEIGHTED)]
    values: set[ir.Value] = set()
    for node in closure(edges.reverse(copy=False), weights):
        values.update(reads(node))
    return values


def _holds(node: ir.Node, operators: frozenset[str]) -> bool:
    """Whether ``node`` is one of ``operators``, or has one in its subgraphs."""
    if is_op(node, *operators):
        return True
    inner_nodes = (inner for graph in subgraphs(node) for inner in graph)
    return any(_holds(inner, operators) for inner in inner_nodes)


def is_rectifier(node: ir.Node) -> bool:
    """Whether ``node`` is a Relu, or a Clip from 0 to a constant: a neuron can replace it."""
    if not is_op(node, "Clip"):
        return is_op(node, "Relu")
    if _clip_bound(node, 1) != 0.0:
        return False
    is_unbounded = len(node.inputs) < 3 or node.inputs[2] is None
    bound = upper_bound(node)
    return is_unbounded or (bound is not None and bound > 0.0)


def is_symmetric_clip(node: ir.Node) -> bool:
    """Whether ``node`` is a Clip from -c to c: a signed neuron of threshold c can replace it."""
    bound = upper_bound(node)
    if bound is None or bound <= 0.0:
        return False
    return _clip_bound(node, 1) == -bound


def upper_bound(node: ir.Node) -> float | None:
    """Return the largest value that ``node`` can give, None if it has no bound."""
    return _clip_bound(node, 2) if is_op(node, "Clip") else None


def _clip_bound(node: ir.Node, position: int) -> float | None:
    bound = node.inputs[position] if len(node.inputs) > position else None
    return float(array(bound)) if is_constant(bound) else None


def _find_candidates(graph: ir.Graph) -> list[ir.Value]:
    """Return what may be an activation, and is not only a part of one."""
    finder = _Finder()
    for node in graph:
        finder.add(node)
    readable: set[ir.Value] = set()
    for node in reversed(graph):  # readers first
        for value in node.outputs:
            if finder.is_read_outside(value, readable):
                readable.add(value)
    candidates = [value for value in finder.candidates if value in readable]
    return [value for value in candidates if is_float(value)]


class _Finder:
    """Finds what may be an activation. Add the nodes of a graph in their order."""

    def __init__(self) -> None:
        self.candidates: dict[ir.Value, None] = {}
        self._groups = Groups(_ELEMENTWISE)
        self._functions = Functions(SAMPLES, self._groups.is_member)
        self._products: set[ir.Value] = set()
        # the last activation before a value, or the root of its group
        self._bases: dict[ir.Value, ir.Value] = {}
        self._behind_candidates: set[ir.Value] = set()
        # with an activation, or an Erf, before them in their group
        self._active: set[ir.Value] = set()

    def add(self, node: ir.Node) -> None:
        """Find out which outputs of ``node`` may be activations."""
        is_behind = not self._behind_candidates.isdisjoint(reads(node))
        if _is_network(node):
            # an If chosen before the first step is a network, and no activation
            if is_behind or not is_op(node, "If"):
                used = [value for value in node.outputs if value.uses()]
                self.candidates.update(dict.fromkeys(used))
        elif node.outputs:
            self._add_function(node)
        has_candidates = not self.candidates.keys().isdisjoint(node.outputs)
        if is_behind or has_candidates:
            self._behind_candidates.update(node.outputs)

    def _add_function(self, node: ir.Node) -> None:
        output = node.outputs[0]
        root = self._groups.add(node)
        if root is not None:
            self._add_member(node, root)
        is_activation = is_op(node, *ACTIVATIONS) and not _is_guard(node)
        if is_activation and operands_of(node):
            self.candidates[output] = None
        if output in self.candidates:
            self._bases[output] = output

    def _add_member(self, node: ir.Node, root: ir.Value) -> None:
        operands, output = operands_of(node), node.outputs[0]
        base = self._common_base(operands, root)
        self._bases[output] = base
        is_active = not self._active.isdisjoint(operands)
        is_combination = len(operands) > 1
        may_saturate = is_combination or is_op(node, *_BENDING)
        saturates = may_saturate and self._saturates(output, base)
        is_product = is_combination and is_active and is_op(node, "Mul")
        if saturates or is_product:
            self.candidates[output] = None
            if is_combination:
                self._products.add(output)
        if is_active or saturates or is_op(node, *ACTIVATIONS, "Erf"):
            self._active.add(output)

    def _common_base(self, operands: list[ir.Value], root: ir.Value) -> ir.Value:
        bases = {self._bases.get(value, value) for value in operands}
        return bases.pop() if len(bases) == 1 else root

    def _saturates(self, value: ir.Value, base: ir.Value) -> bool:
        samples = self._functions.find(value, base)
        return samples is not None and is_saturating(samples)

    def is_read_outside(self, value: ir.Value, readable: set[ir.Value]) -> bool:
        """Whether a node reads ``value`` that is in no product with others of its group.

        Args:
            value: An output of a node.
            readable: Those values behind it of which this is true.
        """
        if value.is_graph_output() or not self._groups.is_member(value):
            return True
        results = [use.node.outputs[0] for use in value.uses()]
        return any(self._leads_outside(value, result, readable) for result in results)

    def _leads_outside(
        self, value: ir.Value, result: ir.Value, readable: set[ir.Value]
    ) -> bool:
        if not self._groups.are_together(result, value):
            return True
        return result not in self._products and result in readable


def _is_network(node: ir.Node) -> bool:
    """Whether ``node`` is recurrent, or holds graphs with activations in them."""
    if is_op(node, *_RECURRENT):
        return True
    return is_op(node, *_CONTROL) and _holds(node, _FIRING)


def _is_guard(node: ir.Node) -> bool:
    """Whether ``node`` only keeps a divisor, or what a root is taken of, away from 0."""
    if not is_op(node, "Clip") or upper_bound(node) is not None:
        return False
    low = _clip_bound(node, 1)
    if low is None or low <= 0:
        return False
    readers = list(_find_readers(node.outputs[0]))
    return bool(readers) and all(
        _must_not_be_zero(reader, value) for reader, value in readers
    )


def _must_not_be_zero(reader: ir.Node, value: ir.Value) -> bool:
    """Whether ``reader`` divides by ``value``, or takes a power or logarithm of it."""
    is_divisor = is_op(reader, "Div") and reader.inputs[0] is not value
    return is_divisor or is_op(reader, "Log", "Pow", "Reciprocal", "Sqrt")


def _find_readers(value: ir.Value) -> Iterator[tuple[ir.Node, ir.Value]]:
    """Yield who reads ``value``, and as what, behind nodes that only change its form."""
    for use in value.uses():
        if is_op(use.node, *_MOVING):
            yield from _find_readers(use.node.outputs[0])
        else:
            yield use.node, value

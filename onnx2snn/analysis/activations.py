"""Finding the activations of a graph, however they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.rules import ACTIVATIONS, WEIGHTED, Form, operators
from onnx2snn.analysis.saturation import POINTS, is_saturating, sampled
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

    import numpy as np

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
    readout. If there are none of these, all activations are returned. Never are those whose
    shape depends on the numbers in other ones: no state can be kept there. Nor are
    those that are noted to stay what they are.
    """
    found = _outputs_of_groups(graph)
    elastic = data_dependent_values(graph, found)
    found = [value for value in found if value not in elastic]
    edges = dependency_graph(graph)
    weights = [node for node in graph if _holds(node, WEIGHTED)]
    before_weights = closure(edges.reverse(copy=False), weights)
    read_by_weights = {v for node in before_weights for v in reads(node)}
    wanted = [value for value in found if value in read_by_weights] or found
    return [value for value in wanted if not is_excluded(value)]


def _holds(node: ir.Node, operators: frozenset[str]) -> bool:
    """Whether ``node`` is one of ``operators``, or has one in its subgraphs."""
    return is_op(node, *operators) or any(
        _holds(inner, operators) for graph in subgraphs(node) for inner in graph
    )


def is_rectifier(node: ir.Node) -> bool:
    """Whether ``node`` is a Relu, or a Clip from 0 to a constant: a neuron can replace it."""
    if not is_op(node, "Clip"):
        return is_op(node, "Relu")
    bound = upper_bound(node)
    unbounded = len(node.inputs) < 3 or node.inputs[2] is None
    return _clip_bound(node, 1) == 0.0 and (
        unbounded or (bound is not None and bound > 0.0)
    )


def is_symmetric_clip(node: ir.Node) -> bool:
    """Whether ``node`` is a Clip from -c to c: a signed neuron of threshold c can replace it."""
    bound = upper_bound(node)
    return bound is not None and bound > 0.0 and _clip_bound(node, 1) == -bound


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
    return [
        value for value in groups.candidates if value in leaving and is_float(value)
    ]


class _Groups:
    """Nodes that together are an elementwise function of one value, their root."""

    def __init__(self) -> None:
        self.candidates: dict[ir.Value, None] = {}
        self._products: set[ir.Value] = set()
        self._roots: dict[ir.Value, ir.Value] = {}
        self._bases: dict[
            ir.Value, ir.Value
        ] = {}  # the last activation before, or the root
        self._moving: set[ir.Value] = set()  # behind candidates
        self._active: set[ir.Value] = (
            set()
        )  # with an activation, or an Erf, before them
        self._samples: dict[tuple[ir.Value, ir.Value], np.ndarray[Any, Any] | None] = {}

    def add(self, node: ir.Node) -> None:
        """Sort ``node`` into a group."""
        moves = not self._moving.isdisjoint(reads(node))
        if is_op(node, *_RECURRENT) or (
            is_op(node, *_CONTROL) and _holds(node, _FIRING)
        ):
            if moves or not is_op(
                node, "If"
            ):  # a branch chosen before the first step: a network
                self.candidates |= dict.fromkeys(
                    value for value in node.outputs if value.uses()
                )
        elif node.outputs:
            self._sort(node)
        if moves or not self.candidates.keys().isdisjoint(node.outputs):
            self._moving.update(node.outputs)

    def _sort(self, node: ir.Node) -> None:
        operands = [v for v in node.inputs if v is not None and not _is_parameter(v)]
        root = self._root(node, operands)
        if root is not None:
            self._join(node, operands, root)
        output = node.outputs[0]
        if is_op(node, *ACTIVATIONS) and operands and not _is_guard(node):
            self.candidates[output] = None
        if output in self.candidates:
            self._bases[output] = output

    def _join(self, node: ir.Node, operands: list[ir.Value], root: ir.Value) -> None:
        output = node.outputs[0]
        self._roots[output] = root
        bases = {self._bases.get(value, value) for value in operands}
        self._bases[output] = base = bases.pop() if len(bases) == 1 else root
        active = not self._active.isdisjoint(operands)
        joins = len(operands) > 1
        saturates = (joins or is_op(node, *_BENDING)) and self._saturates(output, base)
        if joins and (saturates or (active and is_op(node, "Mul"))):
            self._products.add(output)
        if saturates or output in self._products:
            self.candidates[output] = None
        if active or saturates or is_op(node, *ACTIVATIONS, "Erf"):
            self._active.add(output)

    def _saturates(self, value: ir.Value, base: ir.Value) -> bool:
        samples = self._sample(value, base)
        return samples is not None and is_saturating(samples)

    def _sample(
        self, value: ir.Value | None, base: ir.Value
    ) -> np.ndarray[Any, Any] | None:
        """Return ``value`` as a function of ``base`` at some points, None if it is not known."""
        if value is None or value is base:
            return None if value is None else POINTS
        if is_constant(value):
            return array(value).reshape(-1)[:1]
        if (value, base) not in self._samples:
            node = value.producer()
            known = node is not None and value in self._roots
            operands = (
                [self._sample(v, base) for v in node.inputs] if known and node else []
            )
            self._samples[value, base] = (
                sampled(node, operands) if known and node else None
            )
        return self._samples[value, base]

    def _root(self, node: ir.Node, operands: list[ir.Value]) -> ir.Value | None:
        found = {self._roots.get(value, value) for value in operands}
        if len(found) != 1 or not is_op(node, *_ELEMENTWISE):
            return None
        root, output = found.pop(), node.outputs[0]
        known = root.shape is not None and output.shape is not None
        return (
            None if known and len(root.shape or ()) != len(output.shape or ()) else root
        )

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


_FIRING = ACTIVATIONS | _RECURRENT


def _is_parameter(value: ir.Value) -> bool:
    """Whether ``value`` is the same number for all elements: a constant, or a scalar."""
    return is_constant(value) or (value.shape is not None and len(value.shape) == 0)


def _is_guard(node: ir.Node) -> bool:
    """Whether ``node`` only keeps a divisor, or what a root is taken of, away from 0."""
    if not is_op(node, "Clip") or upper_bound(node) is not None:
        return False
    low = _clip_bound(node, 1)
    if low is None or low <= 0:
        return False
    readers = list(_readers(node.outputs[0]))
    return bool(readers) and all(
        is_op(reader, "Log", "Pow", "Reciprocal", "Sqrt")
        or (is_op(reader, "Div") and reader.inputs[0] is not value)
        for reader, value in readers
    )


def _readers(value: ir.Value) -> Iterator[tuple[ir.Node, ir.Value]]:
    """Yield who reads ``value``, and what of it, behind nodes that only change its form."""
    for use in value.uses():
        if is_op(use.node, *_MOVING):
            yield from _readers(use.node.outputs[0])
        else:
            yield use.node, value

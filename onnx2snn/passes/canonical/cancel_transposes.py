"""Remove pairs of Transposes that undo each other, with elementwise operators between them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import (
    array,
    constant,
    is_constant,
    is_op,
    rank_of,
    remove_unused,
    replace_by_value,
)
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CancelTransposes"]


@dataclasses.dataclass(frozen=True)
class CancelTransposes(ir.passes.InPlacePass):
    """Compute elementwise functions in the layout of their input, where they also end in it.

        before:  t = Transpose<perm = [0, 2, 3, 1]>(x);  s = Tanh(t)
                 u = Transpose<perm = [0, 3, 1, 2]>(s);  y = Mul(x, u)
        after:   s = Tanh(x);  y = Mul(x, s)

    Exporters that turn a network from NHWC into NCHW leave such pairs; with them, ``y`` would be
    a function of two values. Exact. Constants between the two are transposed. Main graph and
    subgraphs.

    Left as they are: pairs with other operators between them, or where a value between them is
    also read elsewhere, or is computed from something that is not transposed.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Remove in the order of the graph."""
        modified = False
        for graph in model.graphs():
            for node in tuple(graph):
                function = _Function.before(node)
                if function is not None:
                    function.remove_pair()
                    modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


@dataclasses.dataclass(frozen=True)
class _Function:
    """An elementwise function between Transposes that undo each other.

    Attributes:
        last: The Transpose behind it.
        first: The Transposes in front of it.
        nodes: The nodes between them.
    """

    last: ir.Node
    first: Sequence[ir.Node]
    nodes: Sequence[ir.Node]

    @classmethod
    def before(cls, last: ir.Node) -> _Function | None:
        """Return the function that ends in a Transpose, None if there is none."""
        order = _order_of(last)
        if order is None:
            return None
        first: dict[ir.Node, None] = {}
        nodes: dict[ir.Node, None] = {}
        pending = [last.inputs[0]]
        while pending:
            producer = _producer_of(pending.pop())
            if producer is None or producer.graph is not last.graph:
                return None
            if _undo_each_other(_order_of(producer), order):
                first[producer] = None
            elif _is_elementwise(producer):
                nodes[producer] = None
                pending += filter(_varies, producer.inputs)
            else:
                return None
        found = cls(last, tuple(first), tuple(nodes))
        return None if found.is_read_inside() else found

    def is_read_inside(self) -> bool:
        """Whether others read a value between the Transposes."""
        inside = {self.last, *self.nodes}
        return any(_is_read_outside(node.outputs[0], inside) for node in self.nodes)

    def remove_pair(self) -> None:
        """Compute it in the layout of the input, without the Transposes."""
        order = _order_of(self.last)
        assert order is not None
        for node in self.nodes:
            for position, value in enumerate(node.inputs):
                node.replace_input_with(position, self._untransposed(value, order))
            _transpose_shape(node.outputs[0], order)
            add_sources(node, [self.last, *self.first])
        result = self._untransposed(self.last.inputs[0], order)
        assert result is not None
        replace_by_value(self.last, result)

    def _untransposed(
        self, value: ir.Value | None, order: Sequence[int]
    ) -> ir.Value | None:
        """Return what a node between the Transposes reads instead of ``value``."""
        if value is None:
            return None
        producer = value.producer()
        if producer is not None and producer in self.first:
            return producer.inputs[0]
        if is_constant(value):
            return _transposed_constant(self.last.graph, value, order)
        return value


def _order_of(node: ir.Node) -> list[int] | None:
    """Return the axes in their new order, None if ``node`` is no Transpose of known rank."""
    if not is_op(node, "Transpose"):
        return None
    order = node.attributes.get_ints("perm", None)
    if order is not None:
        return list(order)
    rank = rank_of(node.inputs[0])
    return None if rank is None else list(reversed(range(rank)))


def _producer_of(value: ir.Value | None) -> ir.Node | None:
    return None if value is None else value.producer()


def _undo_each_other(one: Sequence[int] | None, other: Sequence[int]) -> bool:
    if one is None or len(one) != len(other):
        return False
    return [one[axis] for axis in other] == list(range(len(other)))


def _is_elementwise(node: ir.Node) -> bool:
    return operator_of(node).is_elementwise and len(node.outputs) == 1


def _varies(value: ir.Value | None) -> bool:
    return value is not None and not is_constant(value)


def _is_read_outside(value: ir.Value, inside: set[ir.Node]) -> bool:
    readers = {use.node for use in value.uses()}
    return value.is_graph_output() or not readers <= inside


def _transposed_constant(
    graph: ir.Graph | ir.Function | None, value: ir.Value, order: Sequence[int]
) -> ir.Value:
    """Return a constant in another order of axes; one number is the same in every order."""
    data = array(value)
    if data.size == 1:
        return value
    assert isinstance(graph, ir.Graph)
    missing = len(order) - data.ndim
    whole = data.reshape((1,) * missing + data.shape)
    return constant(graph, f"{value.name}.transposed", np.transpose(whole, order))


def _transpose_shape(value: ir.Value, order: Sequence[int]) -> None:
    if value.shape is not None:
        value.shape = ir.Shape([value.shape[axis] for axis in order])

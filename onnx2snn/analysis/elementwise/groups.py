"""Group nodes that together are an elementwise function of one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import is_constant, rank_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.graph import ValueMap

__all__ = ["Groups", "operands_of"]


def operands_of(node: ir.Node) -> list[ir.Value]:
    """Return the inputs of ``node`` that may differ from element to element."""
    operands = []
    for value in node.inputs:
        if value is None or _is_one_number(value):
            continue
        operands.append(value)
    return operands


def _is_one_number(value: ir.Value) -> bool:
    """Whether ``value`` is a constant, or a scalar."""
    if is_constant(value):
        return True
    return rank_of(value) == 0


def _have_other_ranks(one: ir.Value, other: ir.Value) -> bool:
    """Whether two values are known to have different numbers of axes."""
    ranks = {rank_of(one), rank_of(other)}
    ranks.discard(None)
    return len(ranks) > 1


class Groups:
    """Values as members of groups. Add the nodes of a graph in their order.

    All members of a group are functions of one value, its root.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._roots: ValueMap = {}

    def add(self, node: ir.Node) -> ir.Value | None:
        """Return the root of the group that ``node`` is in, None if it is in none."""
        if not operator_of(node).is_elementwise:
            return None
        operands = operands_of(node)
        roots = {self.root(value) for value in operands}
        if len(roots) != 1:
            return None
        root = roots.pop()
        output = node.outputs[0]
        if _have_other_ranks(root, output):
            return None
        self._roots[output] = root
        return root

    def root(self, value: ir.Value) -> ir.Value:
        """Return the root of the group of ``value``, itself if it is in none."""
        return self._roots.get(value, value)

    def is_member(self, value: ir.Value) -> bool:
        """Whether ``value`` is computed from the root of a group."""
        return value in self._roots

    def are_together(self, one: ir.Value, other: ir.Value) -> bool:
        """Whether two values are members of one group."""
        root = self._roots.get(one)
        if root is None:
            return False
        return self._roots.get(other) is root

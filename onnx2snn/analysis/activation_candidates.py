"""Find what may be an activation of a graph, from what it does to numbers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from onnx2snn.analysis.elementwise.chain import Functions
from onnx2snn.analysis.elementwise.groups import Groups, operands_of
from onnx2snn.analysis.elementwise.kinds import is_bent, is_saturating
from onnx2snn.analysis.elementwise.samples import SAMPLES
from onnx2snn.analysis.function_ends import move_to_ends
from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.analysis.operators.columns import Activation
from onnx2snn.analysis.rectifiers import clip_bound
from onnx2snn.graph import is_float, is_op, reads, subgraphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import onnx_ir as ir

    from onnx2snn.graph import ValueMap

__all__ = ["find_candidates", "holds_node"]

_COMPARISONS = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Sign")


def find_candidates(graph: ir.Graph) -> list[ir.Value]:
    """Return what may be an activation, and is not only a part of one."""
    finder = _Finder()
    for node in graph:
        finder.add(node)
    readable: set[ir.Value] = set()
    for node in reversed(graph):  # readers first
        for value in node.outputs:
            if finder.is_read_outside(value, readable):
                readable.add(value)
    outer = []
    for value in finder.candidates:
        if value not in readable or not is_float(value):
            continue
        outer.append(value)
    return move_to_ends(graph, outer, finder.groups)


class _Finder:
    """Finds what may be an activation. Add the nodes of a graph in their order."""

    def __init__(self) -> None:
        self.candidates: dict[ir.Value, None] = {}
        self.groups = Groups()
        self._functions = Functions(SAMPLES, self.groups.is_member)
        self._combinations: set[ir.Value] = set()
        # the last activation before a value, or the root of its group
        self._bases: ValueMap = {}
        self._behind_candidates: set[ir.Value] = set()
        self._behind_weights: set[ir.Value] = set()
        # with a comparison before them in their group
        self._compared: set[ir.Value] = set()
        # with an activation, or an Erf, before them in their group
        self._active: set[ir.Value] = set()

    def add(self, node: ir.Node) -> None:
        """Find out which outputs of ``node`` may be activations."""
        operands = reads(node)
        is_behind = not self._behind_candidates.isdisjoint(operands)
        if holds_node(node, _is_weighted) or self._are_behind_weights(operands):
            self._behind_weights.update(node.outputs)
        if _is_network(node):
            is_chosen_early = is_op(node, "If") and not is_behind
            if not is_chosen_early:  # else it is one network or another
                self._add_results(node)
        elif node.outputs:
            self._add_function(node)
        fires = any(value in self.candidates for value in node.outputs)
        if is_behind or fires:
            self._behind_candidates.update(node.outputs)

    def _are_behind_weights(self, values: Iterable[ir.Value]) -> bool:
        return not self._behind_weights.isdisjoint(values)

    def _add_results(self, node: ir.Node) -> None:
        for value in node.outputs:
            if value.uses():
                self.candidates[value] = None

    def _add_function(self, node: ir.Node) -> None:
        output = node.outputs[0]
        root = self.groups.add(node)
        if root is not None:
            self._add_member(node, root)
        is_activation = _is_activation(node) and not _is_guard(node)
        if is_activation and operands_of(node):
            self.candidates[output] = None
        if output in self.candidates:
            self._bases[output] = output

    def _add_member(self, node: ir.Node, root: ir.Value) -> None:
        """Take ``node`` into the group of ``root``."""
        operands = operands_of(node)
        output = node.outputs[0]
        base = self._common_base(operands, root)
        self._bases[output] = base
        is_active = not self._active.isdisjoint(operands)
        self._note_comparison(node)
        saturates = self._may_bend(node) and self._is_activation(output, base)
        is_product = is_active and _multiplies_functions(node)
        if saturates or is_product:
            self.candidates[output] = None
            if len(operands) > 1:
                self._combinations.add(output)
        if is_active or saturates or _may_gate(node):
            self._active.add(output)

    def _note_comparison(self, node: ir.Node) -> None:
        """Remember whether ``node``, or one before it in its group, compares."""
        is_behind = not self._compared.isdisjoint(operands_of(node))
        if is_behind or is_op(node, *_COMPARISONS):
            self._compared.update(node.outputs)

    def _common_base(self, operands: list[ir.Value], root: ir.Value) -> ir.Value:
        """Return the activation of which all operands are functions, else the root."""
        bases = set()
        for value in operands:
            base = self._bases.get(value, value)
            bases.add(base)
        if len(bases) > 1:
            return root
        return bases.pop()

    def _may_bend(self, node: ir.Node) -> bool:
        """Whether ``node`` can make an activation of functions that are none.

        Numbers that it makes of comparisons are a step; but of values that no weights made
        they are a mask, such as that of padded tokens.
        """
        if not is_float(node.outputs[0]):
            return False
        operands = operands_of(node)
        if len(operands) > 1 or operator_of(node).activation is Activation.BEND:
            return True
        return _makes_numbers(node) and self._are_behind_weights(operands)

    def _is_activation(self, value: ir.Value, base: ir.Value) -> bool:
        """Whether ``value`` is a saturating function of ``base``, or bent by comparisons."""
        samples = self._functions.find(value, base)
        if samples is None:
            return False
        return is_saturating(samples) or (value in self._compared and is_bent(samples))

    def is_read_outside(self, value: ir.Value, readable: set[ir.Value]) -> bool:
        """Whether a node reads ``value`` that is in no product with others of its group.

        Args:
            value: An output of a node.
            readable: Those values behind it of which this is true.
        """
        is_member = self.groups.is_member(value)
        if value.is_graph_output() or not is_member:
            return True
        for use in value.uses():
            result = use.node.outputs[0]
            if self._leads_outside(value, result, readable):
                return True
        return False

    def _leads_outside(
        self,
        value: ir.Value,
        result: ir.Value,
        readable: set[ir.Value],
    ) -> bool:
        """Whether ``result``, which is computed from ``value``, is outside or read there."""
        if not self.groups.are_together(result, value):
            return True
        if result in self._combinations:
            return False
        return result in readable


def _is_network(node: ir.Node) -> bool:
    """Whether ``node`` is recurrent, or holds graphs with activations in them."""
    if _is_recurrent(node):
        return True
    is_control = operator_of(node).form is Form.CONTROL
    return is_control and holds_node(node, _fires)


def holds_node(
    node: ir.Node,
    is_wanted: Callable[[ir.Node], bool],
) -> bool:
    """Whether ``is_wanted`` is true of ``node``, or of one in its subgraphs."""
    if is_wanted(node):
        return True
    inner_nodes = itertools.chain.from_iterable(subgraphs(node))
    return any(holds_node(inner, is_wanted) for inner in inner_nodes)


def _fires(node: ir.Node) -> bool:
    return _is_activation(node) or _is_recurrent(node)


def _is_activation(node: ir.Node) -> bool:
    return operator_of(node).is_activation


def _is_weighted(node: ir.Node) -> bool:
    return operator_of(node).is_weighted


def _is_recurrent(node: ir.Node) -> bool:
    form = operator_of(node).form
    return form is Form.RECURRENT


def _may_gate(node: ir.Node) -> bool:
    """Whether ``node`` makes an activation of what it is multiplied with."""
    return _is_activation(node) or is_op(node, "Erf")


def _multiplies_functions(node: ir.Node) -> bool:
    operands = operands_of(node)
    return is_op(node, "Mul") and len(operands) > 1


def _makes_numbers(node: ir.Node) -> bool:
    """Whether ``node`` makes real numbers of truths, or of integers."""
    operand = node.inputs[0]
    return is_op(node, "Cast") and operand is not None and not is_float(operand)


def _is_guard(node: ir.Node) -> bool:
    """Whether ``node`` only keeps a divisor, or what a root is taken of, away from 0."""
    if not is_op(node, "Clip"):
        return False
    high = clip_bound(node, 2)
    if high is not None:
        return False
    low = clip_bound(node, 1)
    if low is None or low <= 0:
        return False
    output = node.outputs[0]
    readers = list(_find_readers(output))
    if not readers:
        return False
    return all(itertools.starmap(_must_not_read_zero, readers))


def _must_not_read_zero(reader: ir.Node, value: ir.Value) -> bool:
    """Whether ``reader`` divides by ``value``, or takes a power or logarithm of it."""
    if is_op(reader, "Div"):
        return reader.inputs[0] is not value
    return is_op(reader, "Log", "Pow", "Reciprocal", "Sqrt")


def _find_readers(value: ir.Value) -> Iterator[tuple[ir.Node, ir.Value]]:
    """Yield who reads ``value``, and as what, behind nodes that only move its elements."""
    for use in value.uses():
        reader = use.node
        if not operator_of(reader).moves_elements:
            yield reader, value
            continue
        for moved in reader.outputs:
            yield from _find_readers(moved)

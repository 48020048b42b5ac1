"""The ends of functions of one value: where neurons stand if more is computed behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from onnx2snn.analysis.elementwise.groups import operands_of
from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip
from onnx2snn.graph import is_float, is_op

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import onnx_ir as ir

    from onnx2snn.analysis.elementwise.groups import Groups

    Exits: TypeAlias = dict[ir.Value, set[ir.Value]]
    """A value to those of its group behind it that are read outside of the group."""

__all__ = ["move_to_ends"]


def move_to_ends(
    graph: ir.Graph, activations: Collection[ir.Value], groups: Groups
) -> list[ir.Value]:
    """Return ``activations``, in order, each moved to the end of the function it is part of.

    ``Log(Sigmoid(x))`` and ``x - Tanh(x)`` are one function of x. Its end is the one value that
    all nodes outside read of what is computed from the activation, and from that of which the
    activation is a function, element by element. An activation stays where it is if there are
    several such values, or if that value is a sum of activations, each times a constant, up to a
    constant: then spikes carry it as they are. It stays, too, if that value is no real number.
    """
    sums = _find_sums(graph, activations)
    exits = _find_exits(graph, groups)
    ends = set()
    for value in activations:
        found = exits.get(value, set())
        end = value
        if len(found) == 1:
            (end,) = found
        is_real = is_float(end)  # a neuron sends no integers
        ends.add(value if end in sums or not is_real else end)
    outputs = (value for node in graph for value in node.outputs)
    return [value for value in outputs if value in ends]


def _find_sums(graph: ir.Graph, activations: Collection[ir.Value]) -> set[ir.Value]:
    """Return the sums of ``activations``, each times a constant, up to a constant.

    Of rectifiers, which neurons replace, the largest may be taken as well: running sums allow
    it.
    """
    sums = set(activations)
    rectified = {value for value in activations if _is_rectified(value)}
    for node in graph:
        operands = operands_of(node)
        if not operands or not sums.issuperset(operands):
            continue
        are_rectified = rectified.issuperset(operands)
        is_largest = operator_of(node).form is Form.MAX_LIKE
        if _is_linear(node) or (is_largest and are_rectified):
            sums.update(node.outputs)
            if are_rectified:
                rectified.update(node.outputs)
    return sums


def _is_rectified(value: ir.Value) -> bool:
    node = value.producer()
    return node is not None and (is_rectifier(node) or is_symmetric_clip(node))


def _is_linear(node: ir.Node) -> bool:
    """Whether an elementwise ``node`` is linear in its operands, up to a constant."""
    if is_op(node, "Add", "Sub", "Neg", "Sum", "Identity"):
        return True
    if is_op(node, "Mul"):
        return len(operands_of(node)) == 1
    return is_op(node, "Div") and operands_of(node) == [node.inputs[0]]


def _find_exits(graph: ir.Graph, groups: Groups) -> Exits:
    """Return for each value which values of its group behind it are read outside of the group."""
    exits: Exits = {}
    for node in reversed(graph):  # readers first
        for value in node.outputs:
            found = _list_exits(value, groups, exits)
            exits[value] = set(found)
    return exits


def _list_exits(value: ir.Value, groups: Groups, exits: Exits) -> Iterator[ir.Value]:
    if value.is_graph_output() or not value.uses():
        yield value
    for use in value.uses():
        result = use.node.outputs[0]
        if groups.are_together(result, value):
            yield from exits[result]
        else:
            yield value

"""Compute without sequences where it is known what they hold."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    array,
    constant,
    fresh_name,
    is_constant,
    is_op,
    remove_unused,
    replace_node,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LowerSequences"]


@dataclasses.dataclass(frozen=True)
class LowerSequences(ir.passes.InPlacePass):
    """Replace sequences whose elements are known by the elements themselves.

        before:  s = SplitToSequence(x, 2);  y = SequenceAt(s, 1)
        after:   u, y, v = Split(x)

        before:  s = SequenceConstruct(a, b);  y = ConcatFromSequence(s)
        after:   y = Concat(a, b)

    A sequence is known that is constructed or empty, what is inserted into or erased from a known
    one at a constant position, and a tensor that is split into a known number of parts. What reads
    an element, the length or the concatenation of a known sequence reads a tensor instead: an
    element keeps its spikes, and a concatenation is linear. Exact. Main graph and subgraphs.

    Left as they are: sequences that come from elsewhere, such as graph inputs and the outputs of
    other operators; and positions that are not constant.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Follow the sequences of each graph in order."""
        changed = False
        for graph in model.graphs():
            lowering = _Lowering(graph)
            for node in tuple(graph):
                changed |= lowering.visit(node)
        if changed:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=changed)


@dataclasses.dataclass(frozen=True, eq=False)
class _Parts:
    """The parts of a tensor that is split, made when the first of them is read."""

    node: ir.Node
    axis: int
    sizes: tuple[int, ...]
    keeps_axis: bool


_Element = ir.Value | tuple[_Parts, int]


class _Lowering:
    """The elements of the sequences of one graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._known: dict[ir.Value, list[_Element]] = {}
        self._made: dict[_Parts, list[ir.Value]] = {}

    def visit(self, node: ir.Node) -> bool:
        """Note what sequence ``node`` gives, or replace it; whether it was replaced."""
        if is_op(node, "SequenceAt", "ConcatFromSequence", "SequenceLength"):
            return self._replace(node)
        elements = self._elements(node)
        if elements is not None:
            self._known[node.outputs[0]] = elements
        return False

    def _elements(self, node: ir.Node) -> list[_Element] | None:
        """Return the elements of the sequence that ``node`` gives, None if they are not known."""
        if is_op(node, "SequenceEmpty"):
            return []
        if is_op(node, "SequenceConstruct"):
            return [value for value in node.inputs if value is not None]
        if is_op(node, "SplitToSequence"):
            parts = _parts(node)
            return None if parts is None else [(parts, at) for at in range(len(parts.sizes))]
        first = node.inputs[0] if node.inputs else None
        known = None if first is None else self._known.get(first)
        if known is None or not is_op(node, "Identity", "SequenceErase", "SequenceInsert"):
            return None
        return _edited(node, list(known))

    def _replace(self, node: ir.Node) -> bool:
        sequence = node.inputs[0]
        known = None if sequence is None else self._known.get(sequence)
        if known is None:
            return False
        if is_op(node, "SequenceLength"):
            length = constant(self._graph, f"{node.outputs[0].name}.number", np.array(len(known)))
            replace_node(node, ir.node("Identity", [length]))
            return True
        if is_op(node, "ConcatFromSequence"):
            return bool(known) and self._concatenate(node, known)
        at = _position(node.inputs[1], 0)
        if at is None or not -len(known) <= at < len(known):
            return False
        replace_node(node, ir.node("Identity", [self._tensor(known[at])]))
        return True

    def _concatenate(self, node: ir.Node, elements: Sequence[_Element]) -> bool:
        axis = node.attributes.get_int("axis", 0)
        values = [self._tensor(element) for element in elements]
        if node.attributes.get_int("new_axis", 0):
            if axis < 0 and values[0].shape is None:
                return False
            place = axis if axis >= 0 else axis + len(values[0].shape or ()) + 1
            axes = constant(self._graph, f"{node.outputs[0].name}.axes", np.array([place]))
            stacked = [ir.node("Unsqueeze", [value, axes]) for value in values]
            for at, unsqueeze in enumerate(stacked):
                self._insert(node, unsqueeze, f"{node.outputs[0].name}.{at}")
            values, axis = [unsqueeze.outputs[0] for unsqueeze in stacked], place
        replace_node(node, ir.node("Concat", values, {"axis": axis}))
        return True

    def _tensor(self, element: _Element) -> ir.Value:
        """Return an element as a value, made where the sequence is if need be."""
        if isinstance(element, ir.Value):
            return element
        parts, at = element
        if parts not in self._made:
            self._made[parts] = self._split(parts)
        return self._made[parts][at]

    def _split(self, parts: _Parts) -> list[ir.Value]:
        node, name = parts.node, parts.node.outputs[0].name
        if len(parts.sizes) == 1:
            values = list(node.inputs[:1])
        else:
            sizes = constant(self._graph, f"{name}.sizes", np.array(parts.sizes))
            split = ir.node(
                "Split",
                [node.inputs[0], sizes],
                {"axis": parts.axis},
                num_outputs=len(parts.sizes),
            )
            self._insert(node, split, f"{name}.part")
            values = list(split.outputs)
        if parts.keeps_axis:
            return [value for value in values if value is not None]
        axes = constant(self._graph, f"{name}.axes", np.array([parts.axis]))
        squeezed = [ir.node("Squeeze", [value, axes]) for value in values]
        for squeeze in squeezed:
            self._insert(node, squeeze, f"{name}.element")
        return [squeeze.outputs[0] for squeeze in squeezed]

    def _insert(self, before: ir.Node, node: ir.Node, name: str) -> None:
        for value in node.outputs:
            value.name = fresh_name(self._graph, name)
        self._graph.insert_before(before, node)


def _parts(node: ir.Node) -> _Parts | None:
    """Return the parts that a SplitToSequence makes, None if their number is not known."""
    x, split = [*node.inputs, None][:2]
    axis = node.attributes.get_int("axis", 0)
    length = x.shape[axis] if x is not None and x.shape is not None else None
    if split is None:
        if not isinstance(length, int):
            return None
        keeps_axis = node.attributes.get_int("keepdims", 1) != 0
        return _Parts(node, axis, (1,) * length, keeps_axis)
    if not is_constant(split):
        return None
    sizes = array(split)
    if sizes.ndim:
        return _Parts(node, axis, tuple(map(int, sizes)), keeps_axis=True)
    if not isinstance(length, int):
        return None
    size = int(sizes)
    parts = tuple(min(size, length - start) for start in range(0, length, size))
    return _Parts(node, axis, parts, keeps_axis=True)


def _edited(node: ir.Node, elements: list[_Element]) -> list[_Element] | None:
    """Return the elements of a sequence that ``node`` makes of another one."""
    if is_op(node, "SequenceErase"):
        at = _position([*node.inputs, None][1], -1)
        if at is None or not -len(elements) <= at < len(elements):
            return None
        del elements[at]
    if is_op(node, "SequenceInsert"):
        value = node.inputs[1]
        at = _position([*node.inputs, None][2], len(elements))
        if at is None or value is None or not -len(elements) <= at <= len(elements):
            return None
        elements.insert(at, value)
    return elements


def _position(value: ir.Value | None, default: int) -> int | None:
    """Return a constant position, ``default`` if none is given, None if it is not constant."""
    if value is None:
        return default
    return int(array(value)) if is_constant(value) else None

"""Take out sequences of tensors whose elements are known."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeWriter,
    array,
    is_constant,
    is_op,
    remove_unused,
    replace_by_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LowerSequences"]

_END = 2**31 - 1
"""An index behind the end of every axis."""


@dataclasses.dataclass(frozen=True)
class LowerSequences(ir.passes.InPlacePass):
    """Replace what reads sequences and optionals by operators on the tensors in them.

        before:  s = SplitToSequence(x, [3, 5]);  y = SequenceAt(s, 1)
        after:   a, y = Split(x, [3, 5])

        before:  s = SequenceConstruct(a, b);  y = ConcatFromSequence(s)
        after:   y = Concat(a, b)

    With ``new_axis`` each part gets the new axis first. SequenceEmpty, SequenceInsert and
    SequenceErase at constant positions, SequenceLength, Optional, OptionalGetElement and
    OptionalHasElement go as well. A tensor that is split into an unknown number of parts is cut
    where a part is read, with Slice or Gather. Exact. Main graph and subgraphs.

    Left as they are: sequences that come from an input, an If, a Loop or a SequenceMap; positions
    that are computed; what needs all parts of a tensor that is split into an unknown number.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in the order of each graph, the main graph first."""
        known: _Known = {}
        rewritten = [
            rule(known, node)
            for graph in model.graphs()
            for node in tuple(graph)
            if (rule := _RULES.get(node.op_type)) is not None
            and is_op(node, node.op_type)
        ]
        if any(rewritten):
            remove_unused(model)
        return ir.passes.PassResult(model, modified=any(rewritten))


@dataclasses.dataclass(frozen=True, eq=False)
class _Parts:
    """What a SplitToSequence gives: parts of ``size``, the last perhaps smaller.

    The sizes are None where their number is not known.
    """

    node: ir.Node
    size: int
    sizes: list[int] | None

    @property
    def x(self) -> ir.Value:
        """The tensor that is split."""
        return _input(self.node, 0)

    @property
    def axis(self) -> int:
        """The axis along which it is."""
        return self.node.attributes.get_int("axis", 0)

    @property
    def is_squeezed(self) -> bool:
        """Whether the parts lack that axis."""
        return (
            len(self.node.inputs) < 2
            and self.node.attributes.get_int("keepdims", 1) == 0
        )


@dataclasses.dataclass(frozen=True)
class _Inner:
    """What an optional holds; None for nothing."""

    value: ir.Value | None


_Known: TypeAlias = "dict[ir.Value, list[ir.Value] | _Parts | _Inner]"
"""What is in a sequence or an optional."""


def _construct(known: _Known, node: ir.Node) -> bool:
    known[node.outputs[0]] = [value for value in node.inputs if value is not None]
    return False


def _alias(known: _Known, node: ir.Node) -> bool:
    if node.inputs[0] in known:
        known[node.outputs[0]] = known[node.inputs[0]]
    return False


def _insert(known: _Known, node: ir.Node) -> bool:
    elements, tensor = known.get(_input(node, 0)), node.inputs[1]
    if isinstance(elements, list) and tensor is not None:
        position = _number(node, 2, len(elements))
        if position is not None:
            known[node.outputs[0]] = [
                *elements[:position],
                tensor,
                *elements[position:],
            ]
    return False


def _erase(known: _Known, node: ir.Node) -> bool:
    elements, position = known.get(_input(node, 0)), _number(node, 1, -1)
    if isinstance(elements, list) and position is not None:
        rest = elements.copy()
        del rest[position]
        known[node.outputs[0]] = rest
    return False


def _split(known: _Known, node: ir.Node) -> bool:
    given = np.ones([], np.int64)
    if len(node.inputs) > 1:
        if not is_constant(node.inputs[1]):
            return False
        given = array(node.inputs[1])
    x, axis = _input(node, 0), node.attributes.get_int("axis", 0)
    length = None if x.shape is None else x.shape[axis]
    if given.ndim:
        known[node.outputs[0]] = _Parts(node, 0, given.tolist())
        return False
    size, sizes = int(given), None
    if isinstance(length, int):
        sizes = [min(size, length - start) for start in range(0, length, size)]
    known[node.outputs[0]] = _Parts(node, size, sizes)
    return False


def _elements(known: _Known, sequence: ir.Value) -> list[ir.Value] | None:
    """Return the tensors in a sequence, None if they are not known; what is to be split is."""
    content = known.get(sequence)
    if isinstance(content, _Parts) and content.sizes is not None:
        writer, axis, squeezed = (
            NodeWriter(content.node),
            content.axis,
            content.is_squeezed,
        )
        sizes = writer.constant("split", np.array(content.sizes))
        first = writer.add(
            "Split", [content.x, sizes], {"axis": axis}, len(content.sizes)
        )
        producer = first.producer()
        assert producer is not None  # it was just written
        content = list(producer.outputs)
        if squeezed:
            axes = writer.constant("axes", np.array([axis]))
            content = [writer.add("Squeeze", [element, axes]) for element in content]
        known[sequence] = content
    return content if isinstance(content, list) else None


def _at(known: _Known, node: ir.Node) -> bool:
    sequence, position = _input(node, 0), _number(node, 1, None)
    if position is None:
        return False
    elements, content = _elements(known, sequence), known.get(sequence)
    value = None
    if elements is not None and -len(elements) <= position < len(elements):
        value = elements[position]
    elif isinstance(content, _Parts):
        value = _cut(node, content, position)
    if value is not None:
        replace_by_value(node, value)
    return value is not None


def _cut(node: ir.Node, parts: _Parts, position: int) -> ir.Value | None:
    """Return one of the parts of a tensor; None if it is counted from an end that is not known."""
    writer = NodeWriter(node)
    if parts.is_squeezed:
        index = writer.constant("position", np.array(position))
        return writer.add("Gather", [parts.x, index], {"axis": parts.axis})
    if position < 0 and parts.size > 1:
        return None
    start = position * parts.size
    ends = {"start": start, "end": start + parts.size or _END, "axis": parts.axis}
    bounds = [
        writer.constant(name, np.array([number])) for name, number in ends.items()
    ]
    return writer.add("Slice", [parts.x, *bounds])


def _length(known: _Known, node: ir.Node) -> bool:
    content, writer = known.get(_input(node, 0)), NodeWriter(node)
    counted = content.sizes if isinstance(content, _Parts) else content
    if isinstance(counted, list):
        replace_by_value(node, writer.constant("length", np.array(len(counted))))
    elif isinstance(content, _Parts) and content.size == 1:
        axis = writer.constant("axis", np.array(content.axis))
        shape = writer.add("Shape", [content.x])
        replace_by_value(node, writer.add("Gather", [shape, axis]))
    else:
        return False
    return True


def _concat(known: _Known, node: ir.Node) -> bool:
    elements, writer = _elements(known, _input(node, 0)), NodeWriter(node)
    if not elements:
        return False
    axis = node.attributes.get_int("axis", 0)
    if node.attributes.get_int("new_axis", 0):
        axes = writer.constant("axes", np.array([axis]))
        elements = [writer.add("Unsqueeze", [element, axes]) for element in elements]
    replace_by_value(node, writer.add("Concat", elements, {"axis": axis}))
    return True


def _optional(known: _Known, node: ir.Node) -> bool:
    known[node.outputs[0]] = _Inner(node.inputs[0] if node.inputs else None)
    return False


def _element(known: _Known, node: ir.Node) -> bool:
    """Read what an optional holds; from opset 18 on what is no optional holds itself."""
    content = known.get(_input(node, 0), _Inner(_input(node, 0)))
    if (
        not isinstance(content, _Inner)
        or content.value is None
        or _is_optional(content.value)
    ):
        return False
    if content.value in known:
        known[node.outputs[0]] = known[content.value]
    replace_by_value(node, content.value)
    return True


def _has_element(known: _Known, node: ir.Node) -> bool:
    value = node.inputs[0] if node.inputs else None
    content = known.get(value) if value is not None else _Inner(None)
    if content is None and value is not None and isinstance(value.type, ir.TensorType):
        content = _Inner(value)
    if content is None:
        return False
    holds = not isinstance(content, _Inner) or content.value is not None
    replace_by_value(node, NodeWriter(node).constant("holds", np.array(holds)))
    return True


def _is_optional(value: ir.Value) -> bool:
    """Whether ``value`` may be an optional: its type says so, or is not known."""
    return not isinstance(value.type, (ir.TensorType, ir.SequenceType))


def _input(node: ir.Node, position: int) -> ir.Value:
    value = node.inputs[position]
    assert value is not None  # a required input
    return value


def _number(node: ir.Node, position: int, default: int | None) -> int | None:
    """Return a constant input as a number, the default if it is left out, None if computed."""
    value = node.inputs[position] if position < len(node.inputs) else None
    if value is None:
        return default
    return int(array(value).item()) if is_constant(value) else None


_RULES: dict[str, Callable[[_Known, ir.Node], bool]] = {
    "ConcatFromSequence": _concat,
    "Identity": _alias,
    "Optional": _optional,
    "OptionalGetElement": _element,
    "OptionalHasElement": _has_element,
    "SequenceAt": _at,
    "SequenceConstruct": _construct,
    "SequenceEmpty": _construct,
    "SequenceErase": _erase,
    "SequenceInsert": _insert,
    "SequenceLength": _length,
    "SplitToSequence": _split,
}

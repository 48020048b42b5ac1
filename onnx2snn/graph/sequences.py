"""The content of sequences and optionals of a graph, as far as that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import onnx_ir as ir

from onnx2snn.graph import array, display_name, is_constant, is_op

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Content",
    "Contents",
    "OptionalContent",
    "TensorParts",
    "read_position",
    "record_content",
    "required_input",
]


@dataclass(frozen=True, eq=False)
class TensorParts:
    """The parts that a SplitToSequence gives.

    Attributes:
        node: The SplitToSequence.
        size: The size of each part, the last perhaps smaller; 0 if they differ otherwise.
        sizes: The size of every part, None if their number is not known.
    """

    node: ir.Node
    size: int
    sizes: list[int] | None

    @property
    def x(self) -> ir.Value:
        """The tensor that is split."""
        return required_input(self.node, 0)

    @property
    def axis(self) -> int:
        """The axis along which it is."""
        return self.node.attributes.get_int("axis", 0)

    @property
    def is_squeezed(self) -> bool:
        """Whether the parts lack that axis."""
        if len(self.node.inputs) > 1:
            return False
        return self.node.attributes.get_int("keepdims", 1) == 0


@dataclass(frozen=True)
class OptionalContent:
    """A value that an optional holds; None for nothing."""

    value: ir.Value | None


Content: TypeAlias = list[ir.Value] | TensorParts | OptionalContent
"""Tensors of a sequence, parts of a tensor, or the content of an optional."""

Contents: TypeAlias = dict[ir.Value, Content]
"""Sequences and optionals to what they hold."""


def record_content(node: ir.Node, contents: Contents) -> None:
    """Remember what a node puts into a sequence or an optional, if its inputs tell."""
    if not is_op(node, *_CONTENT_OF):
        return
    find_content = _CONTENT_OF[node.op_type]
    content = find_content(node, contents)
    if content is not None:
        contents[node.outputs[0]] = content


def _find_constructed(node: ir.Node, _: Contents) -> Content:
    """Return the elements of a SequenceConstruct or SequenceEmpty."""
    return [value for value in node.inputs if value is not None]


def _find_copied(node: ir.Node, contents: Contents) -> Content | None:
    """Return the content that an Identity hands on."""
    return contents.get(required_input(node, 0))


def _find_inserted(node: ir.Node, contents: Contents) -> Content | None:
    """Return the elements behind a SequenceInsert."""
    elements = contents.get(required_input(node, 0))
    tensor = required_input(node, 1)
    if not isinstance(elements, list):
        return None
    count = len(elements)
    position = read_position(node, 2, default=count)
    if position is None or not -count <= position <= count:
        return None
    return [*elements[:position], tensor, *elements[position:]]


def _find_left_by_erase(node: ir.Node, contents: Contents) -> Content | None:
    """Return the elements behind a SequenceErase."""
    elements = contents.get(required_input(node, 0))
    position = read_position(node, 1, default=-1)
    if not isinstance(elements, list) or position is None:
        return None
    is_inside = -len(elements) <= position < len(elements)
    if not is_inside:
        return None
    rest = elements.copy()
    del rest[position]
    return rest


def _find_parts(node: ir.Node, _: Contents) -> Content | None:
    """Return the parts that a SplitToSequence gives: by default, of size 1."""
    if len(node.inputs) == 1:
        return _cut_evenly(node, 1)
    if not is_constant(node.inputs[1]):
        return None
    given = array(node.inputs[1])
    if given.ndim:
        return TensorParts(node, 0, given.tolist())
    return _cut_evenly(node, int(given))


def _cut_evenly(node: ir.Node, size: int) -> TensorParts:
    x = required_input(node, 0)
    axis = node.attributes.get_int("axis", 0)
    length = None if x.shape is None else x.shape[axis]
    if size < 1:
        message = f"{node.op_type} {display_name(node)!r} splits into parts of {size}"
        raise ValueError(message)
    if not isinstance(length, int):
        return TensorParts(node, size, None)
    starts = range(0, length, size)
    sizes = [min(size, length - start) for start in starts]
    return TensorParts(node, size, sizes)


def _find_optional(node: ir.Node, _: Contents) -> Content:
    """Return the content of an Optional."""
    value = node.inputs[0] if node.inputs else None
    return OptionalContent(value)


def required_input(node: ir.Node, position: int) -> ir.Value:
    """Return an input that the operator requires."""
    value = node.inputs[position]
    assert value is not None
    return value


def read_position(node: ir.Node, at: int, default: int | None) -> int | None:
    """Return a constant input as a number, the default if it is left out, None if computed."""
    value = node.inputs[at] if at < len(node.inputs) else None
    if value is None:
        return default
    if not is_constant(value):
        return None
    return int(array(value).item())


_CONTENT_OF: dict[str, Callable[[ir.Node, Contents], Content | None]] = {
    "Identity": _find_copied,
    "Optional": _find_optional,
    "SequenceConstruct": _find_constructed,
    "SequenceEmpty": _find_constructed,
    "SequenceErase": _find_left_by_erase,
    "SequenceInsert": _find_inserted,
    "SplitToSequence": _find_parts,
}
"""Operator to what it puts into its result, None if that is not known."""

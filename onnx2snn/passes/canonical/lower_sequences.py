"""Take out sequences of tensors whose elements are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeWriter,
    is_op,
    remove_unused,
    replace_by_value,
)
from onnx2snn.graph.sequences import (
    OptionalContent,
    TensorParts,
    read_position,
    record_content,
    required_input,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from onnx2snn.graph.sequences import Contents

__all__ = ["LowerSequences"]

_END = 2**31 - 1
"""An index behind the end of every axis."""


@dataclass(frozen=True)
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
        contents: Contents = {}
        modified = False
        for graph in model.graphs():
            for node in tuple(graph):
                record_content(node, contents)
                if not is_op(node, *_READERS):
                    continue
                if _replace_reader(node, contents):
                    modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _replace_reader(node: ir.Node, contents: Contents) -> bool:
    """Let a value take the place of what ``node`` reads, if it is known; whether it is."""
    find_value = _READERS[node.op_type]
    value = find_value(node, contents)
    if value is None:
        return False
    replace_by_value(node, value)
    return True


def _find_element(node: ir.Node, contents: Contents) -> ir.Value | None:
    """Return the tensor that a SequenceAt reads."""
    sequence = required_input(node, 0)
    position = read_position(node, 1, default=None)
    if position is None:
        return None
    elements = _find_elements(sequence, contents)
    if elements is not None:
        is_inside = -len(elements) <= position < len(elements)
        if is_inside:
            return elements[position]
        return None
    parts = contents.get(sequence)
    if isinstance(parts, TensorParts):
        return _cut_part(node, parts, position)
    return None


def _find_elements(sequence: ir.Value, contents: Contents) -> list[ir.Value] | None:
    """Return the tensors in a sequence, None if they are not known.

    A tensor whose parts are known is split; so the sequence is one of tensors from then on.
    """
    content = contents.get(sequence)
    if isinstance(content, TensorParts) and content.sizes is not None:
        content = _split_tensor(content, content.sizes)
        contents[sequence] = content
    if isinstance(content, list):
        return content
    return None


def _split_tensor(parts: TensorParts, sizes: list[int]) -> list[ir.Value]:
    """Return the parts of a tensor, made by a Split in front of the SplitToSequence."""
    writer = NodeWriter(parts.node)
    axis = parts.axis
    lengths = writer.constant("split", np.array(sizes))
    first = writer.add(
        "Split",
        inputs=[parts.x, lengths],
        attributes={"axis": axis},
        outputs=len(sizes),
    )
    node = first.producer()
    assert node is not None  # it was just written
    if not parts.is_squeezed:
        return list(node.outputs)
    return _add_to_each(writer, "Squeeze", node.outputs, axis)


def _add_to_each(
    writer: NodeWriter,
    op: str,
    tensors: Sequence[ir.Value],
    axis: int,
) -> list[ir.Value]:
    """Return tensors without an axis, by Squeeze, or with a new one, by Unsqueeze."""
    axes = writer.constant("axes", np.array([axis]))
    results = []
    for tensor in tensors:
        result = writer.add(op, [tensor, axes])
        results.append(result)
    return results


def _cut_part(node: ir.Node, parts: TensorParts, position: int) -> ir.Value | None:
    """Return one of the parts of a tensor; None if it is counted from an end that is not known."""
    writer = NodeWriter(node)
    x = parts.x
    axis = parts.axis
    if parts.is_squeezed:
        index = writer.constant("position", np.array(position))
        along = {"axis": axis}
        return writer.add("Gather", [x, index], along)
    if position < 0 and parts.size > 1:
        return None
    start = position * parts.size
    end = (start + parts.size) or _END
    numbers = {"start": start, "end": end, "axis": axis}
    bounds = []
    for name, number in numbers.items():
        bound = writer.constant(name, np.array([number]))
        bounds.append(bound)
    return writer.add("Slice", [x, *bounds])


def _find_length(node: ir.Node, contents: Contents) -> ir.Value | None:
    """Return the number of elements for a SequenceLength."""
    content = contents.get(required_input(node, 0))
    writer = NodeWriter(node)
    if isinstance(content, list):
        return _write_count(writer, content)
    if not isinstance(content, TensorParts):
        return None
    if content.sizes is not None:
        return _write_count(writer, content.sizes)
    if content.size != 1:
        return None
    axis = writer.constant("axis", np.array(content.axis))
    shape = writer.add("Shape", [content.x])
    return writer.add("Gather", [shape, axis])


def _write_count(writer: NodeWriter, counted: Sequence[object]) -> ir.Value:
    count = len(counted)
    return writer.constant("length", np.array(count))


def _concatenate_elements(node: ir.Node, contents: Contents) -> ir.Value | None:
    """Return the elements as one tensor for a ConcatFromSequence."""
    elements = _find_elements(required_input(node, 0), contents)
    if not elements:
        return None
    writer = NodeWriter(node)
    axis = node.attributes.get_int("axis", 0)
    if node.attributes.get_int("new_axis", 0) != 0:
        elements = _add_to_each(writer, "Unsqueeze", elements, axis)
    return writer.add("Concat", elements, {"axis": axis})


def _find_inner(node: ir.Node, contents: Contents) -> ir.Value | None:
    """Return what an OptionalGetElement reads; from opset 18 on, anything but an optional too."""
    optional = required_input(node, 0)
    content = contents.get(optional, OptionalContent(optional))
    inner = content.value if isinstance(content, OptionalContent) else None
    if inner is None or _may_be_optional(inner):
        return None
    if inner in contents:
        contents[node.outputs[0]] = contents[inner]
    return inner


def _may_be_optional(value: ir.Value) -> bool:
    """Whether ``value`` may be an optional: its type says so, or is not known."""
    return not isinstance(value.type, (ir.TensorType, ir.SequenceType))


def _find_presence(node: ir.Node, contents: Contents) -> ir.Value | None:
    """Return whether an optional holds something for an OptionalHasElement."""
    value = node.inputs[0] if node.inputs else None
    if value is None:
        return _write_presence(node, is_there=False)
    content = contents.get(value)
    if isinstance(content, OptionalContent):
        return _write_presence(node, is_there=content.value is not None)
    is_tensor = isinstance(value.type, ir.TensorType)
    if content is None and not is_tensor:
        return None
    return _write_presence(node, is_there=True)


def _write_presence(node: ir.Node, *, is_there: bool) -> ir.Value:
    writer = NodeWriter(node)
    return writer.constant("holds", np.array(is_there))


_READERS: dict[str, Callable[[ir.Node, Contents], ir.Value | None]] = {
    "ConcatFromSequence": _concatenate_elements,
    "OptionalGetElement": _find_inner,
    "OptionalHasElement": _find_presence,
    "SequenceAt": _find_element,
    "SequenceLength": _find_length,
}
"""Operator that reads a sequence or an optional to the value it gives, None if not known."""

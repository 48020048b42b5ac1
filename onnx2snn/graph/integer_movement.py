"""Operators that move, select or compare integers, on the real numbers these stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import display_name, fresh_name, is_op, is_read, take_over
from onnx2snn.graph.integer_scales import record_scale
from onnx2snn.graph.integer_writer import IntegerWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.graph.integer_scales import LinearScale, Scales

__all__ = ["lower_movement"]

_MOVING = frozenset({
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "Identity", "Max", "MaxPool", "Min", "Pad", "ReduceMax", "ReduceMin", "Reshape", "Resize",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators that do to quantized integers what they do to the real numbers these stand for."""

_SEVERAL = ("Concat", "Max", "Min")
"""Those of them all of whose inputs are data."""

_COMPARING = ("ArgMax", "ArgMin")
"""Operators whose result is the same for integers and for the real numbers they stand for."""


def lower_movement(node: ir.Node, scales: Scales) -> bool:
    """Let a node that moves or compares integers do so with the real numbers they stand for.

        before:  y = MaxPool(x)                  on integers that a quantizer made
        after:   y = QuantizeLinear(MaxPool(DequantizeLinear(x, s, z)), s, z)

    Left as they are: integers whose scale is not known, or differs among the operands; a
    MaxPool whose indices are read.

    Args:
        node: Any node.
        scales: The scales of the integers in front; those of its results are added.

    Returns:
        Whether it is such a node, and was rewritten.
    """
    has_integer_result = is_op(node, *_COMPARING)
    moves = is_op(node, *_MOVING) and not _indices_are_read(node)
    if not moves and not has_integer_result:
        return False
    data = tuple(node.inputs) if is_op(node, *_SEVERAL) else tuple(node.inputs[:1])
    scale = _find_shared_scale(data, scales)
    if scale is None:
        return False
    writer = IntegerWriter(node)
    if _pads_with_number(node):
        _dequantize_fill(node, scale, writer)
    for position, value in enumerate(data):
        real = writer.dequantize(value, scale)
        node.replace_input_with(position, real)
    if moves:
        for output in node.outputs:
            _quantize_output(output, scale, scales)
    return True


def _indices_are_read(node: ir.Node) -> bool:
    """Whether a MaxPool has a second output that is needed."""
    if not is_op(node, "MaxPool"):
        return False
    indices = node.outputs[1:]
    return any(map(is_read, indices))


def _find_shared_scale(
    values: Sequence[ir.Value | None], scales: Scales
) -> LinearScale | None:
    """Return the scale that all the integers have, None if they differ or one is not known."""
    known: list[LinearScale] = []
    for value in values:
        if value is None or value not in scales:
            return None
        known.append(scales[value])
    if not known:
        return None
    first, *others = known
    if all(first.matches(other) for other in others):
        return first
    return None


def _pads_with_number(node: ir.Node) -> bool:
    """Whether a node is a Pad with a number of its own."""
    if not is_op(node, "Pad"):
        return False
    return node.attributes.get_string("mode", "constant") == "constant"


def _dequantize_fill(pad: ir.Node, scale: LinearScale, writer: IntegerWriter) -> None:
    """Let a Pad fill with the real number that its integer, 0 if it says none, stands for."""
    fill = writer.given(2)
    if fill is None:
        integers = pad.inputs[0]
        dtype = None if integers is None else integers.dtype
        zero = np.zeros([], (dtype or ir.DataType.UINT8).numpy())
        fill = writer.constant("fill", zero)
    real = writer.dequantize(fill, scale)
    if len(pad.inputs) <= 2:
        pad.resize_inputs(3)
    pad.replace_input_with(2, real)


def _quantize_output(output: ir.Value, scale: LinearScale, scales: Scales) -> None:
    """Let the readers of ``output``, which has become real, read integers as before."""
    node = output.producer()
    assert node is not None
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    inputs = [output, scale.scale]
    if scale.zero_point is not None:
        inputs.append(scale.zero_point)
    quantize = ir.node("QuantizeLinear", inputs)
    quantize.name = f"{display_name(node)}.QuantizeLinear"
    graph.insert_after(node, quantize)
    integers = quantize.outputs[0]
    take_over(output, integers)
    quantize.replace_input_with(0, output)
    output.name = fresh_name(graph, f"{integers.name}.real")
    output.type = None if scale.scale is None else scale.scale.type
    record_scale(quantize, scales)

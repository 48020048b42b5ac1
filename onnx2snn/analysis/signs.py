"""Find values that cannot be negative, whatever the input of the network is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import array, is_constant, is_op
from onnx2snn.graph.quantizers import is_dequantize, quantizer_of

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

__all__ = ["Signs"]

_NEVER = frozenset({
    "Abs", "Exp", "HardSigmoid", "ReduceL1", "ReduceL2", "ReduceSumSquare", "Relu", "Sigmoid",
    "Softmax", "Softplus", "Sqrt",
})  # fmt: skip
"""Operators whose result is never negative."""

_KEEPING = frozenset({
    "AveragePool", "Cast", "DepthToSpace", "Dropout", "Expand", "Flatten", "Gather",
    "GatherElements", "GatherND", "GlobalAveragePool", "GlobalMaxPool", "Identity", "LeakyRelu",
    "MaxPool", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Reshape", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators whose result is not negative if their first input is not."""

_COMBINING = frozenset({"Add", "Concat", "Mean", "Min", "Mul", "Sum"})
"""Operators whose result is not negative if none of their inputs is."""


class Signs:
    """What is known of the signs of a graph's values.

    What has been found out stays true while a graph is rewritten to compute the same.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[ir.Value, bool] = {}

    def is_never_negative(self, value: ir.Value | None) -> bool:
        """Whether no element of ``value`` is ever below 0; False if that is not known."""
        if value is None:
            return False
        if value not in self._known:
            self._known[value] = False  # a graph has no circles: for the time being
            self._known[value] = self._find(value)
        return self._known[value]

    def _find(self, value: ir.Value) -> bool:
        if is_constant(value):
            return _is_positive(array(value))
        node = value.producer()
        if node is None:
            return False
        if is_dequantize(node):
            quantizer = quantizer_of(node)
            return quantizer is not None and bool((quantizer.low >= 0).all())
        first = node.inputs[0] if node.inputs else None
        return (
            is_op(node, *_NEVER)
            or (is_op(node, *_KEEPING) and self.is_never_negative(first))
            or (
                is_op(node, *_COMBINING)
                and all(map(self.is_never_negative, node.inputs))
            )
            or self._find_special(node)
        )

    def _find_special(self, node: ir.Node) -> bool:
        if is_op(node, "Clip"):
            low = node.inputs[1] if len(node.inputs) > 1 else None
            return is_constant(low) and _is_positive(array(low))
        if is_op(node, "Max"):
            return any(map(self.is_never_negative, node.inputs))
        if is_op(node, "Where"):
            return all(map(self.is_never_negative, node.inputs[1:]))
        if is_op(node, "Pad"):
            fill = node.inputs[2] if len(node.inputs) > 2 else None
            return self.is_never_negative(node.inputs[0]) and (
                fill is None or self.is_never_negative(fill)
            )
        if is_op(node, "Resize"):
            cubic = node.attributes.get_string("mode", "nearest") == "cubic"
            return not cubic and self.is_never_negative(node.inputs[0])
        return False


def _is_positive(data: np.ndarray) -> bool:
    return data.dtype.kind in "fiub" and bool((data >= 0).all())

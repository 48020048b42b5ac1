"""Find values that cannot be negative, whatever the input of the network is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import array, is_constant
from onnx2snn.graph.quantizers import is_dequantize, quantizer_of

if TYPE_CHECKING:
    import numpy as np
    import onnx_ir as ir

__all__ = ["Signs"]


class Signs:
    """Known signs of a graph's values.

    They stay true while a graph is rewritten to compute the same.
    """

    def __init__(self) -> None:
        """Begin with no known sign."""
        self._known: dict[ir.Value, bool] = {}

    def is_never_negative(self, value: ir.Value | None) -> bool:
        """Whether no element of ``value`` is ever below 0; False if that is not known."""
        if value is None:
            return False
        if value not in self._known:
            self._known[value] = False  # a graph has no circles: for the time being
            self._known[value] = self._find_sign(value)
        return self._known[value]

    def _find_sign(self, value: ir.Value) -> bool:
        if is_constant(value):
            return _has_no_negative(array(value))
        node = value.producer()
        if node is None:
            return False
        if is_dequantize(node):
            return _dequantizes_no_negative(node)
        follows_rule = operator_of(node).sign
        return follows_rule(node, self.is_never_negative)


def _dequantizes_no_negative(node: ir.Node) -> bool:
    quantizer = quantizer_of(node)
    return quantizer is not None and bool((quantizer.low >= 0).all())


def _has_no_negative(data: np.ndarray) -> bool:
    is_number = data.dtype.kind in "fiub"
    return is_number and bool((data >= 0).all())

"""The values of a graph by which coded inputs enter it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.graph import is_float, is_op

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["coded_value", "may_be_coded", "reads_values"]


def coded_value(value: ir.Value) -> ir.Value:
    """Return an input, or what it is cast to if nothing else reads it."""
    readers = _readers_of(value)
    if len(readers) != 1 or not is_op(readers[0], "Cast"):
        return value
    cast = readers[0].outputs[0]
    if is_float(cast):
        return cast
    return value


def may_be_coded(value: ir.Value) -> bool:
    """Whether an input holds real numbers, or bytes, as of images, that are cast to these."""
    if is_float(value):
        return True
    return value.dtype == ir.DataType.UINT8 and is_float(coded_value(value))


def reads_values(node: ir.Node) -> bool:
    """Whether ``node`` reads more of its inputs than their shapes."""
    return operator_of(node).form is not Form.SHAPE


def _readers_of(value: ir.Value) -> Sequence[ir.Node]:
    return [use.node for use in value.uses() if reads_values(use.node)]

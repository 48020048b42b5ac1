"""Counting the multiply-accumulates of a graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx2snn.graph import is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["macs"]


def macs(node: ir.Node) -> int | None:
    """Return the multiply-accumulates of ``node`` for one sample.

    Free dimensions count as 1. Returns 0 for a node without weights, None where the shapes that
    matter are not known.
    """
    if is_op(node, "Conv"):
        weight = _sizes(node.inputs[1])
        return _times(_sizes(node.outputs[0]), weight and weight[1:])
    if is_op(node, "ConvTranspose"):
        weight = _sizes(node.inputs[1])
        return _times(_sizes(node.inputs[0]), weight and weight[1:])
    if is_op(node, "Gemm"):
        inner = _sizes(node.inputs[0])
        first = node.attributes.get_int("transA", 0) == 0
        return _times(_sizes(node.outputs[0]), inner and (inner[-1] if first else inner[0],))
    if is_op(node, "MatMul"):
        inner = _sizes(node.inputs[0])
        return _times(_sizes(node.outputs[0]), inner and inner[-1:])
    return 0


def _sizes(value: ir.Value | None) -> tuple[int, ...] | None:
    if value is None or value.shape is None:
        return None
    return tuple(size if isinstance(size, int) else 1 for size in value.shape)


def _times(outer: tuple[int, ...] | None, inner: tuple[int, ...] | None) -> int | None:
    return None if outer is None or inner is None else math.prod(outer) * math.prod(inner)

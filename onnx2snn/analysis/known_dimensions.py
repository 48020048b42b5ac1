"""Dimensions of values, as far as they are numbers, for nodes that read a shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["has_symbol", "picks_from_shape", "read_dimensions", "read_shape"]

_SYMBOL = -1
"""Stands for a dimension that is no number."""


def read_dimensions(node: ir.Node) -> list[np.ndarray] | None:
    """Return the result of a Shape or Size node, or None if it is not numbers only."""
    dimensions = read_shape(node)
    if dimensions is None or has_symbol(dimensions):
        return None
    if is_op(node, "Shape"):
        return [dimensions]
    size = np.array(dimensions.prod(), np.int64)
    return [size]


def read_shape(node: ir.Node) -> np.ndarray | None:
    """Return the dimensions a Shape or Size node reads, each symbolic one as -1."""
    x = node.inputs[0]
    if x is None or x.shape is None:
        return None
    rank = len(x.shape)
    start = node.attributes.get_int("start", 0)
    end = node.attributes.get_int("end", rank)
    sizes = [size if isinstance(size, int) else _SYMBOL for size in x.shape]
    return np.array(sizes[start:end], np.int64)


def has_symbol(dimensions: np.ndarray) -> bool:
    """Whether one of ``dimensions``, as ``read_shape`` returns them, is no number."""
    return bool((dimensions < 0).any())


def picks_from_shape(node: ir.Node) -> bool:
    """Whether ``node`` picks from the result of a Shape, which may be partly known."""
    if not is_op(node, "Gather", "Slice"):
        return False
    data = node.inputs[0]
    source = None if data is None else data.producer()
    if source is None or not is_op(source, "Shape"):
        return False
    x = source.inputs[0]
    return x is not None and x.shape is not None

"""Scales and shifts of a value by constants, of any shapes that broadcast to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, is_constant, is_op
from onnx2snn.graph.affine import affine_of
from onnx2snn.graph.quantization import along_axis

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "AffineMap",
    "affine_map_of",
    "broadcasts_to",
    "compacted",
    "spread",
]

_ARITHMETIC = ("Mul", "Div", "Add", "Sub")
"""Operators that scale or shift a value if one operand is constant."""


@dataclasses.dataclass(frozen=True, eq=False)
class AffineMap:
    """``scale * x + shift``.

    Attributes:
        x: The value.
        scale: Numbers with as many axes as ``x`` that broadcast to it, float64.
        shift: Likewise.
        nodes: The nodes that compute it of ``x``.
    """

    x: ir.Value
    scale: np.ndarray
    shift: np.ndarray
    nodes: tuple[ir.Node, ...] = ()

    def after(self, inner: AffineMap) -> AffineMap:
        """Return this map of what ``inner`` gives, as a map of what ``inner`` reads."""
        return AffineMap(
            inner.x,
            scale=self.scale * inner.scale,
            shift=self.scale * inner.shift + self.shift,
            nodes=(*inner.nodes, *self.nodes),
        )


def affine_map_of(node: ir.Node) -> AffineMap | None:
    """Return what ``node`` does to a value if it scales and shifts it by constants."""
    if is_op(node, "BatchNormalization"):
        return _batch_norm_map(node)
    if is_op(node, "Neg"):
        (x,) = node.inputs
        return _build_map(node, x, np.array(-1.0), np.array(0.0))
    if not is_op(node, *_ARITHMETIC):
        return None
    left, right = node.inputs
    if is_constant(right) and not is_constant(left):
        return _map_by_right(node, left, array(right))
    if is_constant(left) and not is_constant(right):
        return _map_by_left(node, array(left), right)
    return None


def _batch_norm_map(node: ir.Node) -> AffineMap | None:
    affine = affine_of(node)
    if affine is None or affine.x.shape is None:
        return None
    rank = len(affine.x.shape)
    scale = along_axis(affine.scale, 1, rank)
    shift = along_axis(affine.shift, 1, rank)
    return _build_map(node, affine.x, scale, shift)


def _map_by_right(
    node: ir.Node, x: ir.Value | None, numbers: np.ndarray
) -> AffineMap | None:
    """Return what a node does to ``x`` with ``numbers`` behind it."""
    values = numbers.astype(np.float64)
    if is_op(node, "Add"):
        return _build_map(node, x, np.array(1.0), values)
    if is_op(node, "Sub"):
        return _build_map(node, x, np.array(1.0), -values)
    if is_op(node, "Mul"):
        return _build_map(node, x, values, np.array(0.0))
    if np.all(values):
        return _build_map(node, x, 1 / values, np.array(0.0))
    return None


def _map_by_left(
    node: ir.Node, numbers: np.ndarray, x: ir.Value | None
) -> AffineMap | None:
    """Return what a node does to ``x`` with ``numbers`` in front of it."""
    if is_op(node, "Add", "Mul"):
        return _map_by_right(node, x, numbers)
    if is_op(node, "Sub"):
        return _build_map(node, x, np.array(-1.0), numbers)
    return None


def _build_map(
    node: ir.Node, x: ir.Value | None, scale: np.ndarray, shift: np.ndarray
) -> AffineMap | None:
    """Return the map, None if its numbers do not broadcast to ``x``."""
    if x is None or x.shape is None or x.dtype is None:
        return None
    if not x.dtype.is_floating_point():
        return None
    rank = len(x.shape)
    parts = []
    for numbers in (scale, shift):
        if numbers.ndim > rank:
            return None
        missing = (1,) * (rank - numbers.ndim)
        part = numbers.reshape(missing + numbers.shape).astype(np.float64)
        if not broadcasts_to(part, x):
            return None
        parts.append(part)
    return AffineMap(x, parts[0], parts[1], (node,))


def broadcasts_to(numbers: np.ndarray, x: ir.Value) -> bool:
    """Whether ``numbers``, of as many axes as ``x``, broadcast to it, whatever its size."""
    if x.shape is None or numbers.ndim != len(x.shape):
        return False
    sizes = zip(numbers.shape, x.shape, strict=True)
    return all(length in (1, size) for length, size in sizes)


def spread(numbers: np.ndarray, x: ir.Value) -> np.ndarray | None:
    """Return ``numbers`` for every element of ``x``, None if its size is not known.

    Of a free first axis, which is the batch, one sample stands for all.
    """
    assert x.shape is not None  # numbers of as many axes are there
    sizes = [size if isinstance(size, int) else None for size in x.shape]
    if sizes[0] is None:
        sizes[0] = 1
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    return np.broadcast_to(numbers, known)


def compacted(numbers: np.ndarray) -> np.ndarray:
    """Return ``numbers`` with length 1 along each axis on which they do not depend."""
    for axis in range(numbers.ndim):
        first = numbers.take([0], axis)
        if np.array_equal(np.broadcast_to(first, numbers.shape), numbers):
            numbers = first
    return numbers

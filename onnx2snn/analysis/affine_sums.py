"""Sums and concatenations of scaled and shifted values.

Concat(s x + t, z) = [s, 1] Concat(x, z) + [t, 0]
Add(s x + t, z) = Add(s x, z) + t
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import dims_of, is_op, rank_of
from onnx2snn.graph.affine_map import broadcasts_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.graph.affine_map import AffineMap

__all__ = ["Combination", "combine_affine"]


@dataclasses.dataclass(frozen=True, eq=False)
class Combination:
    """A sum or a concatenation of scaled and shifted values, as one of plain values.

    Its factors stay in front of the node; one scale and one shift move behind it.

    Attributes:
        factors: For each input a scale that stays in front of the node, None for none.
        scale: Scale of the output of the node, in front of which nothing else is left.
        shift: Shift of that output.
    """

    factors: tuple[np.ndarray | None, ...]
    scale: np.ndarray
    shift: np.ndarray


def combine_affine(node: ir.Node, given: Sequence[AffineMap]) -> Combination | None:
    """Return what ``node`` is of the values that are scaled and shifted, None if not known.

    Args:
        node: An Add, Sub, Sum or Concat; nothing is known of others.
        given: For each input its scale and shift, 1 and 0 if it has none.
    """
    output = node.outputs[0]
    rank = rank_of(output)
    if any(each.scale.ndim != rank for each in given):
        return None
    found = None
    if is_op(node, "Concat"):
        found = _concatenate(node, given)
    elif is_op(node, "Add", "Sub", "Sum"):
        found = _add(node, given)
    if found is None:
        return None
    for numbers in (found.scale, found.shift):
        if not broadcasts_to(numbers, output):
            return None
    return found


def _concatenate(node: ir.Node, given: Sequence[AffineMap]) -> Combination | None:
    rank = given[0].scale.ndim
    axis = node.attributes["axis"].as_int() % rank
    scales = []
    shifts = []
    for each in given:
        dims = dims_of(each.x)
        length = None if dims is None else dims[axis]
        if not isinstance(length, int):
            return None
        scales.append(_repeat(each.scale, length, axis))
        shifts.append(_repeat(each.shift, length, axis))
    no_factors = (None,) * len(given)
    scale = _join(scales, axis)
    shift = _join(shifts, axis)
    return Combination(no_factors, scale, shift)


def _repeat(numbers: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Return numbers that have, or broadcast to, a length along an axis in full length."""
    shape = list(numbers.shape)
    shape[axis] = length
    return np.broadcast_to(numbers, shape)


def _join(parts: list[np.ndarray], axis: int) -> np.ndarray:
    """Concatenate numbers along an axis; along all others they broadcast."""
    others = [np.delete(part.shape, axis) for part in parts]
    common = np.broadcast_shapes(*map(tuple, others))
    pieces = []
    for part in parts:
        length = part.shape[axis]
        shape = (*common[:axis], length, *common[axis:])
        piece = np.broadcast_to(part, shape)
        pieces.append(piece)
    return np.concatenate(pieces, axis)


def _add(node: ir.Node, given: Sequence[AffineMap]) -> Combination | None:
    """Take a common scale out of a sum, or else leave the scales in front of it."""
    signs = [1, -1] if is_op(node, "Sub") else [1] * len(given)
    first = given[0].scale
    one_number = [1] * first.ndim
    shift = np.zeros_like(first, shape=one_number)
    for each, sign in zip(given, signs, strict=True):
        shift = shift + sign * each.shift
    if all(np.array_equal(each.scale, first) for each in given):
        no_factors = (None,) * len(given)
        return Combination(no_factors, first, shift)
    if not shift.any():  # the scales alone leave spikes what they are
        return None
    factors = []
    for each in given:
        is_one = bool(np.all(each.scale == 1))
        factors.append(None if is_one else each.scale)
    return Combination(tuple(factors), np.ones(one_number), shift)

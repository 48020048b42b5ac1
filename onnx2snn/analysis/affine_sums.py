"""Sums and concatenations of scaled and shifted values.

Concat(s x + t, z) = [s, 1] Concat(x, z) + [t, 0]
Add(s x + t, z) = Add(s x, z) + t
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import is_op
from onnx2snn.graph.affine_map import broadcasts_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.graph.affine_map import AffineMap

__all__ = ["Combination", "combine_affine"]


@dataclasses.dataclass(frozen=True, eq=False)
class Combination:
    """What a sum or a concatenation of scaled and shifted values is.

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
    rank = len(output.shape or ())
    if output.shape is None or any(each.scale.ndim != rank for each in given):
        return None
    found = None
    if is_op(node, "Concat"):
        found = _concatenate(node, given)
    elif is_op(node, "Add", "Sub", "Sum"):
        found = _add(node, given)
    if found is None:
        return None
    fits = broadcasts_to(found.scale, output) and broadcasts_to(found.shift, output)
    return found if fits else None


def _concatenate(node: ir.Node, given: Sequence[AffineMap]) -> Combination | None:
    rank = given[0].scale.ndim
    axis = node.attributes["axis"].as_int() % rank
    lengths = []
    for each in given:
        length = None if each.x.shape is None else each.x.shape[axis]
        if not isinstance(length, int):
            return None
        lengths.append(length)
    scale = _join([each.scale for each in given], lengths, axis)
    shift = _join([each.shift for each in given], lengths, axis)
    return Combination((None,) * len(given), scale, shift)


def _join(parts: list[np.ndarray], lengths: list[int], axis: int) -> np.ndarray:
    """Concatenate numbers along an axis, along which each has one of ``lengths``."""
    others = [np.delete(part.shape, axis) for part in parts]
    common = np.broadcast_shapes(*map(tuple, others))
    pieces = []
    for part, length in zip(parts, lengths, strict=True):
        shape = (*common[:axis], length, *common[axis:])
        piece = np.broadcast_to(part, shape)
        pieces.append(piece)
    return np.concatenate(pieces, axis)


def _add(node: ir.Node, given: Sequence[AffineMap]) -> Combination | None:
    """Take a common scale out of a sum, or else leave the scales in front of it."""
    signs = [1, -1] if is_op(node, "Sub") else [1] * len(given)
    first = given[0].scale
    shift = np.zeros_like(first, shape=[1] * first.ndim)
    for each, sign in zip(given, signs, strict=True):
        shift = shift + sign * each.shift
    if all(np.array_equal(each.scale, first) for each in given):
        return Combination((None,) * len(given), first, shift)
    if not shift.any():  # the scales alone leave spikes what they are
        return None
    factors = [None if np.all(each.scale == 1) else each.scale for each in given]
    return Combination(tuple(factors), np.ones([1] * first.ndim), shift)

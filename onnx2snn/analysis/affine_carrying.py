"""Operators behind which a scale and a shift may stand as well as in front of them.

    MaxPool(s x + t) = s MaxPool(x) + t          s above 0, both the same at all positions
    Concat(s x + t, z) = [s, 1] Concat(x, z) + [t, 0]
    Pad(s x + t) = s Pad(x) + Pad(t)

A shift can become a map of numbers: what the operator gives of it is computed by running the
node on the numbers, of one sample.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import array, input_at, is_constant, is_op, is_read, rank_of
from onnx2snn.graph.affine_map import broadcasts_to, compacted, spread
from onnx2snn.graph.affine_weights import pads_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import onnx_ir as ir

    from onnx2snn.graph.affine_map import AffineMap
    from onnx2snn.graph.affine_weights import RunNode

__all__ = ["Numbers", "carry_affine"]


@dataclasses.dataclass(frozen=True, eq=False)
class Numbers:
    """A scale and a shift of a value, as numbers that broadcast to it."""

    scale: np.ndarray
    shift: np.ndarray


def carry_affine(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Return what a node that reads ``scale * x + shift`` does more than the same node of ``x``.

    Args:
        node: The node; its first input is what ``given`` computes.
        given: The scale and the shift of its first input.
        run: Runs a node.

    Returns:
        The scale and the shift of its output; None if they are not known.
    """
    rule = _rule_of(node)
    if rule is None:
        return None
    numbers = rule(node, given, run)
    if numbers is None:
        return None
    output = node.outputs[0]
    if output.dtype != given.x.dtype:
        return None
    for part in (numbers.scale, numbers.shift):
        if not part.size or not broadcasts_to(part, output):
            return None
    return numbers


_Rule: TypeAlias = "Callable[[ir.Node, AffineMap, RunNode], Numbers | None]"


def _rule_of(node: ir.Node) -> _Rule | None:
    if not is_op(node, node.op_type):
        return None
    rule = _RULES.get(node.op_type)
    if rule is not None:
        return rule
    operator = operator_of(node)
    moves_first_input = operator.moves_elements and operator.inputs == (0,)
    if moves_first_input and len(node.outputs) == 1:
        return _move
    return None


def _move(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Move the numbers as the elements are moved."""
    others = [value for value in node.inputs[1:] if value is not None]
    if not all(map(is_constant, others)):
        return None
    scale = _run_on(node, given.scale, given.x, run)
    shift = _run_on(node, given.shift, given.x, run)
    if scale is None or shift is None:
        return None
    return Numbers(scale, shift)


def _transpose(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    del run
    rank = given.scale.ndim
    backwards = range(rank - 1, -1, -1)
    order = list(node.attributes.get_ints("perm", backwards))
    scale = given.scale.transpose(order)
    shift = given.shift.transpose(order)
    return Numbers(scale, shift)


def _pool_maximum(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Keep what is the same for all elements of a maximum, and leaves their order."""
    del run
    reads_indices = any(map(is_read, node.outputs[1:]))
    keeps_order = bool(np.all(given.scale > 0))
    if reads_indices or not keeps_order:
        return None
    scale = given.scale
    shift = given.shift
    positions = range(2, scale.ndim)
    if _varies_along(scale, positions) or _varies_along(shift, positions):
        return None
    return Numbers(scale, shift)


def _pool_mean(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Keep what is the same at all positions; of a shift that is not, take the mean."""
    positions = range(2, given.scale.ndim)
    if _varies_along(given.scale, positions):
        return None
    is_uniform = not _varies_along(given.shift, positions)
    if is_uniform and not _averages_padding(node):
        return Numbers(given.scale, given.shift)
    return _keep_scale(node, given, run)


def _keep_scale(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Return the scale as it is, and what the node makes of the shift."""
    shift = _run_on(node, given.shift, given.x, run)
    return None if shift is None else Numbers(given.scale, shift)


def _averages_padding(node: ir.Node) -> bool:
    """Whether zeros around the input are averaged too."""
    counts_zeros = node.attributes.get_int("count_include_pad", 0) != 0
    return counts_zeros and pads_input(node)


def _reduce_mean(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    rank = given.scale.ndim
    axes = _axes_of(node, rank)
    if axes is None or _varies_along(given.scale, axes):
        return None
    scale = given.scale
    shift: np.ndarray | None = given.shift
    is_kept = node.attributes.get_int("keepdims", 1) != 0
    if not is_kept:
        scale = scale.squeeze(axes)
    if _varies_along(given.shift, axes):
        shift = _run_on(node, given.shift, given.x, run)
    elif not is_kept:
        shift = given.shift.squeeze(axes)
    return None if shift is None else Numbers(scale, shift)


def _axes_of(node: ir.Node, rank: int) -> tuple[int, ...] | None:
    """Return the axes that a node reduces, None if they are computed."""
    axes: Sequence[int] = node.attributes.get_ints("axes", ())
    given = input_at(node, 1)
    if given is not None:
        if not is_constant(given):
            return None
        axes = array(given).tolist()
    if not axes:
        axes = range(rank)
    return tuple(axis % rank for axis in axes)


def _resize(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Keep what is the same at all positions: each result is a mean of some of them."""
    mode = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    if mode == "tf_crop_and_resize":  # reads a number of its own outside
        return None
    positions = range(2, given.scale.ndim)
    if _varies_along(given.scale, positions):
        return None
    if not _varies_along(given.shift, positions):
        return Numbers(given.scale, given.shift)
    return _keep_scale(node, given, run)


def _pad(node: ir.Node, given: AffineMap, run: RunNode) -> Numbers | None:
    """Pad the shift; zeros around the input have no scale."""
    mode = node.attributes.get_string("mode", "constant")
    if mode != "constant":
        return _move(node, given, run)
    pads, *others = node.inputs[1:]
    if not is_constant(pads) or not all(map(_is_absent_or_zero, others)):
        return None
    amounts = array(pads).reshape(2, -1)
    if amounts.shape[1] != given.scale.ndim:  # the axes are named
        return None
    padded = np.flatnonzero(amounts.any(axis=0))
    if _varies_along(given.scale, padded):
        return None
    return _keep_scale(node, given, run)


def _is_absent_or_zero(value: ir.Value | None) -> bool:
    return value is None or (is_constant(value) and not array(value).any())


def _varies_along(numbers: np.ndarray, axes: Iterable[int]) -> bool:
    lengths = numbers.shape
    return any(lengths[axis] != 1 for axis in axes)


def _run_on(
    node: ir.Node, numbers: np.ndarray, x: ir.Value, run: RunNode
) -> np.ndarray | None:
    """Return what ``node`` makes of ``numbers``, which belong to ``x``."""
    is_one_number = numbers.size == 1
    if is_one_number and operator_of(node).rearranges:
        rank = rank_of(node.outputs[0]) or 0
        return numbers.reshape([1] * rank)
    full = spread(numbers, x)
    if full is None:
        return None
    arrays: list[np.ndarray | None] = [full]
    for value in node.inputs[1:]:
        constant = None if value is None else array(value)
        arrays.append(constant)
    result = run(node, arrays)
    if result is None or not result.size:
        return None
    return compacted(result)


_RULES: dict[str, _Rule] = {
    "AveragePool": _pool_mean,
    "GlobalAveragePool": _pool_mean,
    "GlobalMaxPool": _pool_maximum,
    "MaxPool": _pool_maximum,
    "Pad": _pad,
    "ReduceMean": _reduce_mean,
    "Resize": _resize,
    "Transpose": _transpose,
}
"""Operator to its rule; those that move elements have one in common."""

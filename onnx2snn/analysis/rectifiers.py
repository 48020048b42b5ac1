"""Recognize the nodes that a neuron of one threshold can replace, and their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.graph import array, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["clip_bound", "is_rectifier", "is_symmetric_clip", "upper_bound"]


def is_rectifier(node: ir.Node) -> bool:
    """Whether ``node`` is a Relu, or a Clip from 0 to a constant: a neuron can replace it."""
    if not is_op(node, "Clip"):
        return is_op(node, "Relu")
    if clip_bound(node, 1) != 0.0:
        return False
    is_bounded = len(node.inputs) > 2 and node.inputs[2] is not None
    if not is_bounded:
        return True
    bound = upper_bound(node)
    return bound is not None and bound > 0.0


def is_symmetric_clip(node: ir.Node) -> bool:
    """Whether ``node`` is a Clip from -c to c: a signed neuron of threshold c can replace it."""
    bound = upper_bound(node)
    if bound is None or bound <= 0.0:
        return False
    return clip_bound(node, 1) == -bound


def upper_bound(node: ir.Node) -> float | None:
    """Return the largest value that ``node`` can give, None if it has no bound."""
    if not is_op(node, "Clip"):
        return None
    return clip_bound(node, 2)


def clip_bound(node: ir.Node, position: int) -> float | None:
    """Return a constant bound of a Clip, None if it is left out or computed."""
    if len(node.inputs) <= position:
        return None
    bound = node.inputs[position]
    if not is_constant(bound):
        return None
    return float(array(bound))

"""Recognize the nodes that scale and shift each channel."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import array, is_constant, is_op

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["AFFINE", "Affine", "affine_of"]

AFFINE = ("BatchNormalization", "Mul", "Div", "Add", "Sub")
"""Operators that may be one."""


@dataclasses.dataclass(frozen=True)
class Affine:
    """A scale and a shift of each channel: ``scale * x + shift``, both [C] or [1]."""

    x: ir.Value
    scale: np.ndarray
    shift: np.ndarray


def affine_of(node: ir.Node) -> Affine | None:
    """Return what ``node`` does to each channel, None if it does anything else."""
    if is_op(node, "BatchNormalization"):
        return _read_batch_norm(node)
    x, operand = node.inputs[:2]
    is_commutative = is_op(node, "Mul", "Add")
    if is_constant(x) and is_commutative:
        x, operand = operand, x
    if x is None or is_constant(x) or not is_constant(operand):
        return None
    data = array(operand)
    values = _read_per_channel(data, x)
    if values is None or values.dtype.kind != "f":
        return None
    return _apply_operator(node, x, values)


def _apply_operator(node: ir.Node, x: ir.Value, values: np.ndarray) -> Affine | None:
    """Return what ``node`` does to ``x`` with ``values``, one for each channel."""
    if is_op(node, "Add"):
        return _shift_by(x, values)
    if is_op(node, "Sub"):
        return _shift_by(x, -values)
    if is_op(node, "Mul"):
        return _scale_by(x, values)
    if np.all(values):
        inverse = 1 / values
        return _scale_by(x, inverse)
    return None


def _shift_by(x: ir.Value, shift: np.ndarray) -> Affine:
    ones = np.ones_like(shift)
    return Affine(x, scale=ones, shift=shift)


def _scale_by(x: ir.Value, scale: np.ndarray) -> Affine:
    zeros = np.zeros_like(scale)
    return Affine(x, scale=scale, shift=zeros)


def _read_batch_norm(node: ir.Node) -> Affine | None:
    x, *parameters = node.inputs[:5]
    is_training = node.attributes.get_int("training_mode", 0) != 0
    if x is None or is_training:
        return None
    if not all(is_constant(value) for value in parameters):
        return None
    scale, bias, mean, variance = (array(value) for value in parameters)
    epsilon = node.attributes.get_float("epsilon", 1e-5)
    deviation = np.sqrt(variance + epsilon)
    s = scale / deviation
    shift = bias - s * mean
    return Affine(x, scale=s, shift=shift)


def _read_per_channel(values: np.ndarray, x: ir.Value) -> np.ndarray | None:
    """Return a constant operand as one number a channel of ``x``, None if it is more."""
    if x.shape is None:
        is_single = values.shape in {(), (1,)}
        if is_single:
            return values.reshape(1)
        return None
    rank = len(x.shape)
    if values.ndim > rank:
        return None
    if values.size == 1:
        return values.reshape(1)
    new_axes = (1,) * (rank - values.ndim)
    shape = new_axes + values.shape
    counts_last = rank == 2 or is_op(x.producer(), "MatMul")
    axis = rank - 1 if counts_last else 1
    other_lengths = shape[:axis] + shape[axis + 1 :]
    is_per_channel = all(length == 1 for length in other_lengths)
    if is_per_channel:
        return values.reshape(-1)
    return None

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
    """What a node does to each channel: ``scale * x + shift``, both [C] or [1]."""

    x: ir.Value
    scale: np.ndarray
    shift: np.ndarray


def affine_of(node: ir.Node) -> Affine | None:
    """Return what ``node`` does to each channel, None if it does anything else."""
    if is_op(node, "BatchNormalization"):
        return _batch_norm(node)
    x, operand = node.inputs[:2]
    if is_constant(x) and is_op(node, "Mul", "Add"):
        x, operand = operand, x
    if x is None or not is_constant(operand) or is_constant(x):
        return None
    values = _per_channel(array(operand), x)
    if values is None or values.dtype.kind != "f":
        return None
    if is_op(node, "Add", "Sub"):
        shift = values if is_op(node, "Add") else -values
        return Affine(x, np.ones_like(values), shift)
    if is_op(node, "Div") and not np.all(values):
        return None
    scale = values if is_op(node, "Mul") else 1 / values
    return Affine(x, scale.astype(values.dtype), np.zeros_like(values))


def _batch_norm(node: ir.Node) -> Affine | None:
    x, *parameters = node.inputs[:5]
    training = node.attributes.get_int("training_mode", 0)
    if x is None or training or not all(map(is_constant, parameters)):
        return None
    scale, bias, mean, var = (array(value) for value in parameters)
    s = scale / np.sqrt(var + node.attributes.get_float("epsilon", 1e-5))
    return Affine(x, s, bias - s * mean)


def _per_channel(values: np.ndarray, x: ir.Value) -> np.ndarray | None:
    """Return a constant operand as one number a channel of ``x``, None if it is more."""
    if x.shape is None or values.ndim > len(x.shape):
        return (
            values.reshape(1)
            if values.shape in {(), (1,)} and x.shape is None
            else None
        )
    if values.size == 1:
        return values.reshape(1)
    rank = len(x.shape)
    shape = (1,) * (rank - values.ndim) + values.shape
    axis = rank - 1 if rank == 2 or is_op(x.producer(), "MatMul") else 1
    rest = shape[:axis] + shape[axis + 1 :]
    return values.reshape(-1) if all(length == 1 for length in rest) else None

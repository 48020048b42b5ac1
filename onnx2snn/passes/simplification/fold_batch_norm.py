"""Fold BatchNormalization, and what exporters write in its place, into the weights."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    has_one_reader,
    is_constant,
    is_op,
    remove_unused,
    replace_node,
)
from onnx2snn.graph.affine import AFFINE, Affine, affine_of
from onnx2snn.metadata.normal import Normal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FoldBatchNorm"]


@dataclasses.dataclass(frozen=True)
class FoldBatchNorm(ir.passes.InPlacePass):
    """Fold a scale and a shift of each channel into the weights next to them.

    With ``s = scale / sqrt(var + epsilon)``, one value a channel:

        before:  y = BatchNormalization(Conv(x, W, B), scale, bias, mean, var)
        after:   y = Conv(x, s * W, s * (B - mean) + bias)

    A Mul, Div, Add or Sub by a constant of the channel is folded alike. The weights may be
    those of Conv, ConvTranspose (with groups), Gemm, or MatMul; a MatMul keeps its shift as
    an Add. A normalization with no weights before it goes into the Conv, Gemm or MatMul
    behind it:

        before:  y = Conv(BatchNormalization(x, scale, bias, mean, var), W, B)
        after:   y = Conv(x, s * W, B + sum of W * (bias - s * mean))

    Exact up to rounding. The distribution N(bias, scale^2) that a BatchNormalization states
    for its output is noted on the output, for the pass ``calibrate``.

    Left alone: a value with another reader; a parameter that is not constant, or is not one
    number a channel; a normalization in training mode; behind it, a Conv that pads (unless
    the shift is 0), has groups, or is a ConvTranspose.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in the main graph."""
        modified = False
        for node in list(model.graph):
            if is_op(node, *AFFINE) and node.graph is not None:
                modified = _fold(node) or modified
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _fold(node: ir.Node) -> bool:
    affine = affine_of(node)
    if affine is None:
        return False
    before, output = affine.x.producer(), node.outputs[0]
    if has_one_reader(affine.x) and before is not None and is_op(before, *_BACK):
        normal = Normal.of(output)
        fused = _BACK[before.op_type](before, node, affine)
        if fused is not None and normal is not None:
            normal.note(fused.outputs[0])
        return fused is not None
    if is_op(node, "BatchNormalization") and has_one_reader(output):
        return _fold_forward(node, next(iter(output.uses())).node, affine)
    return False


def _fold_into_conv(before: ir.Node, node: ir.Node, affine: Affine) -> ir.Node | None:
    weight = before.inputs[1]
    group = before.attributes.get_int("group", 1)
    if not _has_constant_weights(before):
        return None
    w = array(weight)
    if is_op(before, "Conv"):
        channels, shape = w.shape[0], (-1, *[1] * (w.ndim - 1))
        new_weight = w * affine.scale.reshape(shape)
    else:
        channels = w.shape[1] * group
        if affine.scale.size not in {1, channels}:
            return None
        s = np.broadcast_to(affine.scale, channels).reshape(group, 1, w.shape[1], 1)
        new_weight = (w.reshape(group, -1, w.shape[1], w[0, 0].size) * s).reshape(
            w.shape
        )
    return _replace_weights(before, node, affine, new_weight, channels)


def _fold_into_gemm(before: ir.Node, node: ir.Node, affine: Affine) -> ir.Node | None:
    if (
        not _has_constant_weights(before)
        or before.attributes.get_float("beta", 1.0) != 1.0
    ):
        return None
    w = array(before.inputs[1])
    transposed = before.attributes.get_int("transB", 0)
    channels = w.shape[0] if transposed else w.shape[1]
    if affine.scale.size not in {1, channels}:
        return None
    s = np.broadcast_to(affine.scale, channels)
    return _replace_weights(
        before, node, affine, w * (s[:, None] if transposed else s), channels
    )


def _fold_into_matmul(before: ir.Node, node: ir.Node, affine: Affine) -> ir.Node | None:
    graph, weight = node.graph, before.inputs[1]
    rank_two = (
        weight is not None and weight.shape is not None and len(weight.shape) == 2
    )
    if is_op(node, "BatchNormalization") and (
        affine.x.shape is None or len(affine.x.shape) != 2
    ):
        return None
    if (
        graph is None
        or not is_constant(weight)
        or not rank_two
        or np.all(affine.scale == 1)
    ):
        return None
    w = array(weight)
    name = node.outputs[0].name
    new_weight = constant(graph, f"{name}.weight", (w * affine.scale).astype(w.dtype))
    matmul = ir.node(
        "MatMul", [before.inputs[0], new_weight], name=display_name(before)
    )
    if not np.any(affine.shift):
        replace_node(node, matmul, dead=(before,))
        return matmul
    product = NodeBuilder.before(node).put(matmul, f"{name}.product", like=affine.x)
    shift = constant(graph, f"{name}.bias", affine.shift.astype(w.dtype))
    shifted = ir.node("Add", [product, shift])
    replace_node(node, shifted, dead=(before,))
    return shifted


_BACK: dict[str, Callable[[ir.Node, ir.Node, Affine], ir.Node | None]] = {
    "Conv": _fold_into_conv,
    "ConvTranspose": _fold_into_conv,
    "Gemm": _fold_into_gemm,
    "MatMul": _fold_into_matmul,
}


def _has_constant_weights(node: ir.Node) -> bool:
    operands = node.inputs[1:]
    if not all(operand is None or is_constant(operand) for operand in operands):
        return False
    return len(operands) < 2 or operands[1] is None or array(operands[1]).ndim <= 1


def _replace_weights(
    before: ir.Node,
    node: ir.Node,
    affine: Affine,
    new_weight: np.ndarray,
    channels: int,
) -> ir.Node | None:
    graph = node.graph
    if graph is None or affine.scale.size not in {1, channels}:
        return None
    dtype = new_weight.dtype
    has_bias = len(before.inputs) > 2 and before.inputs[2] is not None
    bias = array(before.inputs[2]) if has_bias else np.zeros(channels, dtype)
    new_bias = np.broadcast_to(affine.scale * bias + affine.shift, channels)
    name = node.outputs[0].name
    weight = array(before.inputs[1])
    parameters = [
        constant(graph, f"{name}.weight", new_weight.astype(weight.dtype)),
        constant(graph, f"{name}.bias", new_bias.astype(weight.dtype)),
    ]
    fused = ir.node(
        before.op_type,
        [before.inputs[0], *parameters],
        before.attributes,
        name=display_name(before),
    )
    replace_node(node, fused, dead=(before,))
    return fused


def _fold_forward(node: ir.Node, reader: ir.Node, affine: Affine) -> bool:
    graph = node.graph
    if (
        graph is None
        or reader.inputs[0] is not node.outputs[0]
        or not _takes_affine(reader, affine)
    ):
        return False
    w = array(reader.inputs[1])
    features_first = is_op(reader, "MatMul") or (
        is_op(reader, "Gemm") and not reader.attributes.get_int("transB", 0)
    )
    axis = 0 if features_first else 1
    if affine.scale.size not in {1, w.shape[axis]}:
        return False
    along = [1] * w.ndim
    along[axis] = -1
    others = tuple(a for a in range(w.ndim) if a != 1 - axis)
    shift = (w * affine.shift.reshape(along)).sum(axis=others)
    name = reader.outputs[0].name
    weight = constant(
        graph, f"{name}.weight", (w * affine.scale.reshape(along)).astype(w.dtype)
    )
    old_bias = reader.inputs[2] if len(reader.inputs) > 2 else None
    bias = shift if old_bias is None else array(old_bias) + shift
    inputs = [affine.x, weight, constant(graph, f"{name}.bias", bias.astype(w.dtype))]
    op = "Gemm" if is_op(reader, "MatMul") else reader.op_type  # a MatMul has no bias
    fused = ir.node(op, inputs, reader.attributes, name=display_name(reader))
    replace_node(reader, fused, dead=(node,))
    return True


def _takes_affine(reader: ir.Node, affine: Affine) -> bool:
    if not _has_constant_weights(reader):
        return False
    if is_op(reader, "Gemm"):
        plain = (
            reader.attributes.get_float("alpha", 1.0),
            reader.attributes.get_float("beta", 1.0),
        )
        return plain == (1.0, 1.0) and not reader.attributes.get_int("transA", 0)
    if is_op(reader, "MatMul"):
        return affine.x.shape is not None and len(affine.x.shape) == 2
    if not is_op(reader, "Conv") or reader.attributes.get_int("group", 1) != 1:
        return False
    pads = reader.attributes.get_ints("pads", ())
    automatic = reader.attributes.get_string("auto_pad", "NOTSET") not in {
        "NOTSET",
        "VALID",
    }
    return not np.any(affine.shift) or not (any(pads) or automatic)

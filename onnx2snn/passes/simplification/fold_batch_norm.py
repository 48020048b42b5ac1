"""Fold BatchNormalization, and what exporters write in its place, into the weights."""

from __future__ import annotations

from dataclasses import dataclass
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
from onnx2snn.graph.linear_weights import (
    build_with_weights,
    count_groups,
    count_output_channels,
    has_constant_weights,
    output_axis,
    read_bias,
    scale_outputs,
)
from onnx2snn.graph.quantization import along_axis
from onnx2snn.metadata.normal import NORMAL, Normal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FoldBatchNorm"]


@dataclass(frozen=True)
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
    for its output becomes metadata of the output, for the pass ``calibrate``.

    Left as they are: a value with another reader; a parameter that is not constant, or is not
    one number a channel; a normalization in training mode; a Gemm with ``beta``, or behind the
    normalization with ``alpha`` or ``transA``; a MatMul with a normalization of anything but a
    matrix, or whose product is only shifted; behind a normalization, a Conv that pads (unless
    the shift is 0), has groups, or is a ConvTranspose.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold in the main graph."""
        modified = False
        for node in tuple(model.graph):
            is_gone = node.graph is None  # folded with one in front of it
            if is_gone or not is_op(node, *AFFINE):
                continue
            if _fold_affine(node):
                modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _fold_affine(node: ir.Node) -> bool:
    """Fold a node into the weights before it, or else behind it; whether that was done."""
    affine = affine_of(node)
    if affine is None:
        return False
    before = affine.x.producer()
    if is_op(before, *_WEIGHTED) and has_one_reader(affine.x):
        assert before is not None
        return _fold_backward(before, node, affine)
    output = node.outputs[0]
    if is_op(node, "BatchNormalization") and has_one_reader(output):
        (use,) = output.uses()
        return _fold_forward(node, use.node, affine)
    return False


def _fold_backward(before: ir.Node, node: ir.Node, affine: Affine) -> bool:
    normal = Normal.of(node.outputs[0])
    if is_op(before, "MatMul"):
        fused = _fold_into_matmul(before, node, affine)
    else:
        fused = _fold_into_weights_and_bias(before, node, affine)
    if fused is None:
        return False
    if normal is not None:
        NORMAL.write(fused.outputs[0], normal)
    return True


def _fold_into_weights_and_bias(
    before: ir.Node, node: ir.Node, affine: Affine
) -> ir.Node | None:
    """Return what replaces a Conv, ConvTranspose or Gemm and the node behind it."""
    if not has_constant_weights(before):
        return None
    bias_factor = before.attributes.get_float("beta", 1.0)
    if is_op(before, "Gemm") and bias_factor != 1.0:
        return None
    channels = count_output_channels(before)
    if affine.scale.size not in {1, channels}:
        return None
    scale = np.broadcast_to(affine.scale, channels)
    scaled = scale_outputs(before, scale)
    old_bias = read_bias(before)
    if old_bias is None:
        old_bias = np.zeros(channels, scaled.dtype)
    new_bias = affine.scale * old_bias + affine.shift
    bias = np.broadcast_to(new_bias, channels)
    name = node.outputs[0].name
    fused = build_with_weights(before, scaled, bias, name)
    replace_node(node, fused, dead=(before,))
    return fused


def _fold_into_matmul(before: ir.Node, node: ir.Node, affine: Affine) -> ir.Node | None:
    """Return what replaces a MatMul and the node behind it: a MatMul, and for a shift an Add."""
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    if is_op(node, "BatchNormalization") and not _is_matrix(affine.x):
        return None
    if not is_constant(before.inputs[1]):
        return None
    weight = array(before.inputs[1])
    has_only_shift = np.all(affine.scale == 1)
    if weight.ndim != 2 or has_only_shift:
        return None
    name = node.outputs[0].name
    dtype = weight.dtype
    scaled = weight * affine.scale
    new_weight = constant(graph, f"{name}.weight", scaled.astype(dtype))
    x = before.inputs[0]
    matmul = ir.node("MatMul", [x, new_weight])
    matmul.name = display_name(before)
    if not np.any(affine.shift):
        replace_node(node, matmul, dead=(before,))
        return matmul
    builder = NodeBuilder.before(node)
    product = builder.put(matmul, f"{name}.product", like=affine.x)
    shift = constant(graph, f"{name}.bias", affine.shift.astype(dtype))
    shifted = ir.node("Add", [product, shift])
    replace_node(node, shifted, dead=(before,))
    return shifted


def _fold_forward(norm: ir.Node, reader: ir.Node, affine: Affine) -> bool:
    """Fold a normalization into the weights of what reads it; whether that was done."""
    if not _takes_in(reader, norm, affine):
        return False
    w = array(reader.inputs[1])
    channel_axis = output_axis(reader)
    input_axis = 1 - channel_axis
    if affine.scale.size not in {1, w.shape[input_axis]}:
        return False
    scale = along_axis(affine.scale, input_axis, w.ndim)
    shift = along_axis(affine.shift, input_axis, w.ndim)
    scaled = w * scale
    summed_axes = [axis for axis in range(w.ndim) if axis != channel_axis]
    bias = np.sum(w * shift, axis=tuple(summed_axes))
    old_bias = read_bias(reader)
    if old_bias is not None:
        bias = old_bias + bias
    name = reader.outputs[0].name
    fused = build_with_weights(reader, scaled, bias, name)
    fused.replace_input_with(0, affine.x)
    if is_op(fused, "MatMul"):
        fused.op_type = "Gemm"  # a MatMul has no bias
    replace_node(reader, fused, dead=(norm,))
    return True


def _takes_in(reader: ir.Node, norm: ir.Node, affine: Affine) -> bool:
    """Whether the weights of ``reader`` are known, and multiply the normalization alone."""
    if not is_op(reader, *_ACCEPTS_AFFINE):
        return False
    data = reader.inputs[0]
    if data is not norm.outputs[0]:
        return False
    if not has_constant_weights(reader):
        return False
    accepts_affine = _ACCEPTS_AFFINE[reader.op_type]
    return accepts_affine(reader, affine)


def _conv_accepts_affine(conv: ir.Node, affine: Affine) -> bool:
    """Whether a Conv has one group, and pads nothing that should be shifted."""
    if count_groups(conv) != 1:
        return False
    if not np.any(affine.shift):
        return True
    padding = conv.attributes.get_string("auto_pad", "NOTSET")
    if padding not in {"NOTSET", "VALID"}:
        return False
    pads = conv.attributes.get_ints("pads", ())
    return not any(pads)


def _gemm_accepts_affine(gemm: ir.Node, _: Affine) -> bool:
    """Whether a Gemm multiplies by nothing but its weights."""
    numbers = gemm.attributes
    for factor in ("alpha", "beta"):
        if numbers.get_float(factor, 1.0) != 1.0:
            return False
    return numbers.get_int("transA", 0) == 0


def _matmul_accepts_affine(_: ir.Node, affine: Affine) -> bool:
    """Whether a MatMul can be a Gemm, which has a bias."""
    return _is_matrix(affine.x)


def _is_matrix(value: ir.Value) -> bool:
    if value.shape is None:
        return False
    return len(value.shape) == 2


_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators that take in a scale and a shift behind them."""

_ACCEPTS_AFFINE: dict[str, Callable[[ir.Node, Affine], bool]] = {
    "Conv": _conv_accepts_affine,
    "Gemm": _gemm_accepts_affine,
    "MatMul": _matmul_accepts_affine,
}
"""Operator that may take in a normalization before it, to whether one of its nodes can."""

"""The rules for operators with weights: convolutions and products of matrices."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Axes, Real
from onnx2snn.compilation.geometry import full_geometry, is_explicit
from onnx2snn.graph import array, is_constant
from onnx2snn.graph.linear_weights import count_groups, read_bias
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.compilation.compiler import Compiler
    from onnx2snn.compilation.forms import Packed
    from onnx2snn.graph.building import Attribute

__all__ = ["compile_convolution", "compile_gemm", "compile_matmul"]

_LARGEST = 127
"""The largest int8, on either side of 0."""


def compile_convolution(compiler: Compiler, node: ir.Node) -> bool:
    """Let a convolution of spikes multiply int8."""
    spikes = compiler.values.packed(node.inputs[0])
    if spikes is None or not is_explicit(node) or not _has_constants(node):
        return False
    spikes = compiler.values.in_order(spikes, channels_last=True)
    if not spikes.axes.channels_last:
        return False
    weights = _fold_units_of_channels(node, spikes)
    bias = _bias_of(node, weights.shape[0])
    geometry = full_geometry(node, axes=weights.ndim - 2)
    geometry["group"] = count_groups(node)
    weighted = _Weighted("SpikeConv", weights, bias, output_axis=0, attributes=geometry)
    _add_weighted(compiler, node, spikes, weighted)
    return True


def _has_constants(node: ir.Node) -> bool:
    """Whether weights and bias are constant numbers of 32 bits."""
    operands = [value for value in node.inputs[1:] if value is not None]
    return all(
        is_constant(value) and value.dtype is ir.DataType.FLOAT for value in operands
    )


def _fold_units_of_channels(node: ir.Node, spikes: Packed) -> np.ndarray:
    """Return the weights of a convolution times the units of the spikes they multiply."""
    weights = array(node.inputs[1])
    if spikes.scale.ndim == 0:
        return np.asarray(weights * spikes.scale)
    groups = count_groups(node)
    inputs, outputs = weights.shape[1], weights.shape[0]
    units = np.repeat(spikes.scale.reshape(groups, inputs), outputs // groups, axis=0)
    return np.asarray(
        weights * units.reshape(outputs, inputs, *[1] * (weights.ndim - 2))
    )


def _bias_of(node: ir.Node, outputs: int) -> np.ndarray:
    bias = read_bias(node)
    return np.zeros(outputs, np.float32) if bias is None else bias.reshape(-1)


def compile_gemm(compiler: Compiler, node: ir.Node) -> bool:
    """Let a Gemm of spikes by a constant multiply int8."""
    spikes = compiler.values.packed(node.inputs[0])
    is_transposed = node.attributes.get_int("transA", 0) != 0
    if spikes is None or is_transposed or not _has_constants(node):
        return False
    weights = array(node.inputs[1]) * np.float32(
        node.attributes.get_float("alpha", 1.0)
    )
    if node.attributes.get_int("transB", 0):
        weights = weights.T
    outputs = weights.shape[1]
    bias = _bias_of(node, outputs) * np.float32(node.attributes.get_float("beta", 1.0))
    if bias.size not in (1, outputs):
        return False
    bias = np.broadcast_to(bias, outputs)
    return _add_product(compiler, node, spikes, weights, np.asarray(bias))


def compile_matmul(compiler: Compiler, node: ir.Node) -> bool:
    """Let a product of spikes by a constant matrix multiply int8."""
    spikes = compiler.values.packed(node.inputs[0])
    if spikes is None or not _has_constants(node) or array(node.inputs[1]).ndim != 2:
        return False
    weights = array(node.inputs[1])
    bias = np.zeros(weights.shape[1], np.float32)
    return _add_product(compiler, node, spikes, weights, bias)


def _add_product(
    compiler: Compiler,
    node: ir.Node,
    spikes: Packed,
    weights: np.ndarray,
    bias: np.ndarray,
) -> bool:
    """Add a product along the last axis of the emitted network; whether there is one."""
    spikes = compiler.values.in_order(spikes, channels_last=False)
    if spikes.axes.is_moved:
        return False
    units = spikes.scale.reshape(-1, 1) if spikes.scale.ndim else spikes.scale
    weights = np.asarray(weights * units)
    _add_weighted(compiler, node, spikes, _Weighted("SpikeMatMul", weights, bias, 1))
    return True


@dataclasses.dataclass(frozen=True, eq=False)
class _Weighted:
    """An operator of the library with weights.

    Attributes:
        op: Its type.
        weights: Its weights, in float.
        bias: Its bias, a number for each output.
        output_axis: The axis of the weights along which the outputs lie.
        attributes: Its attributes.
    """

    op: str
    weights: np.ndarray
    bias: np.ndarray
    output_axis: int
    attributes: Mapping[str, Attribute] = dataclasses.field(default_factory=dict)


def _add_weighted(
    compiler: Compiler, node: ir.Node, spikes: Packed, weighted: _Weighted
) -> None:
    """Add an operator of the library that multiplies spikes, in the place of ``node``."""
    values = compiler.values
    weights, axis = weighted.weights, weighted.output_axis
    name = str(node.outputs[0].name)
    if compiler.weights == "int8":
        weights, scale = _quantized(weights, axis)
    else:
        scale = np.ones(weights.shape[axis], np.float32)
    inputs = [
        spikes.value,
        values.constant(f"{name}.weights", np.ascontiguousarray(weights)),
        values.constant(f"{name}.weight_scale", scale),
        values.constant(f"{name}.bias", np.asarray(weighted.bias, np.float32)),
    ]
    new = ir.node(weighted.op, inputs, dict(weighted.attributes), domain=DOMAIN)
    new.name = node.name
    result = values.builder.put(new, f"{name}.compiled")
    result.type = ir.TensorType(ir.DataType.FLOAT)
    axes = Axes(spikes.axes.rank, spikes.axes.channels_last)
    values.put(node.outputs[0], Real(result, axes))


def _quantized(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights as int8, and the scale of each output."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest, 1) / _LARGEST
    whole = np.rint(weights / scale)
    return whole.astype(np.int8), scale.reshape(-1).astype(np.float32)

"""The rules for operators with weights: convolutions and products of matrices."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Real
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
    values = compiler.values
    spikes = values.packed(node.inputs[0])
    if spikes is None or not is_explicit(node) or not _has_constants(node):
        return False
    spikes = values.in_order(spikes, channels_last=True)
    if not spikes.axes.channels_last:
        return False
    weights = _fold_units_of_channels(node, spikes)
    outputs = weights.shape[0]
    bias = _bias_of(node, outputs)
    spatial_axes = weights.ndim - 2
    geometry = full_geometry(node, spatial_axes)
    geometry["group"] = count_groups(node)
    weighted = _Weighted("SpikeConv", weights, bias, output_axis=0, attributes=geometry)
    _add_weighted(compiler, node, spikes, weighted)
    return True


def _has_constants(node: ir.Node) -> bool:
    """Whether weights and bias are constant numbers of 32 bits."""
    operands = [value for value in node.inputs[1:] if value is not None]
    are_floats = all(value.dtype is ir.DataType.FLOAT for value in operands)
    return are_floats and all(map(is_constant, operands))


def _fold_units_of_channels(node: ir.Node, spikes: Packed) -> np.ndarray:
    """Return the weights of a convolution times the units of the spikes they multiply."""
    weights = array(node.inputs[1])
    if spikes.scale.ndim == 0:
        return np.asarray(weights * spikes.scale)
    groups = count_groups(node)
    outputs, inputs, *kernel = weights.shape
    in_groups = spikes.scale.reshape(groups, inputs)
    outputs_a_group = outputs // groups
    units = np.repeat(in_groups, outputs_a_group, axis=0)
    at_all_places = [1] * len(kernel)
    factors = units.reshape(outputs, inputs, *at_all_places)
    return np.asarray(weights * factors)


def _bias_of(node: ir.Node, outputs: int) -> np.ndarray:
    bias = read_bias(node)
    return np.zeros(outputs, np.float32) if bias is None else bias.reshape(-1)


def compile_gemm(compiler: Compiler, node: ir.Node) -> bool:
    """Let a Gemm of spikes by a constant multiply int8."""
    attributes = node.attributes
    spikes = compiler.values.packed(node.inputs[0])
    is_transposed = attributes.get_int("transA", 0) != 0
    if spikes is None or is_transposed or not _has_constants(node):
        return False
    alpha = attributes.get_float("alpha", 1.0)
    beta = attributes.get_float("beta", 1.0)
    weights = array(node.inputs[1]) * np.float32(alpha)
    if attributes.get_int("transB", 0):
        weights = weights.T
    outputs = weights.shape[1]
    bias = _bias_of(node, outputs) * np.float32(beta)
    if bias.size not in (1, outputs):
        return False
    biases = np.asarray(np.broadcast_to(bias, outputs))
    return _add_product(compiler, node, spikes, weights, biases)


def compile_matmul(compiler: Compiler, node: ir.Node) -> bool:
    """Let a product of spikes by a constant matrix multiply int8."""
    spikes = compiler.values.packed(node.inputs[0])
    if spikes is None or not _has_constants(node):
        return False
    weights = array(node.inputs[1])
    is_matrix = weights.ndim == 2
    if not is_matrix:
        return False
    outputs = weights.shape[1]
    bias = np.zeros(outputs, np.float32)
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
    units = spikes.scale
    if units.ndim:
        units = units.reshape(-1, 1)
    scaled = np.asarray(weights * units)
    weighted = _Weighted("SpikeMatMul", scaled, bias, output_axis=1)
    _add_weighted(compiler, node, spikes, weighted)
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
    output = node.outputs[0]
    weights = weighted.weights
    axis = weighted.output_axis
    bias = np.asarray(weighted.bias, np.float32)
    if compiler.weights == "int8":
        weights, scale = _quantized(weights, axis)
    else:
        outputs = weights.shape[axis]
        scale = np.ones(outputs, np.float32)
    in_rows = np.ascontiguousarray(weights)
    inputs = [
        spikes.value,
        values.constant(f"{output.name}.weights", in_rows),
        values.constant(f"{output.name}.weight_scale", scale),
        values.constant(f"{output.name}.bias", bias),
    ]
    attributes = dict(weighted.attributes)
    new = ir.node(weighted.op, inputs, attributes, domain=DOMAIN)
    new.name = node.name
    result = values.builder.put(new, f"{output.name}.compiled")
    result.type = ir.TensorType(ir.DataType.FLOAT)
    values.put(output, Real(result, spikes.axes))


def _quantized(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights as int8, and the scale of each output."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    magnitudes = np.abs(weights)
    largest = magnitudes.max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest, 1) / _LARGEST
    whole = np.rint(weights / scale)
    scales = scale.reshape(-1).astype(np.float32)
    return whole.astype(np.int8), scales

"""The rules for operators with weights: convolutions and products of matrices."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.compilation.forms import Packed, Real
from onnx2snn.compilation.geometry import full_geometry, is_explicit
from onnx2snn.compilation.naming import REAL, SPIKE
from onnx2snn.graph import array, is_constant
from onnx2snn.graph.linear_weights import count_groups, output_axis, read_bias
from onnx2snn.graph.rounding import RoundedWeights, is_rounded
from onnx2snn.methods.weight_types import INT8
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.compilation.compiler import Compiler
    from onnx2snn.graph.building import Attribute

    _Weights: TypeAlias = np.ndarray | RoundedWeights

__all__ = [
    "Weighted",
    "add_weighted",
    "bias_of",
    "compile_convolution",
    "compile_gemm",
    "compile_matmul",
    "floats_of",
    "has_constants",
    "rounded_in_units",
    "stream_of",
    "units_of",
]

_ONE = np.asarray(1, np.float32)


def compile_convolution(compiler: Compiler, node: ir.Node) -> bool:
    """Let a convolution of a stream multiply as few bits as will do."""
    is_clear = is_explicit(node) and has_constants(node)
    stream = stream_of(compiler, node, channels_last=True) if is_clear else None
    if stream is None or not stream.axes.channels_last:
        return False
    weights: _Weights | None = rounded_in_units(node, stream, output_axis=0)
    if weights is None:
        weights = _fold_units_of_channels(node, stream)
    outputs = weights.shape[0]
    bias = bias_of(node, outputs)
    spatial_axes = len(weights.shape) - 2
    geometry = full_geometry(node, spatial_axes)
    geometry["group"] = count_groups(node)
    weighted = Weighted("Conv", weights, bias, output_axis=0, attributes=geometry)
    add_weighted(compiler, node, stream, weighted)
    return True


def stream_of(
    compiler: Compiler, node: ir.Node, *, channels_last: bool
) -> Packed | Real | None:
    """Return what weights multiply: spikes, or a sum; None if it is no stream.

    Spikes are put in the order of axes that is asked for, if that can be.
    """
    values = compiler.values
    form = values.terms(node.inputs[0])
    if isinstance(form, Packed):
        return values.in_order(form, channels_last=channels_last)
    return None if form is None else values.sum_of(form)


def has_constants(node: ir.Node) -> bool:
    """Whether weights and bias are constant numbers of 32 bits, or rounded weights."""
    operands = [value for value in node.inputs[1:] if value is not None]
    are_floats = all(value.dtype is ir.DataType.FLOAT for value in operands)
    return are_floats and all(map(_is_known, operands))


def _is_known(value: ir.Value) -> bool:
    return is_constant(value) or is_rounded(value)


def units_of(stream: Packed | Real) -> np.ndarray:
    """Return what the numbers of a stream stand for, one number or one for each channel."""
    return stream.scale if isinstance(stream, Packed) else _ONE


def rounded_in_units(
    node: ir.Node, stream: Packed | Real, output_axis: int
) -> RoundedWeights | None:
    """Return the rounded weights of a node times the unit of the stream, exactly.

    None if its weights are no rounded ones, or the units of channels differ.
    """
    rounded = RoundedWeights.read(node.inputs[1])
    if rounded is None or rounded.axis != output_axis:
        return None
    scale = units_of(stream)
    units = np.unique(scale[scale != 0])  # 0: no spike is there
    return rounded.times(units[0]) if units.size == 1 else None


def floats_of(node: ir.Node) -> np.ndarray:
    """Return the weights of a node, whatever they are made of."""
    rounded = RoundedWeights.read(node.inputs[1])
    return array(node.inputs[1]) if rounded is None else rounded.values()


def _fold_units_of_channels(node: ir.Node, stream: Packed | Real) -> np.ndarray:
    """Return the weights of a convolution times the units of what they multiply."""
    weights = floats_of(node)
    scale = units_of(stream)
    if scale.ndim == 0:
        return np.asarray(weights * scale)
    groups = count_groups(node)
    outputs, inputs, *kernel = weights.shape
    in_groups = scale.reshape(groups, inputs)
    outputs_a_group = outputs // groups
    units = np.repeat(in_groups, outputs_a_group, axis=0)
    at_all_places = [1] * len(kernel)
    factors = units.reshape(outputs, inputs, *at_all_places)
    return np.asarray(weights * factors)


def bias_of(node: ir.Node, outputs: int) -> np.ndarray:
    """Return the bias of a node, zeros if it has none."""
    bias = read_bias(node)
    return np.zeros(outputs, np.float32) if bias is None else bias.reshape(-1)


def compile_gemm(compiler: Compiler, node: ir.Node) -> bool:
    """Let a Gemm of a stream by a constant multiply as few bits as will do."""
    attributes = node.attributes
    is_transposed = attributes.get_int("transA", 0) != 0
    is_stream = compiler.values.terms(node.inputs[0]) is not None
    if not is_stream or is_transposed or not has_constants(node):
        return False
    outputs = _count_columns(node)
    beta = attributes.get_float("beta", 1.0)
    bias = bias_of(node, outputs) * np.float32(beta)
    if bias.size not in (1, outputs):
        return False
    biases = np.asarray(np.broadcast_to(bias, outputs))
    return _add_product(compiler, node, biases)


def compile_matmul(compiler: Compiler, node: ir.Node) -> bool:
    """Let a product of a stream by a constant matrix multiply as few bits as will do."""
    is_stream = compiler.values.terms(node.inputs[0]) is not None
    if not is_stream or not has_constants(node):
        return False
    is_matrix = floats_of(node).ndim == 2
    if not is_matrix:
        return False
    outputs = _count_columns(node)
    bias = np.zeros(outputs, np.float32)
    return _add_product(compiler, node, bias)


def _count_columns(node: ir.Node) -> int:
    """Return how many outputs a product of matrices has."""
    weights = floats_of(node)
    return int(weights.shape[output_axis(node)])


def _add_product(compiler: Compiler, node: ir.Node, bias: np.ndarray) -> bool:
    """Add a product along the last axis of the emitted network; whether there is one."""
    stream = stream_of(compiler, node, channels_last=False)
    if stream is None or stream.axes.is_moved:
        return False
    weights = _matrix_in_units(node, stream)
    weighted = Weighted("MatMul", weights, bias, output_axis=1)
    add_weighted(compiler, node, stream, weighted)
    return True


def _matrix_in_units(node: ir.Node, stream: Packed | Real) -> _Weights:
    """Return the weights of a Gemm or MatMul, inputs first, times the units of the stream."""
    factor = np.float32(node.attributes.get_float("alpha", 1.0))
    outputs_first = output_axis(node) == 0
    rounded = rounded_in_units(node, stream, output_axis(node))
    if rounded is not None:
        turned = rounded.transposed() if outputs_first else rounded
        return turned.times(factor)
    weights = floats_of(node) * factor
    if outputs_first:
        weights = weights.T
    scale = units_of(stream)
    units = scale.reshape(-1, 1) if scale.ndim else scale
    return np.asarray(weights * units)


@dataclasses.dataclass(frozen=True, eq=False)
class Weighted:
    """An operator of the library with weights.

    Attributes:
        op: What it is: ``Conv`` or ``MatMul``.
        weights: Its weights.
        bias: Its bias, a number for each output.
        output_axis: The axis of the weights along which the outputs lie.
        attributes: Its attributes.
    """

    op: str
    weights: _Weights
    bias: np.ndarray
    output_axis: int
    attributes: Mapping[str, Attribute] = dataclasses.field(default_factory=dict)


def add_weighted(
    compiler: Compiler, node: ir.Node, stream: Packed | Real, weighted: Weighted
) -> None:
    """Add an operator of the library that multiplies a stream, in the place of ``node``."""
    values = compiler.values
    output = node.outputs[0]
    weights = _weights_for(compiler, stream, weighted)
    axis = weighted.output_axis
    bias = np.asarray(weighted.bias, np.float32)
    if isinstance(weights, RoundedWeights):
        numbers, scale = weights.whole, weights.scale
    else:
        outputs = weights.shape[axis]
        numbers, scale = weights, np.ones(outputs, np.float32)
    in_rows = np.ascontiguousarray(numbers)
    inputs = [
        stream.value,
        values.constant(f"{output.name}.weights", in_rows),
        values.constant(f"{output.name}.weight_scale", scale),
        values.constant(f"{output.name}.bias", bias),
    ]
    attributes = dict(weighted.attributes)
    kind = SPIKE if isinstance(stream, Packed) else REAL
    new = ir.node(f"{kind}{weighted.op}", inputs, attributes, domain=DOMAIN)
    new.name = node.name
    result = values.builder.put(new, f"{output.name}.compiled")
    result.type = ir.TensorType(ir.DataType.FLOAT)
    values.put(output, Real(result, stream.axes))


def _weights_for(
    compiler: Compiler, stream: Packed | Real, weighted: Weighted
) -> _Weights:
    """Return weights as they are multiplied: those of spikes rounded, if that is wanted."""
    weights = weighted.weights
    is_rounding = compiler.weights == INT8 and isinstance(stream, Packed)
    if is_rounding and isinstance(weights, np.ndarray):
        return RoundedWeights.of(weights, weighted.output_axis)
    return weights

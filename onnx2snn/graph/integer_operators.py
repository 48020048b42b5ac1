"""The float form of every integer operator, between quantizers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.graph import array, is_constant, is_op
from onnx2snn.graph.integer_scales import LinearScale
from onnx2snn.graph.quantizers import CONTRIB

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir

    from onnx2snn.graph.integer_writer import IntegerWriter

__all__ = ["LOWERED", "QUANTIZERS", "lowering_of"]

_COERCED_UNTIL = 12
"""Last opset in which Softmax takes all axes from ``axis`` on as one."""

# In the comments, x is data, w weights, y the result; s is a scale, z a zero point.


def _lower_unary(writer: IntegerWriter) -> ir.Value:
    """Write an operator of one operand: x, sx, zx, sy, zy."""
    x = writer.dequantize_input(0)
    op = _float_operator(writer)
    y = writer.add_alike(op, x)
    return writer.quantize(y, 3)


def _lower_binary(writer: IntegerWriter) -> ir.Value:
    """Write an operator of two operands: a, sa, za, b, sb, zb, sy, zy."""
    a = writer.dequantize_input(0)
    b = writer.dequantize_input(3)
    op = _float_operator(writer)
    y = writer.add(op, [a, b])
    return writer.quantize(y, 6)


def _float_operator(writer: IntegerWriter) -> str:
    """Return the part of the operator's name that is the float one's."""
    op_type = writer.node.op_type
    return op_type.removeprefix("QLinear")


def _lower_conv(writer: IntegerWriter) -> ir.Value:
    """Write QLinearConv: x, sx, zx, w, sw, zw, sy, zy, bias in steps of sx * sw."""
    scale_of_x = writer.given(1)
    scale_of_w = writer.given(4)
    bias = writer.scale_bias(8, scale_of_x, scale_of_w)
    x = writer.dequantize_input(0)
    w = writer.dequantize_input(3, axis=0)
    y = writer.add_alike("Conv", x, w, bias)
    return writer.quantize(y, 6)


def _lower_matmul(writer: IntegerWriter) -> ir.Value:
    """Write QLinearMatMul: a, sa, za, b, sb, zb, sy, zy."""
    a = writer.dequantize_input(0, axis=-2)
    b = writer.dequantize_input(3, axis=-1)
    y = writer.add("MatMul", [a, b])
    return writer.quantize(y, 6)


def _lower_gemm(writer: IntegerWriter) -> ir.Value:
    """Write QGemm: a, sa, za, b, sb, zb, bias in steps of alpha * sa * sb, sy, zy.

    Without sy the result is real.
    """
    attributes = writer.node.attributes
    factor = attributes.get_float("alpha", 1.0)
    number = np.array(factor, np.float32)
    alpha = writer.constant("alpha", number)
    scale_of_a = writer.given(1)
    scale_of_b = writer.given(4)
    bias = writer.scale_bias(6, scale_of_a, scale_of_b, alpha)
    is_transposed = attributes.get_int("transB", 0) != 0
    features_axis = 0 if is_transposed else 1
    a = writer.dequantize_input(0)
    b = writer.dequantize_input(3, features_axis)
    y = writer.add_alike("Gemm", a, b, bias)
    if writer.given(7) is None:
        return y
    return writer.quantize(y, 7)


def _lower_softmax(writer: IntegerWriter) -> ir.Value:
    """Write QLinearSoftmax: x, sx, zx, sy, zy; its attribute says of which opset it is."""
    x = writer.dequantize_input(0)
    attributes = writer.node.attributes
    axis = attributes.get_int("axis", -1)
    along = {"axis": axis}
    if attributes.get_int("opset", 13) > _COERCED_UNTIL:
        y = writer.add("Softmax", [x], along)
        return writer.quantize(y, 3)
    rows = writer.add("Flatten", [x], along)
    last = {"axis": -1}
    weights = writer.add("Softmax", [rows], last)
    shape = writer.add("Shape", [x])
    y = writer.add("Reshape", [weights, shape])
    return writer.quantize(y, 3)


def _lower_concat(writer: IntegerWriter) -> ir.Value:
    """Write QLinearConcat: sy, zy, then x, sx, zx for each part."""
    count = len(writer.node.inputs)
    parts = []
    for position in range(2, count, 3):
        part = writer.dequantize_input(position)
        parts.append(part)
    y = writer.add_alike("Concat", *parts)
    return writer.quantize(y, 0)


def _lower_where(writer: IntegerWriter) -> ir.Value:
    """Write QLinearWhere: condition, a, sa, za, b, sb, zb, sy, zy."""
    condition = writer.given(0)
    a = writer.dequantize_input(1)
    b = writer.dequantize_input(4)
    y = writer.add("Where", [condition, a, b])
    return writer.quantize(y, 7)


def _lower_matmul_of_real(writer: IntegerWriter) -> ir.Value:
    """Write DynamicQuantizeMatMul: real a, b, sb, zb, real bias."""
    real = writer.given(0)
    integers = writer.add("DynamicQuantizeLinear", [real], outputs=3)
    quantize = integers.producer()
    assert quantize is not None  # it was just written
    _, scale, zero_point = quantize.outputs
    scale_of_a = LinearScale(scale, zero_point)
    a = writer.dequantize(integers, scale_of_a)
    b = writer.dequantize_input(1, axis=-1)
    product = writer.add("MatMul", [a, b])
    return writer.add_bias(product, 4)


def _lower_matmul_to_real(writer: IntegerWriter) -> ir.Value:
    """Write MatMulIntegerToFloat: a, b, sa, sb, za, zb, real bias."""
    a, b, scale_a, scale_b, zero_a, zero_b = map(writer.given, range(6))
    scale_of_a = LinearScale(scale_a, zero_a)
    scale_of_b = LinearScale(scale_b, zero_b)
    a = writer.dequantize(a, scale_of_a, axis=-2)
    b = writer.dequantize(b, scale_of_b, axis=-1)
    product = writer.add("MatMul", [a, b])
    return writer.add_bias(product, 6)


def _lower_lstm(writer: IntegerWriter) -> ir.Value | None:
    """Write DynamicQuantizeLSTM: as LSTM, with weights [directions, inputs, gates], then scales.

    It also rounds, in each step, what the weights multiply; that is left out.
    """
    input_weights = _dequantize_gates(writer, 1, scale_position=8)
    state_weights = _dequantize_gates(writer, 2, scale_position=10)
    if input_weights is None or state_weights is None:
        return None
    x = writer.given(0)
    others = map(writer.given, range(3, 8))
    inputs = [x, input_weights, state_weights, *others]
    node = writer.node
    count = len(node.outputs)
    return writer.add(
        "LSTM",
        inputs=inputs,
        attributes=node.attributes,
        outputs=count,
    )


def _dequantize_gates(
    writer: IntegerWriter, position: int, *, scale_position: int
) -> ir.Value | None:
    """Return weights as LSTM has them, [directions, gates, inputs]; None if they are computed."""
    integers = writer.given(position)
    by = writer.read_scale(scale_position)
    operands = (integers, by.scale, by.zero_point)
    if not all(map(is_constant, operands)):
        return None
    steps = _read_float32(by.scale)
    zeros = _read_float32(by.zero_point)
    per_direction = (len(steps), 1, -1)
    distances = _read_float32(integers) - zeros.reshape(per_direction)
    real = distances * steps.reshape(per_direction)
    gates_first = real.transpose(0, 2, 1)
    return writer.constant("weights", gates_first)


def _read_float32(value: ir.Value | None) -> np.ndarray:
    return array(value).astype(np.float32)


def _lower_matmul_of_bits(writer: IntegerWriter) -> ir.Value | None:
    """Write MatMulNBits: a, b packed by blocks along K, scales, zero points, order, bias."""
    is_reordered = writer.given(4) is not None
    if is_reordered or not _has_constant_blocks(writer):
        return None
    a = writer.given(0)
    b = writer.constant("B", _unpack_weights(writer))
    product = writer.add("MatMul", [a, b])
    return writer.add_bias(product, 5)


def _has_constant_blocks(writer: IntegerWriter) -> bool:
    """Whether the integers, their scales and their zero points are known."""
    integers, scales, zero_points = map(writer.given, (1, 2, 3))
    if zero_points is not None and not is_constant(zero_points):
        return False
    return is_constant(integers) and is_constant(scales)


def _unpack_weights(writer: IntegerWriter) -> np.ndarray:
    """Return the weights [K, N] of a MatMulNBits, float32."""
    attributes = writer.node.attributes
    bits = attributes.get_int("bits", 4)
    block_size = attributes.get_int("block_size", 0)
    rows = attributes.get_int("N", 0)
    columns = attributes.get_int("K", 0)
    blocks = math.ceil(columns / block_size)
    packed, scales, zero_points = map(writer.given, (1, 2, 3))
    steps = _read_float32(scales).reshape(rows, blocks, 1)
    zeros = _unpack_zero_points(zero_points, bits, rows, blocks)
    integers = _unpack_bits(array(packed), bits)
    padded_blocks = integers.reshape(rows, blocks, -1)
    distances = padded_blocks[..., :block_size] - zeros
    real = distances * steps
    padded = real.reshape(rows, -1)
    return np.asarray(padded[:, :columns].T)


def _unpack_zero_points(
    zero_points: ir.Value | None, bits: int, rows: int, blocks: int
) -> np.ndarray:
    """Return the zero point of each block, of a shape that broadcasts to [rows, blocks, 1]."""
    if zero_points is None:
        middle = 2.0 ** (bits - 1)
        return np.full((rows, 1, 1), middle, np.float32)
    data = array(zero_points)
    is_packed = data.dtype == np.uint8
    numbers = _unpack_bits(data, bits) if is_packed else data.astype(np.float32)
    padded = numbers.reshape(rows, -1)
    return padded[:, :blocks, None]


def _unpack_bits(data: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers of ``bits`` bits in bytes, the lowest bits first, as float32."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    mask = 2**bits - 1
    numbers = (data[..., None] >> shifts) & mask
    return np.asarray(numbers, np.float32)


Lowering: TypeAlias = "Callable[[IntegerWriter], ir.Value | None]"
"""Writes the float form of a node; None for a form it does not have."""

_ONNX: dict[str, Lowering] = {
    "QLinearConv": _lower_conv,
    "QLinearMatMul": _lower_matmul,
}
"""Operators of ONNX; ConvInteger and MatMulInteger are elsewhere."""

_ONNXRUNTIME: dict[str, Lowering] = {
    "DynamicQuantizeLSTM": _lower_lstm,
    "DynamicQuantizeMatMul": _lower_matmul_of_real,
    "MatMulIntegerToFloat": _lower_matmul_to_real,
    "MatMulNBits": _lower_matmul_of_bits,
    "QGemm": _lower_gemm,
    "QLinearAdd": _lower_binary,
    "QLinearAveragePool": _lower_unary,
    "QLinearConcat": _lower_concat,
    "QLinearGlobalAveragePool": _lower_unary,
    "QLinearLeakyRelu": _lower_unary,
    "QLinearMul": _lower_binary,
    "QLinearSigmoid": _lower_unary,
    "QLinearSoftmax": _lower_softmax,
    "QLinearWhere": _lower_where,
}
"""Operators of onnxruntime's own domain."""

QUANTIZERS = frozenset({"DequantizeLinear", "QuantizeLinear"})
"""Operators of onnxruntime's own domain that may be left: ``RemoveQuantization`` takes them out."""

LOWERED = QUANTIZERS.union(_ONNXRUNTIME)
"""Operators of onnxruntime's own domain that an import takes."""


def lowering_of(node: ir.Node) -> Lowering | None:
    """Return what writes the float form of ``node``; None if it is not on integers."""
    op_type = node.op_type
    if is_op(node, op_type):
        return _ONNX.get(op_type)
    if is_op(node, op_type, domain=CONTRIB):
        return _ONNXRUNTIME.get(op_type)
    return None

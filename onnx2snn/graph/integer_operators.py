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
    y = writer.add_alike(_float_operator(writer), x)
    return writer.quantize(y, 3)


def _lower_binary(writer: IntegerWriter) -> ir.Value:
    """Write an operator of two operands: a, sa, za, b, sb, zb, sy, zy."""
    a = writer.dequantize_input(0)
    b = writer.dequantize_input(3)
    y = writer.add(_float_operator(writer), [a, b])
    return writer.quantize(y, 6)


def _float_operator(writer: IntegerWriter) -> str:
    """Return the part of the operator's name that is the float one's."""
    op_type = writer.node.op_type
    return op_type.removeprefix("QLinear")


def _lower_conv(writer: IntegerWriter) -> ir.Value:
    """Write QLinearConv: x, sx, zx, w, sw, zw, sy, zy, bias in steps of sx * sw."""
    bias = writer.scale_bias(8, writer.given(1), writer.given(4))
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
    alpha = writer.constant("alpha", np.array(factor, np.float32))
    bias = writer.scale_bias(6, writer.given(1), writer.given(4), alpha)
    is_transposed = attributes.get_int("transB", 0) != 0
    a = writer.dequantize_input(0)
    b = writer.dequantize_input(3, axis=0 if is_transposed else 1)
    y = writer.add_alike("Gemm", a, b, bias)
    if writer.given(7) is None:
        return y
    return writer.quantize(y, 7)


def _lower_softmax(writer: IntegerWriter) -> ir.Value:
    """Write QLinearSoftmax: x, sx, zx, sy, zy; its attribute says of which opset it is."""
    x = writer.dequantize_input(0)
    attributes = writer.node.attributes
    axis = attributes.get_int("axis", -1)
    if attributes.get_int("opset", 13) > _COERCED_UNTIL:
        y = writer.add("Softmax", [x], {"axis": axis})
        return writer.quantize(y, 3)
    rows = writer.add("Flatten", [x], {"axis": axis})
    weights = writer.add("Softmax", [rows], {"axis": -1})
    shape = writer.add("Shape", [x])
    y = writer.add("Reshape", [weights, shape])
    return writer.quantize(y, 3)


def _lower_concat(writer: IntegerWriter) -> ir.Value:
    """Write QLinearConcat: sy, zy, then x, sx, zx for each part."""
    count = len(writer.node.inputs)
    parts = [writer.dequantize_input(position) for position in range(2, count, 3)]
    y = writer.add_alike("Concat", *parts)
    return writer.quantize(y, 0)


def _lower_where(writer: IntegerWriter) -> ir.Value:
    """Write QLinearWhere: condition, a, sa, za, b, sb, zb, sy, zy."""
    a = writer.dequantize_input(1)
    b = writer.dequantize_input(4)
    y = writer.add("Where", [writer.given(0), a, b])
    return writer.quantize(y, 7)


def _lower_matmul_of_real(writer: IntegerWriter) -> ir.Value:
    """Write DynamicQuantizeMatMul: real a, b, sb, zb, real bias."""
    integers = writer.add("DynamicQuantizeLinear", [writer.given(0)], outputs=3)
    quantize = integers.producer()
    assert quantize is not None  # it was just written
    _, scale, zero_point = quantize.outputs
    a = writer.dequantize(integers, LinearScale(scale, zero_point))
    b = writer.dequantize_input(1, axis=-1)
    product = writer.add("MatMul", [a, b])
    return writer.add_bias(product, 4)


def _lower_matmul_to_real(writer: IntegerWriter) -> ir.Value:
    """Write MatMulIntegerToFloat: a, b, sa, sb, za, zb, real bias."""
    scale_of_a = LinearScale(writer.given(2), writer.given(4))
    scale_of_b = LinearScale(writer.given(3), writer.given(5))
    a = writer.dequantize(writer.given(0), scale_of_a, axis=-2)
    b = writer.dequantize(writer.given(1), scale_of_b, axis=-1)
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
    others = [writer.given(position) for position in range(3, 8)]
    inputs = [writer.given(0), input_weights, state_weights, *others]
    kept = dict(writer.node.attributes)
    return writer.add("LSTM", inputs, kept, outputs=len(writer.node.outputs))


def _dequantize_gates(
    writer: IntegerWriter, position: int, *, scale_position: int
) -> ir.Value | None:
    """Return weights as LSTM has them, [directions, gates, inputs]; None if they are computed."""
    integers = writer.given(position)
    by = writer.read_scale(scale_position)
    operands = (integers, by.scale, by.zero_point)
    if not all(map(is_constant, operands)):
        return None
    values, steps, zeros = (array(value).astype(np.float32) for value in operands)
    per_direction = (len(steps), 1, -1)
    real = (values - zeros.reshape(per_direction)) * steps.reshape(per_direction)
    return writer.constant("weights", real.transpose(0, 2, 1))


def _lower_matmul_of_bits(writer: IntegerWriter) -> ir.Value | None:
    """Write MatMulNBits: a, b packed by blocks along K, scales, zero points, order, bias."""
    is_reordered = writer.given(4) is not None
    if is_reordered or not _has_constant_blocks(writer):
        return None
    weight = writer.constant("B", _unpack_weights(writer))
    product = writer.add("MatMul", [writer.given(0), weight])
    return writer.add_bias(product, 5)


def _has_constant_blocks(writer: IntegerWriter) -> bool:
    """Whether the integers, their scales and their zero points are known."""
    if not is_constant(writer.given(1)) or not is_constant(writer.given(2)):
        return False
    zero_points = writer.given(3)
    return zero_points is None or is_constant(zero_points)


def _unpack_weights(writer: IntegerWriter) -> np.ndarray:
    """Return the weights [K, N] of a MatMulNBits, float32."""
    attributes = writer.node.attributes
    bits = attributes.get_int("bits", 4)
    block_size = attributes.get_int("block_size", 0)
    rows = attributes.get_int("N", 0)
    columns = attributes.get_int("K", 0)
    blocks = math.ceil(columns / block_size)
    scales = array(writer.given(2)).astype(np.float32)
    steps = scales.reshape(rows, blocks, 1)
    zeros = _unpack_zero_points(writer.given(3), bits, rows, blocks)
    integers = _unpack_bits(array(writer.given(1)), bits)
    entries = integers.reshape(rows, blocks, -1)
    real = (entries[..., :block_size] - zeros) * steps
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

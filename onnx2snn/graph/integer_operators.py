"""The float form of every integer operator, between quantizers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeWriter, array, fresh_name, is_constant
from onnx2snn.graph.quantizers import CONTRIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["INTEGER_OPERATORS", "LOWERED", "QUANTIZERS", "IntegerWriter"]

_NO_FLOAT_FORM = frozenset({"channels_last", "opset"})
"""Attributes of integer operators that the float ones do not have."""

_COERCED_UNTIL = 12
"""Last opset in which Softmax takes all axes from ``axis`` on as one."""


class IntegerWriter(NodeWriter):
    """Writes the float form of an integer operator in front of it."""

    def same(self, op: str, *inputs: ir.Value | None) -> ir.Value:
        """Add a node of operator type ``op`` with the attributes of the node."""
        kept = {
            k: a for k, a in self.node.attributes.items() if k not in _NO_FLOAT_FORM
        }
        return self.add(op, inputs, kept)

    def real(self, position: int, axis: int = 1) -> ir.Value:
        """Return the real numbers of an input that its scale and its zero point follow."""
        return self.dequantized(map(self.given, range(position, position + 3)), axis)

    def dequantized(
        self, quantity: Iterable[ir.Value | None], axis: int = 1
    ) -> ir.Value:
        """Return real numbers, given integers, their scale and their zero point.

        Scales may differ along ``axis``.
        """
        integers, scale, zero_point = quantity
        zero = self._vector(zero_point)
        inputs = [integers, self._vector(scale), *([] if zero is None else [zero])]
        real = self.add("DequantizeLinear", inputs, {"axis": axis})
        assert integers is not None  # a required input
        real.name = fresh_name(self.graph, f"{integers.name}.real")
        self.rename(real, real.name)
        return real

    def quantized(self, value: ir.Value, position: int) -> ir.Value:
        """Return ``value`` in integers, by the scale and the zero point at ``position``."""
        zero_point = self._vector(self.given(position + 1))
        if zero_point is None:
            zero_point = self.constant(
                "zero_point", np.zeros([], self._integers().numpy())
            )
        scale = self._vector(self.given(position))
        return self.add("QuantizeLinear", [value, scale, zero_point])

    def product(self, *factors: ir.Value | None) -> ir.Value:
        """Return the product of values."""
        first, *others = [value for value in factors if value is not None]
        for other in others:
            first = self.add("Mul", [first, other])
        return first

    def bias(self, position: int, *factors: ir.Value | None) -> ir.Value | None:
        """Return input ``position``, integers in steps of the product of ``factors``."""
        integers = self.given(position)
        if integers is None:
            return None
        return self.product(
            self.add("Cast", [integers], {"to": ir.DataType.FLOAT}), *factors
        )

    def _integers(self) -> ir.DataType:
        typed = (
            v.dtype for v in self.node.inputs if v is not None and v.dtype is not None
        )
        return next((t for t in typed if t.is_integer()), ir.DataType.UINT8)

    def _vector(self, value: ir.Value | None) -> ir.Value | None:
        """Return a constant with as few axes as it needs: [] for one number, else [C]."""
        if value is None or not is_constant(value):
            return value
        data = array(value)
        shape: list[int] = [] if data.size == 1 else [-1]
        return (
            value
            if data.ndim == len(shape)
            else self.constant("scale", data.reshape(shape))
        )


def _conv(writer: IntegerWriter) -> ir.Value:
    bias = writer.bias(8, writer.given(1), writer.given(4))
    return writer.quantized(
        writer.same("Conv", writer.real(0), writer.real(3, 0), bias), 6
    )


def _matmul(writer: IntegerWriter) -> ir.Value:
    return writer.quantized(
        writer.add("MatMul", [writer.real(0, -2), writer.real(3, -1)]), 6
    )


def _gemm(writer: IntegerWriter) -> ir.Value:
    alpha = writer.constant(
        "alpha", np.array(writer.node.attributes.get_float("alpha", 1.0), "f4")
    )
    bias = writer.bias(6, writer.given(1), writer.given(4), alpha)
    axis = 0 if writer.node.attributes.get_int("transB", 0) else 1
    result = writer.same("Gemm", writer.real(0), writer.real(3, axis), bias)
    return result if writer.given(7) is None else writer.quantized(result, 7)


def _softmax(writer: IntegerWriter) -> ir.Value:
    x, axis = writer.real(0), writer.node.attributes.get_int("axis", -1)
    if writer.node.attributes.get_int("opset", 13) > _COERCED_UNTIL:
        return writer.quantized(writer.add("Softmax", [x], {"axis": axis}), 3)
    rows = writer.add("Flatten", [x], {"axis": axis})
    weights = writer.add("Softmax", [rows], {"axis": -1})
    return writer.quantized(
        writer.add("Reshape", [weights, writer.add("Shape", [x])]), 3
    )


def _concat(writer: IntegerWriter) -> ir.Value:
    parts = [writer.real(position) for position in range(2, len(writer.node.inputs), 3)]
    return writer.quantized(writer.same("Concat", *parts), 0)


def _where(writer: IntegerWriter) -> ir.Value:
    inputs = [writer.given(0), writer.real(1), writer.real(4)]
    return writer.quantized(writer.add("Where", inputs), 7)


def _matmul_of_real(writer: IntegerWriter) -> ir.Value:
    """Write DynamicQuantizeMatMul: A, B, scale of B, zero point of B, bias."""
    integers = writer.add("DynamicQuantizeLinear", [writer.given(0)], outputs=3)
    node = integers.producer()
    assert node is not None
    a = writer.dequantized(node.outputs)
    b = writer.dequantized(map(writer.given, (1, 2, 3)), -1)
    return _plus(writer, writer.add("MatMul", [a, b]), 4)


def _matmul_to_real(writer: IntegerWriter) -> ir.Value:
    """Write MatMulIntegerToFloat: A, B, their scales, their zero points, bias."""
    a = writer.dequantized(map(writer.given, (0, 2, 4)), -2)
    b = writer.dequantized(map(writer.given, (1, 3, 5)), -1)
    return _plus(writer, writer.add("MatMul", [a, b]), 6)


def _lstm(writer: IntegerWriter) -> ir.Value | None:
    """Write DynamicQuantizeLSTM: as LSTM, with weights [directions, inputs, gates], then scales.

    It also rounds, in each step, what the weights multiply; that is left out.
    """
    weights = [_gates(writer, 1, 8), _gates(writer, 2, 10)]
    if None in weights:
        return None
    inputs = [writer.given(0), *weights, *map(writer.given, range(3, 8))]
    kept = dict(writer.node.attributes)
    return writer.add("LSTM", inputs, kept, outputs=len(writer.node.outputs))


def _gates(writer: IntegerWriter, position: int, scale: int) -> ir.Value | None:
    """Return weights as LSTM has them, [directions, gates, inputs]; None if they are computed."""
    found = [writer.given(at) for at in (position, scale, scale + 1)]
    if not all(map(is_constant, found)):
        return None
    integers, steps, zeros = (array(value).astype(np.float32) for value in found)
    shape = (len(steps), 1, -1)
    real = (integers - zeros.reshape(shape)) * steps.reshape(shape)
    return writer.constant("weights", real.transpose(0, 2, 1))


def _plus(writer: IntegerWriter, value: ir.Value, position: int) -> ir.Value:
    bias = writer.given(position)
    return value if bias is None else writer.add("Add", [value, bias])


def _matmul_of_bits(writer: IntegerWriter) -> ir.Value | None:
    """Write MatMulNBits: A, B packed by blocks along K, scales, zero points, order, bias."""
    b, scales, zeros, order = map(writer.given, (1, 2, 3, 4))
    if not is_constant(b) or not is_constant(scales) or order is not None:
        return None
    if zeros is not None and not is_constant(zeros):
        return None
    numbers = writer.node.attributes
    bits, block = numbers.get_int("bits", 4), numbers.get_int("block_size", 0)
    rows, columns = numbers.get_int("N", 0), numbers.get_int("K", 0)
    blocks = math.ceil(columns / block)
    step = array(scales).astype(np.float32).reshape(rows, blocks, 1)
    zero = _zero_points(zeros, bits, rows, blocks)
    entries = _unpacked(array(b), bits).reshape(rows, blocks, -1)[..., :block]
    weight = ((entries - zero) * step).reshape(rows, -1)[:, :columns].T
    return _plus(
        writer, writer.add("MatMul", [writer.given(0), writer.constant("B", weight)]), 5
    )


def _zero_points(
    zeros: ir.Value | None, bits: int, rows: int, blocks: int
) -> np.ndarray:
    if zeros is None:
        return np.full((rows, 1, 1), 2.0 ** (bits - 1), np.float32)
    data = array(zeros)
    unpacked = (
        _unpacked(data, bits) if data.dtype == np.uint8 else data.astype(np.float32)
    )
    return unpacked.reshape(rows, -1)[:, :blocks, None]


def _unpacked(data: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers of ``bits`` bits in bytes, the lowest bits first, as float32."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray((data[..., None] >> shifts) & (2**bits - 1), np.float32)


INTEGER_OPERATORS: dict[tuple[str, str], Callable[[IntegerWriter], ir.Value | None]] = {
    ("", "QLinearConv"): _conv,
    ("", "QLinearMatMul"): _matmul,
    (CONTRIB, "DynamicQuantizeLSTM"): _lstm,
    (CONTRIB, "DynamicQuantizeMatMul"): _matmul_of_real,
    (CONTRIB, "MatMulIntegerToFloat"): _matmul_to_real,
    (CONTRIB, "MatMulNBits"): _matmul_of_bits,
    (CONTRIB, "QGemm"): _gemm,
    (CONTRIB, "QLinearAdd"): lambda w: w.quantized(
        w.add("Add", [w.real(0), w.real(3)]), 6
    ),
    (CONTRIB, "QLinearAveragePool"): lambda w: w.quantized(
        w.same("AveragePool", w.real(0)), 3
    ),
    (CONTRIB, "QLinearConcat"): _concat,
    (CONTRIB, "QLinearGlobalAveragePool"): lambda w: w.quantized(
        w.same("GlobalAveragePool", w.real(0)), 3
    ),
    (CONTRIB, "QLinearLeakyRelu"): lambda w: w.quantized(
        w.same("LeakyRelu", w.real(0)), 3
    ),
    (CONTRIB, "QLinearMul"): lambda w: w.quantized(
        w.add("Mul", [w.real(0), w.real(3)]), 6
    ),
    (CONTRIB, "QLinearSigmoid"): lambda w: w.quantized(w.same("Sigmoid", w.real(0)), 3),
    (CONTRIB, "QLinearSoftmax"): _softmax,
    (CONTRIB, "QLinearWhere"): _where,
}
"""Domain and operator type to what writes the float form, None for a form it does not have."""

QUANTIZERS = frozenset({"DequantizeLinear", "QuantizeLinear"})
"""Operators of onnxruntime's own domain that may be left: ``RemoveQuantization`` takes them out."""

LOWERED = QUANTIZERS | {op for domain, op in INTEGER_OPERATORS if domain == CONTRIB}
"""Operators of onnxruntime's own domain that an import takes."""

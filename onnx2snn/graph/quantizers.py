"""Read linear quantizers: QuantizeLinear and DequantizeLinear with known scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, input_at, is_constant, is_op
from onnx2snn.graph.quantization import real_numbers

__all__ = [
    "CONTRIB",
    "Quantizer",
    "dequantized",
    "is_dequantize",
    "is_quantize",
    "quantizer_of",
]

CONTRIB = "com.microsoft"
"""Domain of onnxruntime's own operators; it has quantizers of the types that opset 21 brought."""

_FLOAT_LEVELS = 128
"""A number for the types of 8 bits with an exponent, whose steps are not equal."""


@dataclass(frozen=True, eq=False)
class Quantizer:
    """The real numbers ``scale * (q - zero_point)`` for the integers q of a type.

    Attributes:
        scale: Step between two numbers: [], [C] along ``axis``, or one for each block.
        zero_point: Integer that stands for 0, of the shape of ``scale``.
        axis: Axis along which scales differ; None for one scale.
        block: Number of entries along ``axis`` that share a scale; 0 if each has its own.
        dtype: Type of the integers; a float8 type is a set of real numbers q likewise.
    """

    scale: np.ndarray
    zero_point: np.ndarray
    axis: int | None
    block: int
    dtype: ir.DataType

    @property
    def low(self) -> np.ndarray:
        """The smallest number, of the shape of ``scale``."""
        least = float(self.dtype.min)
        return self.scale * (least - self.zero_point)

    @property
    def high(self) -> np.ndarray:
        """The largest number, of the shape of ``scale``."""
        most = float(self.dtype.max)
        return self.scale * (most - self.zero_point)

    @property
    def levels(self) -> int:
        """The number of steps from 0 to the largest number."""
        if not self.dtype.is_integer():
            return _FLOAT_LEVELS
        most = float(self.dtype.max)
        zero_point = float(self.zero_point.min())
        steps = round(most - zero_point)
        return max(1, steps)

    def matches(self, other: Quantizer | None) -> bool:
        """Whether ``other`` stands for the same numbers."""
        if other is None or self.dtype != other.dtype:
            return False
        if (self.axis, self.block) != (other.axis, other.block):
            return False
        if not np.array_equal(self.scale, other.scale):
            return False
        return np.array_equal(self.zero_point, other.zero_point)

    def real(self, integers: np.ndarray) -> np.ndarray:
        """Return the numbers that ``integers`` stand for, float32."""
        return real_numbers(
            integers,
            self.scale,
            self.zero_point,
            self.axis,
            self.block,
        )


def is_quantize(node: ir.Node | None) -> bool:
    """Whether ``node`` is a QuantizeLinear, of ONNX or of onnxruntime."""
    return _is_of_either_domain(node, "QuantizeLinear")


def is_dequantize(node: ir.Node | None) -> bool:
    """Whether ``node`` is a DequantizeLinear, of ONNX or of onnxruntime."""
    return _is_of_either_domain(node, "DequantizeLinear")


def _is_of_either_domain(node: ir.Node | None, op: str) -> bool:
    return is_op(node, op) or is_op(node, op, domain=CONTRIB)


def quantizer_of(node: ir.Node) -> Quantizer | None:
    """Return what a quantizing or dequantizing node reads; None if it is computed."""
    scale = node.inputs[1]
    zero_point = input_at(node, 2)
    if not is_constant(scale):
        return None
    steps = array(scale).astype(np.float32)
    if zero_point is None:
        zeros = np.zeros_like(steps)
        dtype = _find_default_type(node)
    elif is_constant(zero_point):
        zeros = array(zero_point).astype(np.float32)
        dtype = zero_point.dtype
    else:
        return None
    if dtype is None:
        return None
    if steps.size == 1 and zeros.size == 1:
        return Quantizer(
            scale=steps.reshape([]),
            zero_point=zeros.reshape([]),
            axis=None,
            block=0,
            dtype=dtype,
        )
    steps, zeros = np.broadcast_arrays(steps, zeros)
    return Quantizer(
        scale=steps,
        zero_point=zeros,
        axis=_read_axis(node),
        block=node.attributes.get_int("block_size", 0),
        dtype=dtype,
    )


def _find_default_type(node: ir.Node) -> ir.DataType | None:
    """Return the type of the integers where no zero point says it."""
    if is_quantize(node):
        number = node.attributes.get_int("output_dtype", 0)
        return ir.DataType(number or ir.DataType.UINT8)
    integers = node.inputs[0]
    if integers is None:
        return None
    return integers.dtype


def _read_axis(node: ir.Node) -> int:
    """Return the axis along which scales differ, from the first one on if the rank is known."""
    axis = node.attributes.get_int("axis", 1)
    data = node.inputs[0]
    if axis >= 0 or data is None or data.shape is None:
        return axis
    return axis + len(data.shape)


def dequantized(node: ir.Node) -> np.ndarray | None:
    """Return what a DequantizeLinear of constants gives, in float32; None for any other."""
    integers = node.inputs[0]
    if not is_constant(integers):
        return None
    quantizer = quantizer_of(node)
    if quantizer is None:
        return None
    return quantizer.real(array(integers))

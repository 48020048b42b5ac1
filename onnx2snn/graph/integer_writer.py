"""Writing the float form of an operator on quantized integers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeWriter, array, fresh_name, is_constant
from onnx2snn.graph.integer_scales import LinearScale

__all__ = ["IntegerWriter"]

_NO_FLOAT_FORM = ("channels_last", "opset")
"""Attributes of integer operators that the float ones do not have."""


class IntegerWriter(NodeWriter):
    """Writes the float form of an operator on integers in front of it."""

    def add_alike(self, op: str, *inputs: ir.Value | None) -> ir.Value:
        """Add a node of operator type ``op`` with the attributes of the node."""
        kept = dict(self.node.attributes)
        for name in _NO_FLOAT_FORM:
            kept.pop(name, None)
        return self.add(op, inputs, kept)

    def read_scale(self, position: int) -> LinearScale:
        """Return the scale at an input's position and the zero point behind it."""
        scale = self.given(position)
        zero_point = self.given(position + 1)
        return LinearScale(scale, zero_point)

    def dequantize_input(self, position: int, axis: int = 1) -> ir.Value:
        """Return the real numbers of an input that its scale and its zero point follow."""
        integers = self.given(position)
        scale = self.read_scale(position + 1)
        return self.dequantize(integers, scale, axis)

    def dequantize(
        self, integers: ir.Value | None, by: LinearScale, axis: int = 1
    ) -> ir.Value:
        """Return real numbers, given integers.

        Args:
            integers: The integers.
            by: The scale by which they stand for real numbers.
            axis: Axis along which the scale may differ.
        """
        assert integers is not None  # a required input
        zero_point = self._drop_axes(by.zero_point)
        scale = self._drop_axes(by.scale)
        inputs = [integers, scale]
        if zero_point is not None:
            inputs.append(zero_point)
        real = self.add("DequantizeLinear", inputs, {"axis": axis})
        real.name = fresh_name(self.graph, f"{integers.name}.real")
        self.rename(real, real.name)
        return real

    def quantize(self, value: ir.Value, position: int) -> ir.Value:
        """Return ``value`` in integers, by the scale and the zero point at ``position``."""
        by = self.read_scale(position)
        zero_point = self._drop_axes(by.zero_point)
        if zero_point is None:
            dtype = self._find_integer_type().numpy()
            zero = np.zeros([], dtype)
            zero_point = self.constant("zero_point", zero)
        scale = self._drop_axes(by.scale)
        return self.add("QuantizeLinear", [value, scale, zero_point])

    def multiply(self, *factors: ir.Value | None) -> ir.Value:
        """Return the product of the values that are not left out."""
        product, *others = [value for value in factors if value is not None]
        for other in others:
            product = self.add("Mul", [product, other])
        return product

    def scale_bias(self, position: int, *factors: ir.Value | None) -> ir.Value | None:
        """Return a bias, integers in steps of the product of ``factors``; None without one."""
        integers = self.given(position)
        if integers is None:
            return None
        to_float = {"to": ir.DataType.FLOAT}
        real = self.add("Cast", [integers], to_float)
        return self.multiply(real, *factors)

    def add_bias(self, value: ir.Value, position: int) -> ir.Value:
        """Return ``value`` plus the real numbers of an input, if that is given."""
        bias = self.given(position)
        if bias is None:
            return value
        return self.add("Add", [value, bias])

    def _find_integer_type(self) -> ir.DataType:
        """Return the type of the first input of integers, uint8 if none is known."""
        for value in self.node.inputs:
            if value is None or value.dtype is None:
                continue
            if value.dtype.is_integer():
                return value.dtype
        return ir.DataType.UINT8

    def _drop_axes(self, value: ir.Value | None) -> ir.Value | None:
        """Return a constant with as few axes as it needs: [] for one number, else [C]."""
        if value is None or not is_constant(value):
            return value
        data = array(value)
        rank = 0 if data.size == 1 else 1
        if data.ndim == rank:
            return value
        vector = data.reshape([-1] * rank)
        return self.constant("scale", vector)

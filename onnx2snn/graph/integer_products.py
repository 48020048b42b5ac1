"""The float form of ConvInteger and MatMulInteger, with the scales that follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    array,
    display_name,
    has_one_reader,
    is_constant,
    is_op,
    replace_value,
)
from onnx2snn.graph.integer_operators import IntegerWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Scales", "lower_integer_product"]

Scales: TypeAlias = "dict[ir.Value, tuple[ir.Value | None, ir.Value | None]]"
"""Integers to the scale and the zero point they were quantized with."""


def lower_integer_product(node: ir.Node, scales: Scales) -> None:
    """Write a ConvInteger or MatMulInteger on the real numbers that its operands stand for.

        before:  i = ConvInteger(q, w, z, k);  c = Cast(i);  y = Mul(c, Mul(s, t))
        after:   y = Conv(DequantizeLinear(q, s, z), DequantizeLinear(w, t, k))

    A factor that is not the scale of an operand stays a factor; an operand without a factor
    gets the scale 1. A result that is read as integers is cast back.

    Args:
        node: The node; it stays, and nobody reads it any more.
        scales: What quantized its operands, as far as that is known.
    """
    last, factors = _tail(node)
    writer = IntegerWriter(last)
    axes = (1, 0) if is_op(node, "ConvInteger") else (-2, -1)
    operands = []
    for position, axis in enumerate(axes):
        integers, zero_point = [*node.inputs, None, None][position::2][:2]
        scale = _taken(factors, _scale(integers, zero_point, scales), writer)
        if scale is None and is_constant(integers):
            scale = _constant_scale(node, factors, writer)
        steps = _steps(writer, scale, zero_point)
        operands.append(writer.dequantized((integers, steps, zero_point), axis))
    op = "Conv" if is_op(node, "ConvInteger") else "MatMul"
    product = writer.add(op, operands, dict(node.attributes))
    writer.rename(product, display_name(node))
    result = writer.product(product, *factors)
    if last is node:
        result = writer.add("Cast", [result], {"to": ir.DataType.INT32})
    replace_value(last.outputs[0], result)


def _tail(node: ir.Node) -> tuple[ir.Node, list[ir.Value]]:
    """Return the last of ``node``, a Cast and a Mul behind it, and the factors of the Mul."""
    cast = _only_reader(node.outputs[0])
    if not is_op(cast, "Cast") or cast is None or not _is_float_type(cast):
        return node, []
    product = _only_reader(cast.outputs[0])
    if product is None or not is_op(product, "Mul"):
        return cast, []
    factors = [
        factor
        for value in product.inputs
        if value is not None and value is not cast.outputs[0]
        for factor in _factors(value)
    ]
    return product, factors


def _only_reader(value: ir.Value) -> ir.Node | None:
    return next(iter(value.uses())).node if has_one_reader(value) else None


def _is_float_type(cast: ir.Node) -> bool:
    return ir.DataType(cast.attributes.get_int("to", 0)).is_floating_point()


def _factors(value: ir.Value) -> Iterator[ir.Value]:
    """Give the values whose product ``value`` is."""
    producer = value.producer()
    if producer is None or not is_op(producer, "Mul"):
        yield value
        return
    for factor in producer.inputs:
        if factor is not None:
            yield from _factors(factor)


def _scale(
    integers: ir.Value | None, zero_point: ir.Value | None, scales: Scales
) -> ir.Value | None:
    """Return the scale that ``integers`` were quantized with, if also with ``zero_point``."""
    scale, zero = (
        scales.get(integers, (None, None)) if integers is not None else (None, None)
    )
    return scale if zero_point is zero or _same(zero_point, zero) else None


def _same(a: ir.Value | None, b: ir.Value | None) -> bool:
    return is_constant(a) and is_constant(b) and np.array_equal(array(a), array(b))


def _taken(
    factors: list[ir.Value], scale: ir.Value | None, writer: IntegerWriter
) -> ir.Value | None:
    """Take ``scale`` out of ``factors``; None if it is not in them."""
    if scale is None:
        return None
    if scale in factors:
        factors.remove(scale)
        return scale
    for position, factor in enumerate(factors):
        if is_constant(scale) and is_constant(factor):
            rest = array(factor) / array(scale).reshape([])
            factors[position] = writer.constant("factor", rest)
            return scale
    return None


def _constant_scale(
    node: ir.Node, factors: list[ir.Value], writer: IntegerWriter
) -> ir.Value | None:
    """Take out of ``factors`` a constant that can be the scale of constant weights."""
    weights = node.inputs[1]
    rank = 0 if weights is None or weights.shape is None else len(weights.shape)
    channel = (
        rank - 1 if is_op(node, "ConvInteger") else 1
    )  # from the last axis of the result
    for factor in filter(is_constant, factors):
        data = array(factor)
        if data.size == 1 or (
            data.ndim >= channel and data.shape[-channel] == data.size
        ):
            factors.remove(factor)
            return writer.constant(
                "weight_scale", data.reshape(-1 if data.size > 1 else [])
            )
    return None


def _steps(
    writer: IntegerWriter, scale: ir.Value | None, zero_point: ir.Value | None
) -> ir.Value | None:
    """Return the scale, 1 if there is none, with an entry for each zero point."""
    shape = array(zero_point).shape if is_constant(zero_point) else ()
    if scale is None:
        return writer.constant("scale", np.ones(shape, np.float32))
    if is_constant(scale) and array(scale).ndim < len(shape):
        return writer.constant("scale", np.broadcast_to(array(scale), shape))
    return scale

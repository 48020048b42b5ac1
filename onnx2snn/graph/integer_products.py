"""The float form of ConvInteger and MatMulInteger, with the scales that follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from onnx2snn.graph.integer_scales import LinearScale
from onnx2snn.graph.integer_writer import IntegerWriter
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx2snn.graph.integer_scales import Scales

__all__ = ["lower_integer_product"]


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
    last, factors = _find_tail(node)
    writer = IntegerWriter(last)
    is_conv = is_op(node, "ConvInteger")
    axes = (1, 0) if is_conv else (-2, -1)
    operands = []
    for position, axis in enumerate(axes):
        integers = node.inputs[position]
        scale = _take_scale(node, position, factors, scales, writer)
        real = writer.dequantize(integers, scale, axis)
        operands.append(real)
    op = "Conv" if is_conv else "MatMul"
    product = writer.add(op, operands, dict(node.attributes))
    writer.rename(product, display_name(node))
    maker = product.producer()
    assert maker is not None  # it was just written
    add_sources(maker, [node])
    result = writer.multiply(product, *factors)
    if last is node:
        to_integers = {"to": ir.DataType.INT32}
        result = writer.add("Cast", [result], to_integers)
    replace_value(last.outputs[0], result)


def _find_tail(node: ir.Node) -> tuple[ir.Node, list[ir.Value]]:
    """Return the last of ``node``, a Cast and a Mul behind it, and the factors of the Mul."""
    cast = _only_reader(node)
    if cast is None or not is_op(cast, "Cast") or not _gives_float(cast):
        return node, []
    product = _only_reader(cast)
    if product is None or not is_op(product, "Mul"):
        return cast, []
    factors: list[ir.Value] = []
    real = cast.outputs[0]
    for value in product.inputs:
        if value is not None and value is not real:
            factors += _split_product(value)
    return product, factors


def _only_reader(node: ir.Node) -> ir.Node | None:
    output = node.outputs[0]
    if not has_one_reader(output):
        return None
    (use,) = output.uses()
    return use.node


def _gives_float(cast: ir.Node) -> bool:
    number = cast.attributes.get_int("to", 0)
    return ir.DataType(number).is_floating_point()


def _split_product(value: ir.Value) -> Iterator[ir.Value]:
    """Give the values whose product ``value`` is."""
    producer = value.producer()
    if producer is None or not is_op(producer, "Mul"):
        yield value
        return
    for factor in producer.inputs:
        if factor is not None:
            yield from _split_product(factor)


def _take_scale(
    node: ir.Node,
    position: int,
    factors: list[ir.Value],
    scales: Scales,
    writer: IntegerWriter,
) -> LinearScale:
    """Return the scale of an operand, taken out of the factors if it is there, else 1."""
    integers = node.inputs[position]
    zero_position = position + 2
    has_zero_point = zero_position < len(node.inputs)
    zero_point = node.inputs[zero_position] if has_zero_point else None
    known = None if integers is None else scales.get(integers)
    scale = None
    if known is not None and known.has_zero_point(zero_point):
        scale = _take_known_factor(factors, known.scale, writer)
    if scale is None and is_constant(integers):
        scale = _take_weight_factor(node, factors, writer)
    scale = _spread_scale(scale, zero_point, writer)
    return LinearScale(scale, zero_point)


def _take_known_factor(
    factors: list[ir.Value], scale: ir.Value | None, writer: IntegerWriter
) -> ir.Value | None:
    """Take ``scale`` out of ``factors``; None if it is not in them."""
    if scale is None:
        return None
    if scale in factors:
        factors.remove(scale)
        return scale
    if not is_constant(scale):
        return None
    divisor = array(scale).reshape([])
    for position, factor in enumerate(factors):
        if is_constant(factor):
            quotient = array(factor) / divisor
            factors[position] = writer.constant("factor", quotient)
            return scale
    return None


def _take_weight_factor(
    node: ir.Node, factors: list[ir.Value], writer: IntegerWriter
) -> ir.Value | None:
    """Take out of ``factors`` a constant that can be the scale of constant weights."""
    weights = node.inputs[1]
    shape = None if weights is None else weights.shape
    rank = 0 if shape is None else len(shape)
    channel = rank - 1 if is_op(node, "ConvInteger") else 1  # from the last axis on
    for factor in filter(is_constant, factors):
        data = array(factor)
        has_one_number = data.size == 1
        if has_one_number or _lies_along(data, channel):
            factors.remove(factor)
            rank = 0 if has_one_number else 1
            vector = data.reshape([-1] * rank)
            return writer.constant("weight_scale", vector)
    return None


def _lies_along(data: np.ndarray, axis: int) -> bool:
    """Whether only an axis, counted from the last one, is longer than 1."""
    if data.ndim < axis:
        return False
    length = data.shape[-axis]
    return bool(length == data.size)


def _spread_scale(
    scale: ir.Value | None, zero_point: ir.Value | None, writer: IntegerWriter
) -> ir.Value:
    """Return the scale, 1 if there is none, with an entry for each zero point."""
    shape = array(zero_point).shape if is_constant(zero_point) else ()
    if scale is None:
        ones = np.ones(shape, np.float32)
        return writer.constant("scale", ones)
    if not is_constant(scale):
        return scale
    data = array(scale)
    if data.ndim >= len(shape):
        return scale
    spread = np.broadcast_to(data, shape)
    return writer.constant("scale", spread)

"""The operators of ONNX that make up each operator of onnxruntime's optimizer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from onnx2snn.graph.fused_normalizations import (
    HAS_LAYER_NORMALIZATION,
    lower_layer_normalization,
    lower_root_mean_square,
    lower_skip_layer_normalization,
    lower_skip_root_mean_square,
)
from onnx2snn.graph.quantizers import CONTRIB
from onnx2snn.graph.reading import is_op

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.graph.fused_writer import FusedWriter, Outputs, Rule

__all__ = ["FUSED", "rule_of"]

_BOUNDS_ARE_INPUTS = 11
"""First opset in which Clip takes its bounds as inputs."""


def rule_of(node: ir.Node, opset: int) -> Rule | None:
    """Return how ``node`` is written in operators of ONNX; None if it is one, or has no rule."""
    if node.domain == CONTRIB:
        return FUSED.get(node.op_type)
    if is_op(node, "SimplifiedLayerNormalization"):
        return lower_root_mean_square
    is_too_new = opset < HAS_LAYER_NORMALIZATION
    if is_op(node, "LayerNormalization") and is_too_new:
        return lower_layer_normalization
    return None


def _lower_gelu(writer: FusedWriter) -> Outputs:
    return (_gelu(writer, writer.first()),)


def _lower_bias_gelu(writer: FusedWriter) -> Outputs:
    return (_gelu(writer, writer.added(writer.first(), 1)),)


def _gelu(writer: FusedWriter, x: ir.Value) -> ir.Value:
    """Return x / 2 (1 + erf(x / sqrt 2))."""
    root = writer.number("sqrt_2", math.sqrt(2))
    error = writer.add("Erf", [writer.add("Div", [x, root])])
    return _gate(writer, x, error)


def _lower_fast_gelu(writer: FusedWriter) -> Outputs:
    """Write x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), x with a bias."""
    x = writer.added(writer.first(), 1)
    square = writer.add("Mul", [x, x])
    cube = writer.add("Mul", [square, x])
    term = writer.scaled(cube, "cubic", 0.044715)
    inner = writer.add("Add", [x, term])
    scaled = writer.scaled(inner, "sqrt_2_pi", math.sqrt(2 / math.pi))
    return (_gate(writer, x, writer.add("Tanh", [scaled])),)


def _gate(writer: FusedWriter, x: ir.Value, curve: ir.Value) -> ir.Value:
    """Return x / 2 (1 + curve)."""
    shifted = writer.add("Add", [curve, writer.number("one", 1)])
    product = writer.add("Mul", [x, shifted])
    return writer.add("Mul", [product, writer.number("half", 0.5)])


def _lower_quick_gelu(writer: FusedWriter) -> Outputs:
    """Write x sigmoid(alpha x)."""
    x = writer.first()
    inner = writer.scaled(x, "alpha", writer.float_of("alpha", 1.702))
    return (writer.add("Mul", [x, writer.add("Sigmoid", [inner])]),)


def _lower_conv(writer: FusedWriter) -> Outputs | None:
    """Write a Conv with an activation behind it, and perhaps a sum between."""
    name = writer.node.attributes.get_string("activation", "")
    parameters = writer.node.attributes.get_floats("activation_params", [])
    known = _attributes_of_activation(name, parameters)
    if known is None:
        return None
    attributes = writer.own_attributes("activation", "activation_params")
    inputs = [writer.given(position) for position in range(3)]
    y = writer.add("Conv", inputs, attributes)
    return (_activate(writer, name, writer.added(y, 3), known),)


def _lower_gemm(writer: FusedWriter) -> Outputs | None:
    """Write a Gemm with an activation behind it."""
    attributes = writer.node.attributes
    name = attributes.get_string("activation", "")
    own = [each for each in attributes if each.startswith("activation")]
    found = {
        each.removeprefix("activation_"): attributes.get_float(each, 0.0)
        for each in own
        if each != "activation"
    }
    if name not in _PARAMETERS or name == "Clip":
        return None
    y = writer.add("Gemm", writer.node.inputs, writer.own_attributes(*own))
    return (_activate(writer, name, y, found),)


_PARAMETERS: Mapping[str, Sequence[str]] = {
    "Clip": ("min", "max"),
    "Elu": ("alpha",),
    "HardSigmoid": ("alpha", "beta"),
    "LeakyRelu": ("alpha",),
    "Relu": (),
    "Selu": ("alpha", "gamma"),
    "Sigmoid": (),
    "Softplus": (),
    "Softsign": (),
    "Tanh": (),
    "ThresholdedRelu": ("alpha",),
}
"""Activations behind a Conv or a Gemm, and the attributes they come with, in order."""


def _attributes_of_activation(
    name: str, parameters: Sequence[float]
) -> dict[str, float] | None:
    """Return parameters by name; None if the activation is not known."""
    if name not in _PARAMETERS or len(parameters) > len(_PARAMETERS[name]):
        return None
    return dict(zip(_PARAMETERS[name], parameters, strict=False))


def _activate(
    writer: FusedWriter, name: str, x: ir.Value, attributes: Mapping[str, float]
) -> ir.Value:
    if name != "Clip" or writer.opset < _BOUNDS_ARE_INPUTS:
        return writer.add(name, [x], attributes)
    bounds = [writer.number(each, value) for each, value in attributes.items()]
    return writer.add("Clip", [x, *bounds])


def _lower_matmul(writer: FusedWriter) -> Outputs | None:
    """Write alpha times the product of two operands, each perhaps transposed."""
    if writer.is_set("transBatchA") or writer.is_set("transBatchB"):
        return None
    operands = []
    for position, name in enumerate(("transA", "transB")):
        operand = writer.required(position)
        order = None
        if writer.is_set(name):
            order = _swapped_axes(operand)
            if order is None:
                return None
        operands.append((operand, order))
    factors = [_transposed(writer, *operand) for operand in operands]
    product = writer.add("MatMul", factors)
    return (writer.scaled(product, "alpha", writer.float_of("alpha", 1.0)),)


def _swapped_axes(value: ir.Value) -> list[int] | None:
    """Return the order of axes that swaps the last two; None if the rank is not known."""
    if value.shape is None:
        return None
    order = list(range(value.shape.rank()))
    order[-2:] = reversed(order[-2:])
    return order


def _transposed(
    writer: FusedWriter, value: ir.Value, order: Sequence[int] | None
) -> ir.Value:
    if order is None:
        return value
    return writer.add("Transpose", [value], {"perm": order})


FUSED: Mapping[str, Rule] = {
    "BiasGelu": _lower_bias_gelu,
    "FastGelu": _lower_fast_gelu,
    "FusedConv": _lower_conv,
    "FusedGemm": _lower_gemm,
    "FusedMatMul": _lower_matmul,
    "Gelu": _lower_gelu,
    "QuickGelu": _lower_quick_gelu,
    "SkipLayerNormalization": lower_skip_layer_normalization,
    "SkipSimplifiedLayerNormalization": lower_skip_root_mean_square,
    "TransposeMatMul": _lower_matmul,
}
"""Operators of the domain com.microsoft, and how each is written."""

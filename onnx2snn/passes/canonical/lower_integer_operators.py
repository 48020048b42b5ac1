"""Rewrite integer operators as float ones between quantizers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import (
    constant,
    display_name,
    is_op,
    remove_unused,
    take_over,
)
from onnx2snn.graph.integer_movement import lower_movement
from onnx2snn.graph.integer_operators import lowering_of
from onnx2snn.graph.integer_products import lower_integer_product
from onnx2snn.graph.integer_scales import LinearScale, record_scale
from onnx2snn.graph.integer_writer import IntegerWriter
from onnx2snn.graph.quantizers import (
    CONTRIB,
    dequantized,
    is_dequantize,
    is_quantize,
    quantizer_of,
)

if TYPE_CHECKING:
    from onnx2snn.graph.integer_operators import Lowering
    from onnx2snn.graph.integer_scales import Scales

__all__ = ["LowerIntegerOperators", "has_integer_operators"]

_PRODUCTS = ("ConvInteger", "MatMulInteger")

_EVERYWHERE = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT32)
"""Types that the quantizers of ONNX took before opset 21."""

_ALL_TYPES = 21
"""Opset from which on they take all types."""


@dataclass(frozen=True)
class LowerIntegerOperators(ir.passes.InPlacePass):
    """Rewrite operators on quantized integers as float operators between quantizers.

    With Q a QuantizeLinear and D a DequantizeLinear, each with the scale s and the zero point z
    that the operator has for its operand:

        before:  y = QLinearConv(x, sx, zx, w, sw, zw, sy, zy, b)
        after:   y = Q(Conv(D(x, sx, zx), D(w, sw, zw), sx * sw * b), sy, zy)

        before:  q, s, z = DynamicQuantizeLinear(x)
                 y = Mul(Cast(ConvInteger(q, w, z, k)), Mul(s, t))
        after:   y = Conv(D(q, s, z), D(w, t, k))

        before:  y = MaxPool(x)                  on integers that a quantizer made
        after:   y = Q(MaxPool(D(x, s, z)), s, z)

    So are QLinearMatMul, MatMulInteger, and the operators that onnxruntime's quantizer writes
    (QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax, QLinearConcat,
    QLinearWhere, QLinearAveragePool, QLinearGlobalAveragePool, QGemm, DynamicQuantizeMatMul,
    DynamicQuantizeLSTM, MatMulIntegerToFloat, MatMulNBits), and what moves, selects or compares
    integers. A
    DequantizeLinear of constants becomes a constant, whatever its type: integers of 2 to 32
    bits, float8, one scale, one for each channel or for each block. Main graph and subgraphs.

    Exact but for rounding: where a sum comes to lie between two integers, floats may round it
    to the other one. A Resize that interpolates, too, may be off by one; and what a
    DynamicQuantizeLSTM rounds inside, before it multiplies, is not rounded any more.

    Left as they are: integers whose scale is not known; operators with ``channels_last``, which
    come from onnxruntime's optimizer; MatMulNBits and DynamicQuantizeLSTM whose weights are
    computed or reordered.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite graph by graph."""
        opset = model.opset_imports.get("", 0)
        modified = False
        for graph in model.graphs():
            if _lower_graph(graph, opset):
                modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def has_integer_operators(model: ir.Model) -> bool:
    """Whether ``model`` has operators that compute with quantized integers."""
    for node in model.graph.all_nodes():
        if is_op(node, *_PRODUCTS) or lowering_of(node) is not None:
            return True
    return False


def _lower_graph(graph: ir.Graph, opset: int) -> bool:
    """Rewrite in the order of a graph: a scale is recorded before it is needed."""
    scales: Scales = {}
    modified = False
    for node in tuple(graph):
        if is_quantize(node):
            record_scale(node, scales)
        if is_quantize(node) or is_dequantize(node):
            is_rewritten = _spell_as_onnx(node, opset)
        else:
            is_rewritten = _lower_node(node, scales)
        modified = modified or is_rewritten
    for node in tuple(graph):
        if is_dequantize(node) and _fold_dequantize(node):
            modified = True
    return modified


def _lower_node(node: ir.Node, scales: Scales) -> bool:
    """Rewrite a node that is no quantizer, if it is on integers; whether it was."""
    if is_op(node, "DynamicQuantizeLinear"):
        integers, scale, zero_point = node.outputs
        scales[integers] = LinearScale(scale, zero_point)
        return False
    if is_op(node, *_PRODUCTS):
        lower_integer_product(node, scales)
        return True
    lower = lowering_of(node)
    if lower is None:
        return lower_movement(node, scales)
    if node.attributes.get_int("channels_last", 0) != 0:
        return False
    return _replace_by_float_form(node, lower, scales)


def _spell_as_onnx(node: ir.Node, opset: int) -> bool:
    """Make a quantizer of onnxruntime one of ONNX, if its types allow; whether it was made so.

    One that stays gets the type and shape that no shape inference knows of it.
    """
    if node.domain != CONTRIB:
        return False
    quantizer = quantizer_of(node)
    if quantizer is None:
        return False
    if opset >= _ALL_TYPES or quantizer.dtype in _EVERYWHERE:
        node.domain = ""
        return True
    dtype = ir.DataType.FLOAT if is_dequantize(node) else quantizer.dtype
    data = node.inputs[0]
    output = node.outputs[0]
    if output.type is None:
        output.type = ir.TensorType(dtype)
    if output.shape is None and data is not None:
        output.shape = data.shape
    return False


def _replace_by_float_form(node: ir.Node, lower: Lowering, scales: Scales) -> bool:
    """Put the float form of an operator in its place; whether it has one."""
    result = lower(IntegerWriter(node))
    if result is None:
        return False
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    last = _find_producer(result)
    results = [result] if len(node.outputs) == 1 else last.outputs
    for old, new in zip(node.outputs, results, strict=True):
        take_over(old, new)
    graph.remove(node, safe=True)
    if is_quantize(last):
        record_scale(last, scales)
        last = _find_producer(last.inputs[0])
    last.name = display_name(node)
    return True


def _find_producer(value: ir.Value | None) -> ir.Node:
    node = None if value is None else value.producer()
    assert node is not None  # a node that was just written
    return node


def _fold_dequantize(node: ir.Node) -> bool:
    """Put a constant in the place of a DequantizeLinear of constants; whether it is one."""
    real = dequantized(node)
    output = node.outputs[0]
    scale = node.inputs[1]
    if real is None or output.is_graph_output():
        return False
    if scale is None or scale.dtype is None:
        return False
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    dtype = scale.dtype.numpy()
    known = constant(graph, f"{output.name}.folded", real.astype(dtype))
    take_over(output, known)
    known.shape = ir.Shape(real.shape)
    graph.remove(node, safe=True)
    return True

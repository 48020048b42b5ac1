"""Rewrite integer operators as float ones between quantizers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    array,
    constant,
    display_name,
    fresh_name,
    is_constant,
    is_op,
    remove_unused,
    take_over,
)
from onnx2snn.graph.integer_operators import INTEGER_OPERATORS, IntegerWriter
from onnx2snn.graph.integer_products import lower_integer_product
from onnx2snn.graph.quantizers import (
    CONTRIB,
    dequantized,
    is_dequantize,
    is_quantize,
    quantizer_of,
)

if TYPE_CHECKING:
    from onnx2snn.graph.integer_products import Scales

    _Scale = tuple[ir.Value | None, ir.Value | None]

__all__ = ["LowerIntegerOperators", "has_integer_operators"]

_PRODUCTS = ("ConvInteger", "MatMulInteger")

_MOVING = frozenset({
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "Identity", "Max", "MaxPool", "Min", "Pad", "ReduceMax", "ReduceMin", "Reshape", "Resize",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
"""Operators that do to quantized integers what they do to the real numbers these stand for."""

_SEVERAL = ("Concat", "Max", "Min")
"""Those of them all of whose inputs are data."""

_COMPARING = ("ArgMax", "ArgMin")
"""Operators whose result is the same for integers and for the real numbers they stand for."""

_EVERYWHERE = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT32)
"""Types that the quantizers of ONNX took before opset 21."""

_ALL_TYPES = 21
"""Opset from which on they take all types."""


@dataclasses.dataclass(frozen=True)
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
        """Rewrite in the order of each graph, so that scales are known when they are needed."""
        modified = False
        for graph in model.graphs():
            modified = (
                _Lowering(graph, model.opset_imports.get("", 0)).run() or modified
            )
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def has_integer_operators(model: ir.Model) -> bool:
    """Whether ``model`` has operators that compute with quantized integers."""
    return any(
        _key(node) in INTEGER_OPERATORS or is_op(node, *_PRODUCTS)
        for node in model.graph.all_nodes()
    )


def _key(node: ir.Node) -> tuple[str, str]:
    return ("" if node.domain == "ai.onnx" else node.domain), node.op_type


class _Lowering:
    """One graph, and what is known of the integers in it."""

    def __init__(self, graph: ir.Graph, opset: int) -> None:
        self._graph = graph
        self._opset = opset
        self._scales: Scales = {}

    def run(self) -> bool:
        modified = False
        for node in tuple(self._graph):
            modified = self._lower(node) or modified
        folded = [_fold(node) for node in tuple(self._graph) if is_dequantize(node)]
        return modified or any(folded)

    def _lower(self, node: ir.Node) -> bool:
        if is_quantize(node) or is_dequantize(node):
            return self._note(node)
        if is_op(node, "DynamicQuantizeLinear"):
            self._scales[node.outputs[0]] = (node.outputs[1], node.outputs[2])
            return False
        if is_op(node, *_PRODUCTS):
            lower_integer_product(node, self._scales)
            return True
        return self._rewrite(node) or self._move(node)

    def _rewrite(self, node: ir.Node) -> bool:
        """Put the float form of an operator in its place."""
        write = INTEGER_OPERATORS.get(_key(node))
        if write is None or node.attributes.get_int("channels_last", 0) != 0:
            return False
        result = write(IntegerWriter(node))
        if result is None:
            return False
        last = _producer(result)
        results = [result] if len(node.outputs) == 1 else last.outputs
        for old, new in zip(node.outputs, results, strict=True):
            take_over(old, new)
        self._graph.remove(node, safe=True)
        if is_quantize(last):
            self._note(last)
            last = _producer(last.inputs[0])
        last.name = display_name(node)
        return True

    def _note(self, node: ir.Node) -> bool:
        """Remember the scale of a quantizer, and spell it as ONNX does if its types allow."""
        if is_quantize(node) and _is_single(node.inputs[1]):
            self._scales[node.outputs[0]] = (node.inputs[1], [*node.inputs, None][2])
        if node.domain != CONTRIB:
            return False
        quantizer = quantizer_of(node)
        if quantizer is None:
            return False
        if self._opset >= _ALL_TYPES or quantizer.dtype in _EVERYWHERE:
            node.domain = ""
            return True
        is_real = is_dequantize(node)
        dtype = ir.DataType.FLOAT if is_real else quantizer.dtype
        output, data = node.outputs[0], node.inputs[0]
        output.type = output.type or ir.TensorType(dtype)
        output.shape = output.shape or (data.shape if data is not None else None)
        return False

    def _move(self, node: ir.Node) -> bool:
        """Let a node that moves or compares integers do so with the real numbers they stand for."""
        data = node.inputs if is_op(node, *_SEVERAL) else node.inputs[:1]
        known = [self._scales[value] for value in data if value in self._scales]
        if (
            not known
            or len(known) < len(data)
            or not all(map(_same, known, known[:1] * len(known)))
        ):
            return False
        moves = is_op(node, *_MOVING) and not _indices_are_read(node)
        if not moves and not is_op(node, *_COMPARING):
            return False
        scale, zero_point = known[0]
        writer = IntegerWriter(node)
        if _fills(node):
            fill = writer.given(2) or writer.constant("fill", _zero(data[0]))
            _set_input(node, 2, writer.dequantized((fill, scale, zero_point)))
        for position, value in enumerate(tuple(data)):
            node.replace_input_with(
                position, writer.dequantized((value, scale, zero_point))
            )
        for output in node.outputs if moves else ():
            self._quantize(output, scale, zero_point)
        return True

    def _quantize(
        self, output: ir.Value, scale: ir.Value | None, zero_point: ir.Value | None
    ) -> None:
        """Let the readers of ``output``, which has become real, read integers as before."""
        node = _producer(output)
        inputs = [output, scale, *([] if zero_point is None else [zero_point])]
        quantize = ir.node(
            "QuantizeLinear", inputs, name=f"{display_name(node)}.QuantizeLinear"
        )
        self._graph.insert_after(node, quantize)
        integers = quantize.outputs[0]
        take_over(output, integers)
        quantize.replace_input_with(0, output)
        output.name = fresh_name(self._graph, f"{integers.name}.real")
        output.type = None if scale is None else scale.type
        self._note(quantize)


def _producer(value: ir.Value | None) -> ir.Node:
    node = None if value is None else value.producer()
    assert node is not None  # a node that was just written
    return node


def _same(a: _Scale, b: _Scale) -> bool:
    """Whether two quantizers have the same scale and the same zero point."""
    return all(
        x is y
        or (is_constant(x) and is_constant(y) and np.array_equal(array(x), array(y)))
        for x, y in zip(a, b, strict=True)
    )


def _is_single(scale: ir.Value | None) -> bool:
    """Whether a scale is one number."""
    if is_constant(scale):
        return array(scale).size == 1
    return scale is not None and scale.shape is not None and len(scale.shape) == 0


def _indices_are_read(node: ir.Node) -> bool:
    extra = node.outputs[1:] if is_op(node, "MaxPool") else ()
    return any(value.uses() or value.is_graph_output() for value in extra)


def _fills(node: ir.Node) -> bool:
    return (
        is_op(node, "Pad")
        and node.attributes.get_string("mode", "constant") == "constant"
    )


def _zero(integers: ir.Value | None) -> np.ndarray:
    dtype = None if integers is None else integers.dtype
    return np.zeros([], (dtype or ir.DataType.UINT8).numpy())


def _set_input(node: ir.Node, position: int, value: ir.Value) -> None:
    if len(node.inputs) <= position:
        node.resize_inputs(position + 1)
    node.replace_input_with(position, value)


def _fold(node: ir.Node) -> bool:
    """Put a constant in the place of a DequantizeLinear of constants."""
    real, output, scale = dequantized(node), node.outputs[0], node.inputs[1]
    if real is None or output.is_graph_output() or scale is None or scale.dtype is None:
        return False
    assert isinstance(node.graph, ir.Graph)
    known = constant(
        node.graph, f"{output.name}.folded", real.astype(scale.dtype.numpy())
    )
    take_over(output, known)
    known.shape = ir.Shape(real.shape)
    node.graph.remove(node, safe=True)
    return True

"""Write a dense layer as one Gemm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    array,
    constant,
    has_one_reader,
    is_constant,
    is_op,
    remove_unused,
    replace_node,
)

__all__ = ["LowerMatMulAdd"]

_MATRIX = 2
_REAL = (np.float16, np.float32, np.float64)


@dataclass(frozen=True)
class LowerMatMulAdd(ir.passes.InPlacePass):
    """Rewrite ``Add(MatMul(x, W), b)`` on a matrix as one ``Gemm``.

        before:  h = MatMul(x, W);  y = Add(h, b)
        after:   y = Gemm(x, W, b)

    Exact up to rounding. W is a constant [K, C], b a constant of shape [C] or [1, C] on
    either side of the Add, and x a matrix. Main graph and subgraphs.

    Left as they are: a product that has other readers, an x of another or an unknown rank, and
    a product that is not of two float32, float16 or float64 matrices.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite every Add."""
        modified = False
        for graph in model.graphs():
            for node in tuple(graph):
                layer = _match_dense_layer(node)
                if layer is not None:
                    _replace_by_gemm(graph, layer)
                    modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


@dataclass(frozen=True)
class _DenseLayer:
    """A product of a matrix and constant weights, and the Add behind it."""

    matmul: ir.Node
    add: ir.Node
    bias: ir.Value


def _match_dense_layer(add: ir.Node) -> _DenseLayer | None:
    """Return the layer that ends with ``add``, if there is one."""
    if not is_op(add, "Add"):
        return None
    left, right = add.inputs
    if left is None or right is None:
        return None
    for product, bias in ((left, right), (right, left)):
        matmul = product.producer()
        if matmul is None or not is_op(matmul, "MatMul"):
            continue
        if has_one_reader(product) and _is_dense(matmul, bias):
            return _DenseLayer(matmul, add, bias)
    return None


def _is_dense(matmul: ir.Node, bias: ir.Value) -> bool:
    """Whether a matrix is multiplied by a constant one, and ``bias`` is a number a column."""
    x, weight = matmul.inputs
    if x is None or x.shape is None or len(x.shape) != _MATRIX:
        return False
    if not is_constant(weight) or not is_constant(bias):
        return False
    kernel = array(weight)
    if kernel.ndim != _MATRIX or kernel.dtype not in _REAL:
        return False
    columns = kernel.shape[1]
    return array(bias).shape in ((columns,), (1, columns))


def _replace_by_gemm(graph: ir.Graph, layer: _DenseLayer) -> None:
    name = layer.add.outputs[0].name
    vector = array(layer.bias).reshape(-1)
    bias = constant(graph, f"{name}.bias", vector)
    inputs = [*layer.matmul.inputs, bias]
    replace_node(layer.add, ir.Node("", "Gemm", inputs), dead=(layer.matmul,))

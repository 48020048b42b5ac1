"""Write a dense layer as one Gemm."""

from __future__ import annotations

import dataclasses

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


@dataclasses.dataclass(frozen=True)
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
        lowered = [_lower(node) for graph in model.graphs() for node in tuple(graph)]
        if any(lowered):
            remove_unused(model)
        return ir.passes.PassResult(model, modified=any(lowered))


def _lower(add: ir.Node) -> bool:
    if not is_op(add, "Add"):
        return False
    for product, bias in (add.inputs, reversed(add.inputs)):
        matmul = product.producer() if product is not None else None
        if matmul is not None and bias is not None and _is_dense(matmul, bias):
            assert isinstance(add.graph, ir.Graph)
            b = constant(
                add.graph, f"{add.outputs[0].name}.bias", array(bias).reshape(-1)
            )
            replace_node(add, ir.Node("", "Gemm", [*matmul.inputs, b]), dead=(matmul,))
            return True
    return False


def _is_dense(matmul: ir.Node, bias: ir.Value) -> bool:
    if not is_op(matmul, "MatMul") or not has_one_reader(matmul.outputs[0]):
        return False
    x, weight = matmul.inputs
    if x is None or x.shape is None or len(x.shape) != _MATRIX:
        return False
    if not is_constant(weight) or not is_constant(bias):
        return False
    kernel, shift = array(weight), array(bias)
    return (
        kernel.ndim == _MATRIX
        and kernel.dtype in (np.float16, np.float32, np.float64)
        and shift.shape in ((kernel.shape[1],), (1, kernel.shape[1]))
    )

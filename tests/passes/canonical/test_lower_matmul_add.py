from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.lower_matmul_add import LowerMatMulAdd
from onnx2snn.testing import check_pass

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
WEIGHT = "float[3,2] w = {1, -2, 3, 0.5, 5, -6}"


def feeds(*shape: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(3).standard_normal(shape).astype(np.float32)}


@pytest.mark.parametrize("bias", ["float[2] b = {0.5, -1}", "float[1,2] b = {0.5, -1}"])
@pytest.mark.parametrize("operands", ["h, b", "b, h"])
def test_dense_layer(bias: str, operands: str) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float[N,2] y) <{WEIGHT}, {bias}> "
        f"{{ h = MatMul (x, w)  y = Add ({operands}) }}"
    )
    after = check_pass(LowerMatMulAdd(), before, feeds(4, 3))
    assert [node.op_type for node in after.graph] == ["Gemm"]
    assert list(after.graph.initializers) == ["w", "y.bias"]


def test_shared_bias_is_kept() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float[N,2] y) <{WEIGHT}, float[2] b = {{0.5, -1}}> "
        "{ h = MatMul (x, w)  a = Add (h, b)  y = Mul (a, b) }"
    )
    after = check_pass(LowerMatMulAdd(), before, feeds(4, 3))
    assert [node.op_type for node in after.graph] == ["Gemm", "Mul"]


@pytest.mark.parametrize(
    "x, bias, nodes, outputs",
    [
        ("4,5,3", "float[2] b = {0.5, -1}", "", ""),
        ("4,3", "float b = {0.5}", "", ""),
        ("1,3", "float[4,2] b = {1, 2, 3, 4, 5, 6, 7, 8}", "", ""),
        ("4,3", "float[1,1,2] b = {0.5, -1}", "", ""),
        ("4,3", "float[2] b = {0.5, -1}", "", ", z"),
        ("4,3", "float[2] b = {0.5, -1}", "z = Neg (h)", ", z"),
    ],
    ids=[
        "rank 3",
        "scalar",
        "row each",
        "raises the rank",
        "is an output",
        "has a reader",
    ],
)
def test_other_sums_stay(x: str, bias: str, nodes: str, outputs: str) -> None:
    product = "h" if nodes or not outputs else "z"
    before = ir.from_onnx_text(
        f"{HEADER} g (float[{x}] x) => (y{outputs}) <{WEIGHT}, {bias}> "
        f"{{ {product} = MatMul (x, w)  {nodes}  y = Add ({product}, b) }}"
    )
    assert not LowerMatMulAdd()(before).modified


@pytest.mark.parametrize(
    "text",
    [
        f"(float[N,3] x, float[2] b) => (y) <{WEIGHT}> {{ h = MatMul (x, w)  y = Add (h, b) }}",
        (
            "(float[N,3] x, float[3,2] w) => (y) <float[2] b = {1, 2}> "
            "{ h = MatMul (x, w)  y = Add (h, b) }"
        ),
        (
            "(float[3,2] x) => (y) <float[1,3] w = {1, 2, 3}, float[2] b = {1, 2}> "
            "{ h = MatMul (w, x)  y = Add (h, b) }"
        ),
        (
            "(int32[N,3] x) => (y) <int32[3,2] w = {1, 2, 3, 4, 5, 6}, int32[2] b = {1, 2}> "
            "{ h = MatMul (x, w)  y = Add (h, b) }"
        ),
        (
            "(float[N,3] x) => (y) <float[3] w = {1, 2, 3}, float[1] b = {1}> "
            "{ h = MatMul (x, w)  y = Add (h, b) }"
        ),
        "(float[N,3] x) => (y) <float[2] b = {1, 2}> { h = Neg (x)  y = Add (h, x) }",
        f"(float[N,3] x) => (y) <{WEIGHT}> {{ h = MatMul (x, w)  y = Add (, h) }}",
        f"(x) => (y) <{WEIGHT}, float[2] b = {{1, 2}}> {{ h = MatMul (x, w)  y = Add (h, b) }}",
    ],
    ids=[
        "bias",
        "weight",
        "weight first",
        "integers",
        "vector",
        "no product",
        "absent",
        "unknown rank",
    ],
)
def test_other_operands_stay(text: str) -> None:
    before = ir.from_onnx_text(f"{HEADER} g {text}")
    assert not LowerMatMulAdd()(before).modified

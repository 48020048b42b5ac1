from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.passes import ComputeInFloat32
from onnx2snn.testing import run_ort
from tests.models import model, normal

PASS = ComputeInFloat32()


def network(name: str, dtype: str) -> ir.Model:
    """Return a network of matrices: onnxruntime has no convolution in double precision."""
    return model(
        f"({name}[N,5,4] x) => ({name}[N,5,3] y, {name}[N,5,6] z) {{ "
        "h = MatMul (x, w)  c = Add (h, b)  r = Relu (c)  z = Add (r, k)  y = MatMul (r, v) }",
        w=normal(1, 4, 6).astype(dtype),
        b=normal(2, 6).astype(dtype),
        v=normal(3, 6, 3).astype(dtype),
        k=normal(4, 5, 1).astype(dtype),
    )


@pytest.mark.parametrize(
    "name, dtype, tolerance",
    [
        ("float16", "float16", 1e-2),
        ("double", "float64", 1e-5),
    ],  # roundings of the smaller type
)
def test_inputs_and_outputs_keep_their_types(
    name: str, dtype: str, tolerance: float
) -> None:
    before = network(name, dtype)
    feeds = {"x": normal(5, 2, 5, 4).astype(dtype)}
    expected = run_ort(before, feeds)
    after = before.clone()
    assert PASS(after).modified
    results = run_ort(after, feeds)
    for key, data in expected.items():
        assert results[key].dtype == data.dtype
        np.testing.assert_allclose(results[key], data, tolerance, tolerance)
    inner = {
        v.dtype for node in after.graph if node.op_type != "Cast" for v in node.outputs
    }
    assert inner == {ir.DataType.FLOAT}


def test_casts_constants_and_subgraphs_follow() -> None:
    before = model(
        "(float16[N,3] x, bool go) => (float16[N,3] y) { "
        "c = Cast <to = 10> (w)  s = Shape (x)  e = ConstantOfShape <value = float16[1] {2}> (s)"
        "  h = Mul (x, c)  y = If (go) <then_branch = a () => (float16[N,3] p) { p = Add (h, e) },"
        " else_branch = b () => (float16[N,3] q) { q = Sub (h, e) }> }",
        w=normal(1, 3),
    )
    feeds = {"x": normal(2, 4, 3).astype(np.float16), "go": np.array(0, np.bool_)}
    expected = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    # two roundings to float16, of numbers below 4
    np.testing.assert_allclose(run_ort(before, feeds)["y"], expected, atol=8e-3)


def test_sequences_follow() -> None:
    before = model(
        "(float16[N,3] x) => (float16[M,3] y) { s = SequenceConstruct (x, x)"
        "  y = ConcatFromSequence <axis = 0> (s) }",
    )
    feeds = {"x": normal(2, 4, 3).astype(np.float16)}
    expected = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    np.testing.assert_array_equal(run_ort(before, feeds)["y"], expected)


def test_single_precision_is_left_alone() -> None:
    before = network("float", "float32")
    assert not PASS(before).modified


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_network_of_another_type_is_converted(dtype: str) -> None:
    ann = network({"float16": "float16", "float64": "double"}[dtype], dtype)
    data = normal(5, 32, 5, 4).astype(dtype)
    conversion = onnx2snn.convert(ann, T=64, calibration=data)
    outputs = onnx2snn.load(conversion.model).run({"x": data})
    expected = run_ort(ann, {"x": data})
    for key, value in expected.items():
        assert outputs[key].dtype == value.dtype
        error = np.linalg.norm((outputs[key] - value).astype(float))
        assert error < 0.05 * np.linalg.norm(
            value.astype(float)
        )  # a 64-level quantizer, twice

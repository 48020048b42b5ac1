from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.passes import CanonicalizeActivations, RemoveQuantization
from onnx2snn.testing import run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

PASS = RemoveQuantization()
SCALE = {"s": np.array(0.05, np.float32)}


def quantised(zero_point: np.ndarray, *, tail: str = "") -> ir.Model:
    return model(
        "(float[N,3] x) => (float[N,3] y) { q = QuantizeLinear (x, s, z)"
        f"  y = DequantizeLinear (q, s, z) {tail}}}",
        z=zero_point,
        **SCALE,
    )


def operators(ann: ir.Model) -> list[str]:
    return [node.op_type for node in ann.graph]


@pytest.mark.parametrize(
    "zero_point, high",
    [(np.array(0, np.uint8), 0.05 * 255), (np.array(-128, np.int8), 0.05 * 255)],
)
def test_a_range_from_zero_is_a_clip(zero_point: np.ndarray, high: float) -> None:
    ann = quantised(zero_point)
    feeds = {"x": 20 * normal(1, 64, 3)}
    expected = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    assert operators(ann) == ["Clip"]
    result = run_ort(ann, feeds)["y"]
    assert result.max() == pytest.approx(high)
    np.testing.assert_allclose(result, expected, atol=0.05 / 2 + 1e-6)  # half a step


def test_any_other_range_leaves_nothing() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,3] y) { h = Neg (x)  q = QuantizeLinear (h, s, z)"
        "  d = DequantizeLinear (q, s, z)  y = Abs (d) }",
        z=np.array(5, np.int8),
        **SCALE,
    )
    assert PASS(ann).modified
    assert operators(ann) == ["Neg", "Abs"]


@pytest.mark.parametrize(
    "body",
    [
        "y = DequantizeLinear (x, s, z)",
        "h = Cast <to = 1> (x)  q = QuantizeLinear (h, s, z)  y = DequantizeLinear (q, t, z)",
        (
            "h = Cast <to = 1> (x)  q = QuantizeLinear <axis = 1> (h, a, c)"
            "  y = DequantizeLinear <axis = 1> (q, a, c)"
        ),
    ],
    ids=["input", "other scale", "along an axis"],
)
def test_left_alone(body: str) -> None:
    ann = model(
        f"(uint8[N,3] x) => (float[N,3] y) {{ {body} }}",
        z=np.array(3, np.uint8),
        t=np.array(0.1, np.float32),
        a=np.array([0.1, 0.2, 0.3], np.float32),
        c=np.array([0, 0, 0], np.uint8),
        **SCALE,
    )
    before = operators(ann)
    assert not PASS(ann).modified
    assert operators(ann) == before


def test_a_relu_in_front_becomes_part_of_the_clip() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,3] y) { r = Relu (x)  q = QuantizeLinear (r, s, z)"
        "  y = DequantizeLinear (q, s, z) }",
        z=np.array(0, np.uint8),
        **SCALE,
    )
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["Clip"]


def test_a_quantised_network_is_converted() -> None:
    ann = model(
        "(float[N,6] x) => (float[N,4] y) { h = MatMul (x, w)  q = QuantizeLinear (h, s, z)"
        "  d = DequantizeLinear (q, s, z)  y = MatMul (d, v) }",
        w=normal(1, 6, 8),
        v=normal(2, 8, 4),
        z=np.array(0, np.uint8),
        **SCALE,
    )
    data = normal(3, 128, 6)
    conversion = onnx2snn.convert(ann, T=64, calibration=data)
    assert [layer["activation"] for layer in conversion.report["layers"]] == ["Clip"]
    result = onnx2snn.load(conversion.model).run({"x": data})["y"]
    expected = run_ort(ann, {"x": data})["y"]
    # 64 levels against 255: an error of a part in 128 of the range for each of 8 inputs
    assert np.linalg.norm(result - expected) < 0.03 * np.linalg.norm(expected)

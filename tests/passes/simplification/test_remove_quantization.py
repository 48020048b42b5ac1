from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.metadata.scale import QUANTIZER_RANGE
from onnx2snn.passes import (
    CanonicalizeActivations,
    InferShapes,
    LowerIntegerOperators,
    MoveMaxPool,
    RemoveQuantization,
)
from onnx2snn.testing import run_ort
from tests.models import model, normal

PASS = RemoveQuantization()
CONSTANTS = {
    "w": normal(1, 3, 3),
    "s": np.array(0.05, np.float32),
    "z": np.array(0, np.uint8),
    "t": np.array(0.1, np.float32),
    "signed": np.array(0, np.int8),
    "a": np.array([0.1, 0.2, 0.3], np.float32),
    "c": np.array([0, 0, 0], np.uint8),
}
PAIR = "q = QuantizeLinear (h, s, z)  d = DequantizeLinear (q, s, z)"


def network(
    body: str, signature: str = "(float[N,3] x) => (float[N,3] y)", **more: np.ndarray
) -> ir.Model:
    used = {
        k: v
        for k, v in (CONSTANTS | more).items()
        if f"{k}," in body or f"{k})" in body
    }
    return model(f"{signature} {{ {body} }}", **used)


def operators(ann: ir.Model) -> list[str]:
    return [node.op_type for node in ann.graph]


def ranges(ann: ir.Model) -> dict[str, tuple[list[float], int | None, int]]:
    """Return the ranges that are annotated, by operator type."""
    return {
        node.op_type: (found.values.tolist(), found.axis, found.levels)
        for node in ann.graph
        for value in node.outputs
        if (found := QUANTIZER_RANGE.read(value)) is not None
    }


def written_range(
    values: list[float], axis: int | None = None, levels: int = 255
) -> object:
    return pytest.approx(np.float32(values)), axis, levels


@pytest.mark.parametrize(
    "zero_point, steps",
    [
        (np.array(0, np.uint8), 255),
        (np.array(-128, np.int8), 255),
        (np.array(-126, np.int8), 253),  # the range begins two steps below 0
        (np.array(0, np.uint16), 65535),
    ],
)
def test_a_range_from_zero_behind_weights_is_a_clip(
    zero_point: np.ndarray, steps: int
) -> None:
    domain = "com.microsoft." if zero_point.dtype == np.uint16 else ""
    ann = model(
        "(float[N,3] x) => (float[N,3] y) { h = MatMul (x, w)  "
        f"q = {domain}QuantizeLinear (h, s, z)  d = {domain}DequantizeLinear (q, s, z)"
        "  y = Neg (d) }",
        '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>',
        w=CONSTANTS["w"],
        s=CONSTANTS["s"],
        z=zero_point,
    )
    feeds = {"x": 20 * normal(2, 64, 3)}
    expected = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    assert operators(ann) == ["MatMul", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.05 * steps], levels=steps)}
    # half a step, and the two steps below 0
    np.testing.assert_allclose(run_ort(ann, feeds)["y"], expected, atol=2.5 * 0.05)
    assert not PASS(ann).modified


@pytest.mark.parametrize(
    "front, quantizer, end, left",
    [
        ("h = MatMul (x, w)", "(h, s, signed)", "Abs", ["MatMul", "Abs"]),
        ("h = Neg (x)", "(h, s, z)", "Abs", ["Neg", "Abs"]),
        ("h = Neg (x)", "(h, s)", "Abs", ["Neg", "Abs"]),
        ("h = Neg (x)", "(h, s, z)", "", ["Neg"]),
        ("", "(x, s, z)", "Abs", ["Abs"]),
        ("", "(x, s, z)", "", ["Identity"]),
    ],
    ids=[
        "signed",
        "in front of weights",
        "default",
        "output",
        "input",
        "input and output",
    ],
)
def test_any_other_range_leaves_nothing(
    front: str, quantizer: str, end: str, left: list[str]
) -> None:
    back = f"(q{quantizer[2:]}"
    body = f"{front}  q = QuantizeLinear {quantizer}  d = DequantizeLinear {back}"
    body = f"{body}  y = {end} (d)" if end else body.replace("d = Deq", "y = Deq")
    ann = network(body)
    assert PASS(ann).modified
    assert operators(ann) == left
    assert not ranges(ann)
    feeds = {"x": normal(2, 4, 3)}
    before = run_ort(network(body), feeds)["y"]
    result = run_ort(ann, feeds)["y"]
    inside = (before > 0) & (before < 6)  # what saturates is left as it is
    assert inside.any()
    np.testing.assert_allclose(
        result[inside], before[inside], atol=0.026
    )  # half a step


def test_a_dynamic_quantizer_leaves_nothing() -> None:
    ann = network(
        "h, u, v = DynamicQuantizeLinear (x)  d = DequantizeLinear (h, u, v)  y = Abs (d)"
    )
    assert PASS(ann).modified
    assert operators(ann) == ["Abs"]


@pytest.mark.parametrize(
    "signature, body",
    [
        ("(uint8[N,3] x) => (float[N,3] y)", "y = DequantizeLinear (x, s, z)"),
        (
            "(float[N,3] x) => (float[N,3] y)",
            "q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, t, z)",
        ),
        (
            "(float[N,3] x, float p) => (float[N,3] y)",
            "q = QuantizeLinear (x, p, z)  y = DequantizeLinear (q, p, z)",
        ),
        (
            "(float[N,3] x) => (float[N,3] y)",
            "q, u, v = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, s, v)",
        ),
    ],
    ids=["input", "other scale", "computed", "half dynamic"],
)
def test_left_alone(signature: str, body: str) -> None:
    ann = network(body, signature)
    before = operators(ann)
    assert not PASS(ann).modified
    assert operators(ann) == before


def test_integers_that_others_read_stay() -> None:
    ann = network(
        f"h = MatMul (x, w)  {PAIR}  y = Neg (d)  i = Identity (q)",
        "(float[N,3] x) => (float[N,3] y, uint8[N,3] i)",
    )
    feeds = {"x": normal(2, 4, 3)}
    expected = run_ort(ann, feeds)["i"]
    assert PASS(ann).modified
    assert sorted(operators(ann)) == sorted(
        ["MatMul", "QuantizeLinear", "Clip", "Neg", "Identity"]
    )
    np.testing.assert_array_equal(run_ort(ann, feeds)["i"], expected)


def test_a_relu_in_front_becomes_part_of_the_clip() -> None:
    ann = network(f"g = MatMul (x, w)  h = Relu (g)  {PAIR}  y = Neg (d)")
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["MatMul", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.05 * 255])}


def test_a_signed_quantizer_behind_a_relu_bounds_it() -> None:
    ann = network(
        "g = MatMul (x, w)  h = Relu (g)  q = QuantizeLinear (h, s, signed)"
        "  d = DequantizeLinear (q, s, signed)  y = Neg (d)"
    )
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["MatMul", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.05 * 127], levels=127)}


@pytest.mark.parametrize(
    "tail, left",
    [
        ("y = Add (d, h)", ["MatMul", "Relu", "Add"]),
        ("p = QuantizeLinear (h, t, z)  e = DequantizeLinear (p, t, z)  y = Add (d, e)",
         ["MatMul", "Clip", "Add"]),
        ("p = QuantizeLinear (h, s, z)  e = DequantizeLinear (p, s, z)  y = Add (d, e)",
         ["MatMul", "Clip", "Add"]),
        ("e = DequantizeLinear (q, s, z)  y = Add (d, e)", ["MatMul", "Clip", "Add"]),
    ],
    ids=["another reader", "other scale", "same scale", "two dequantizers"],
)  # fmt: skip
def test_all_readers_of_a_rectified_value_share_one_rectifier(
    tail: str, left: list[str]
) -> None:
    ann = network(f"g = MatMul (x, w)  h = Relu (g)  {PAIR}  {tail}")
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == left
    largest = 0.1 if "(h, t, z)" in tail else 0.05
    assert ranges(ann) == {left[1]: written_range([largest * 255])}


def test_quantizers_of_one_value_that_is_not_rectified() -> None:
    ann = network(
        f"h = MatMul (x, w)  {PAIR}  p = QuantizeLinear (h, t, z)  e = DequantizeLinear (p, t, z)"
        "  r = QuantizeLinear (h, s, signed)  f = DequantizeLinear (r, s, signed)"
        "  g = Add (d, e)  y = Add (g, f)"
    )
    PASS(ann)
    assert operators(ann) == ["MatMul", "Clip", "Add", "Add"]
    (add, last) = [node for node in ann.graph if node.op_type == "Add"]
    assert add.inputs[0] is add.inputs[1]
    assert last.inputs[1] is next(iter(ann.graph)).outputs[0]
    assert ranges(ann) == {"Clip": written_range([0.1 * 255])}


@pytest.mark.parametrize(
    "body, left, expected",
    [
        (
            "h = MaxPool <kernel_shape = [2]> (g)",
            ["Conv", "Relu", "MaxPool"],
            {"Relu": written_range([0.05 * 255])},
        ),
        (
            "t0 = Transpose <perm = [0, 2, 1]> (g)  h = Flatten (t0)",
            ["Conv", "Relu", "Transpose", "Flatten"],
            {"Relu": written_range([0.05 * 255])},
        ),
        ("h = Add (g, g)", ["Conv", "Relu", "Add"], {}),
        (
            "h = AveragePool <kernel_shape = [2]> (g)",
            ["Conv", "Relu", "AveragePool"],
            {},
        ),
    ],
)
def test_a_value_that_is_never_negative_needs_no_rectifier(
    body: str, left: list[str], expected: dict[str, object]
) -> None:
    ann = network(
        f"k0 = Conv (x, kernel)  g = Relu (k0)  {body}  {PAIR}  y = Neg (d)",
        "(float[N,3,8] x) => (float[N,L] y)"
        if "Flatten" in body
        else "(float[N,3,8] x) => (float[N,C,L] y)",
        kernel=normal(1, 4, 3, 3),
    )
    PASS(ann)
    assert operators(ann) == [*left, "Neg"]
    assert ranges(ann) == expected


def test_a_second_quantizer_does_not_change_the_first_ones_range() -> None:
    ann = network(
        f"k0 = Conv (x, kernel)  h = Relu (k0)  {PAIR}  m = MaxPool <kernel_shape = [2]> (d)"
        "  p = QuantizeLinear (m, t, z)  e = DequantizeLinear (p, t, z)  y = Neg (e)",
        "(float[N,3,8] x) => (float[N,C,L] y)",
        kernel=normal(1, 4, 3, 3),
    )
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["Conv", "Clip", "MaxPool", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.05 * 255])}
    InferShapes()(ann)
    MoveMaxPool()(ann)
    assert operators(ann) == ["Conv", "MaxPool", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.05 * 255])}


@pytest.mark.parametrize("rectified", [True, False])
def test_scales_along_an_axis_leave_a_relu(*, rectified: bool) -> None:
    front = "g = MatMul (x, w)  h = Relu (g)" if rectified else "h = MatMul (x, w)"
    ann = network(
        f"{front}  q = QuantizeLinear <axis = -1> (h, a, c)"
        "  d = DequantizeLinear <axis = -1> (q, a, c)  y = Neg (d)"
    )
    PASS(ann)
    assert operators(ann) == ["MatMul", "Relu", "Neg"]
    assert ranges(ann) == {"Relu": written_range([0.1 * 255, 0.2 * 255, 0.3 * 255], 1)}


def test_signed_scales_along_an_axis_leave_nothing() -> None:
    ann = network(
        "h = MatMul (x, w)  q = QuantizeLinear <axis = 1> (h, a, c)"
        "  d = DequantizeLinear <axis = 1> (q, a, c)  y = Neg (d)",
        c=np.array([0, 0, 0], np.int8),
    )
    PASS(ann)
    assert operators(ann) == ["MatMul", "Neg"]


def test_blocks_leave_a_rectifier_with_one_range() -> None:
    ann = model(
        "(float[4,6] x) => (float[4,6] y) { h = MatMul (x, w)"
        "  q = QuantizeLinear <axis = 1, block_size = 3> (h, s, z)"
        "  d = DequantizeLinear <axis = 1, block_size = 3> (q, s, z)  y = Neg (d) }",
        '<ir_version: 10, opset_import: ["" : 21]>',
        w=normal(1, 6, 6),
        s=np.array([[0.1, 0.2]] * 4, np.float32),
        z=np.zeros((4, 2), np.uint8),
    )
    PASS(ann)
    assert operators(ann) == ["MatMul", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.2 * 255])}


@pytest.mark.parametrize("is_rectified", [True, False])
def test_eight_bits_with_an_exponent(*, is_rectified: bool) -> None:
    """They reach as far below 0 as above, so that they bound a Relu and are linear elsewhere."""
    scale = onnx.helper.make_tensor("s", onnx.TensorProto.FLOAT, [], [0.5])
    zero = onnx.helper.make_tensor("z", onnx.TensorProto.FLOAT8E4M3FN, [], [0.0])
    relu = "h = Relu (g)" if is_rectified else "h = Neg (g)"
    proto = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> n (float[N,3] x) => (float[N,3] y) '
        f"{{ g = MatMul (x, w)  {relu}  {PAIR}  y = Neg (d) }}"
    )
    weights = onnx.numpy_helper.from_array(CONSTANTS["w"], "w")
    proto.graph.initializer.extend([scale, zero, weights])
    ann = ir.from_proto(proto)
    InferShapes()(ann)
    assert PASS(ann).modified
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["MatMul", "Clip" if is_rectified else "Neg", "Neg"]
    assert ranges(ann) == (
        {"Clip": written_range([224], levels=128)} if is_rectified else {}
    )


def test_requantized_values_have_one_rectifier() -> None:
    ann = network(
        f"h = MatMul (x, w)  {PAIR}  p = QuantizeLinear (d, t, z)"
        "  e = DequantizeLinear (p, t, z)  y = Neg (e)"
    )
    PASS(ann)
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["MatMul", "Clip", "Neg"]


def dense(zero_point: np.ndarray, scale: float = 0.05) -> ir.Model:
    return model(
        "(float[N,6] x) => (float[N,4] y) { h = MatMul (x, w)  q = QuantizeLinear (h, s, z)"
        "  d = DequantizeLinear (q, s, z)  y = MatMul (d, v) }",
        w=normal(1, 6, 8),
        v=normal(2, 8, 4),
        z=zero_point,
        s=np.array(scale, np.float32),
    )


@pytest.mark.parametrize("calibration", [None, normal(3, 128, 6)])
def test_a_quantized_network_is_converted(calibration: np.ndarray | None) -> None:
    ann, data = dense(np.array(0, np.uint8)), normal(3, 128, 6)
    conversion = onnx2snn.convert(ann, T=64, calibration=calibration, hold_out=False)
    (layer,) = conversion.report["layers"]
    assert layer["activation"] == "Clip"
    assert layer["threshold_origin"] == (
        "quantizer" if calibration is None else "calibration"
    )
    result = onnx2snn.load(conversion.model).run({"x": data})["y"]
    expected = run_ort(ann, {"x": data})["y"]
    # 64 levels against 255: an error of a part in 128 of the range for each of 8 inputs
    assert np.linalg.norm(result - expected) < 0.05 * np.linalg.norm(expected)


def test_at_as_many_steps_as_levels_the_quantizer_s_step_is_the_spike() -> None:
    """With thresholds at the range, T = 255 steps send what 255 levels say, up to rounding."""
    ann, data = dense(np.array(0, np.uint8), 1 / 64), normal(3, 128, 6)
    conversion = onnx2snn.convert(ann, T=255)
    assert conversion.report["layers"][0]["v_threshold_max"] == 255 / 64
    result = onnx2snn.load(conversion.model).run({"x": data})["y"]
    # a value half way between two levels may be rounded to either
    np.testing.assert_allclose(result, run_ort(ann, {"x": data})["y"], atol=3 / 64)


def test_integer_operators_become_a_network_with_thresholds_of_their_own() -> None:
    ann = model(
        "(float[N,6] x) => (float[N,4] y) { q = QuantizeLinear (x, s, z)"
        "  i = QLinearMatMul (q, s, z, w, s, z, t, c)"
        "  j = QLinearMatMul (i, t, c, v, s, z, t, z)  y = DequantizeLinear (j, t, z) }",
        w=(normal(1, 6, 8) * 20).astype(np.int8),
        v=(normal(2, 8, 4) * 20).astype(np.int8),
        s=np.array(1 / 32, np.float32),
        z=np.array(0, np.int8),
        t=np.array(1 / 16, np.float32),  # nothing saturates
        c=np.array(-128, np.int8),
    )
    data = normal(3, 64, 6)
    conversion = onnx2snn.convert(ann, T=128)
    assert [layer["threshold_origin"] for layer in conversion.report["layers"]] == [
        "quantizer"
    ]
    assert conversion.report["analysis"]["counts"]["analog"] == 0
    result = onnx2snn.load(conversion.model).run({"x": data})["y"]
    expected = run_ort(ann, {"x": data})["y"]
    assert np.linalg.norm(result - expected) < 0.05 * np.linalg.norm(expected)
    LowerIntegerOperators()(ann)
    PASS(ann)
    assert "QuantizeLinear" not in operators(ann)


FEW_BITS = {
    "integers": "q = QuantizeLinear (h, s, z) k = Clip (q, lo, hi) d = DequantizeLinear (k, s, z)",
    "behind a rectifier": "r = Relu (h) q = QuantizeLinear (r, s, z) k = Clip (q, lo, hi)"
    " d = DequantizeLinear (k, s, z)",
    "in front": "k = Clip (h, zero, top) q = QuantizeLinear (k, s, z)"
    " d = DequantizeLinear (q, s, z)",
}


@pytest.mark.parametrize("body", FEW_BITS.values(), ids=FEW_BITS)
def test_fewer_bits_than_the_type_has_leave_fewer_steps(body: str) -> None:
    limits = {
        "lo": np.array(0, np.uint8),
        "hi": np.array(15, np.uint8),
        "zero": np.array(0, np.float32),
        "top": np.array(0.75, np.float32),
    }
    ann = network(f"h = MatMul (x, w) {body} y = Neg (d)", **limits)
    feeds = {"x": normal(2, 64, 3)}
    expected = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    CanonicalizeActivations()(ann)
    assert operators(ann) == ["MatMul", "Clip", "Neg"]
    assert ranges(ann) == {"Clip": written_range([0.75], levels=15)}
    np.testing.assert_allclose(run_ort(ann, feeds)["y"], expected, atol=0.0251)


def test_a_limit_of_signed_integers_goes_as_their_saturation_does() -> None:
    limits = {"lo": np.array(-7, np.int8), "hi": np.array(7, np.int8)}
    ann = network(
        "h = MatMul (x, w) q = QuantizeLinear (h, t, signed) k = Clip (q, lo, hi)"
        " d = DequantizeLinear (k, t, signed) y = Neg (d)",
        **limits,
    )
    assert PASS(ann).modified
    assert operators(ann) == ["MatMul", "Neg"]

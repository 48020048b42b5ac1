"""Quantizers in all the words that frameworks find for them."""

from __future__ import annotations

import logging

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.metadata.scale import QUANTIZER_RANGE, QuantizerRange
from onnx2snn.passes import CanonicalizeActivations, FoldConstants, RemoveFakeQuantizers
from onnx2snn.passes.simplification.remove_fake_quantizers import with_fake_quantizers
from onnx2snn.testing import run_ort, run_reference
from tests.models import model, normal

PASS = RemoveFakeQuantizers()
THETA = np.float32(0.7)
CONSTANTS = {
    "w": normal(1, 3, 3),
    "theta": np.array(0.7, np.float32),
    "per_channel": np.array([0.7, 0.3, 1.1], np.float32),
    "reciprocal": np.array(1 / 0.7, np.float32),
    "levels_by_theta": np.array(4 / 0.7, np.float32),
    "theta_by_levels": np.array(0.7 / 4, np.float32),
    "levels": np.array(4.0, np.float32),
    "quarter": np.array(0.25, np.float32),
    "half": np.array(0.5, np.float32),
    "zero": np.array(0.0, np.float32),
    "one": np.array(1.0, np.float32),
    "minus": np.array(-1.0, np.float32),
    "minus_levels": np.array(-4.0, np.float32),
    "upper": np.array(0.7, np.float32),
    "ahead": np.array(0.175 / 2, np.float32),
    "shape_1": np.array([0.7], np.float32),
    "shape_11": np.array([[0.7]], np.float32),
    "odd": np.array(0.3, np.float32),
}

SPELLINGS = {
    "clip first": "a = Div (h, theta) b = Clip (a, zero, one) c = Mul (b, levels)"
    " d = Add (c, half) e = Floor (d) f = Div (e, levels) y = Mul (f, theta)",
    "clip last": "a = Mul (h, levels) b = Div (a, theta) c = Add (b, half) d = Floor (c)"
    " e = Div (d, levels) f = Clip (e, zero, one) y = Mul (f, theta)",
    "clip the counts": "a = Div (h, theta) b = Mul (a, levels) c = Add (b, half) d = Floor (c)"
    " e = Clip (d, zero, levels) f = Div (e, levels) y = Mul (f, theta)",
    "reciprocal": "a = Mul (h, reciprocal) b = Clip (a, zero, one) c = Mul (b, levels)"
    " d = Add (half, c) e = Floor (d) f = Mul (e, quarter) y = Mul (theta, f)",
    "folded scales": "a = Mul (h, levels_by_theta) b = Add (a, half) c = Floor (b)"
    " d = Clip (c, zero, levels) y = Mul (d, theta_by_levels)",
    "round": "a = Div (h, theta_by_levels) b = Round (a) c = Clip (b, zero, levels)"
    " y = Mul (c, theta_by_levels)",
    "ceil": "a = Div (h, theta_by_levels) b = Sub (a, half) c = Ceil (b)"
    " d = Clip (c, zero, levels) y = Mul (d, theta_by_levels)",
    "max and min": "a = Div (h, theta) b = Max (a, zero) c = Min (b, one) d = Mul (c, levels)"
    " e = Add (d, half) f = Floor (e) g = Div (f, levels) y = Mul (g, theta)",
    "relu and min": "r = Relu (h) a = Div (r, theta_by_levels) b = Min (a, levels)"
    " c = Round (b) y = Mul (c, theta_by_levels)",
    "limits of x": "a = Clip (h, zero, upper) b = Div (a, theta_by_levels) c = Round (b)"
    " y = Mul (c, theta_by_levels)",
    "half a step of x": "a = Add (h, ahead) b = Div (a, theta_by_levels) c = Floor (b)"
    " d = Clip (c, zero, levels) y = Mul (d, theta_by_levels)",
    "negated": "n = Neg (h) a = Div (n, theta_by_levels) b = Sub (a, half) c = Ceil (b)"
    " d = Clip (c, minus_levels, zero) e = Mul (d, minus) y = Mul (e, theta_by_levels)",
    "subtracted": "a = Div (h, theta_by_levels) b = Sub (half, a) c = Neg (b) d = Add (c, one)"
    " e = Floor (d) f = Clip (e, zero, levels) y = Mul (f, theta_by_levels)",
    "straight through": "a = Div (h, theta) b = Clip (a, zero, one) u = Mul (b, levels)"
    " p = Add (u, half) e = Floor (p) d = Sub (e, p) s = Add (p, d) f = Div (s, levels)"
    " y = Mul (f, theta)",
    "straight through, the other way round": "a = Div (h, theta) b = Clip (a, zero, one)"
    " u = Mul (b, levels) e = Round (u) d = Sub (e, u) s = Add (d, u) f = Div (s, levels)"
    " y = Mul (f, theta)",
    "scale with axes": "a = Div (h, shape_1) b = Clip (a, zero, one) c = Mul (b, levels)"
    " d = Add (c, half) e = Floor (d) f = Div (e, levels) y = Mul (f, shape_11)",
}


def network(body: str, output: str = "float[N,3] y") -> ir.Model:
    used = {k: v for k, v in CONSTANTS.items() if f"{k}," in body or f"{k})" in body}
    text = f"(float[N,3] x) => ({output}) {{ h = MatMul (x, w) {body} }}"
    return model(text, **(used | {"w": CONSTANTS["w"]}))


def noted(ann: ir.Model) -> QuantizerRange:
    (found,) = (
        note
        for node in ann.graph
        for value in node.outputs
        if (note := QUANTIZER_RANGE.read(value)) is not None
    )
    return found


@pytest.mark.parametrize("body", SPELLINGS.values(), ids=SPELLINGS)
def test_a_quantizer_is_found_in_whatever_words(body: str) -> None:
    ann = network(body)
    feeds = {"x": normal(2, 50, 3)}
    before = run_ort(ann, feeds)["y"]
    FoldConstants()(ann)
    CanonicalizeActivations()(ann)
    assert PASS(ann).modified
    assert not PASS(ann).modified
    onnx.checker.check_model(ir.to_proto(ann), full_check=True)
    assert [node.op_type for node in ann.graph] == ["MatMul", "Clip"]
    found = noted(ann)
    assert (found.values.tolist(), found.axis, found.levels) == (
        [THETA.item()],
        None,
        4,
    )
    assert found.v_init == 0.5
    h = feeds["x"] @ CONSTANTS["w"]
    np.testing.assert_allclose(
        run_ort(ann, feeds)["y"], np.clip(h, 0, THETA), rtol=1e-5, atol=1e-6
    )
    quantized = with_fake_quantizers(ann)
    for run in (run_ort, run_reference):
        np.testing.assert_allclose(
            run(quantized, feeds)["y"], before, rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    "rounding, v_init",
    [
        ("c = Floor (b)", 0.0),
        ("p = Add (b, odd) c = Floor (p)", 0.3),
        ("c = Round (b)", 0.5),
        ("c = Ceil (b)", 1.0),
    ],
)
def test_where_the_steps_are_is_the_initial_potential(
    rounding: str, v_init: float
) -> None:
    ann = network(
        f"b = Div (h, theta_by_levels) {rounding} d = Clip (c, zero, levels)"
        " y = Mul (d, theta_by_levels)"
    )
    PASS(ann)
    assert noted(ann).v_init == pytest.approx(v_init, abs=1e-4)


def test_channels_have_thresholds_of_their_own_behind_a_relu() -> None:
    ann = network(
        "a = Div (h, per_channel) b = Clip (a, zero, one) c = Mul (b, levels) d = Add (c, half)"
        " e = Floor (d) f = Div (e, levels) y = Mul (f, per_channel)"
    )
    feeds = {"x": normal(2, 50, 3)}
    before = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    assert [node.op_type for node in ann.graph] == ["MatMul", "Relu"]
    found = noted(ann)
    assert (found.values.tolist(), found.axis) == (CONSTANTS["per_channel"].tolist(), 1)
    np.testing.assert_allclose(
        run_ort(with_fake_quantizers(ann), feeds)["y"], before, rtol=1e-5, atol=1e-6
    )


def test_steps_on_both_sides_of_zero_are_a_symmetric_clip() -> None:
    ann = network(
        "a = Div (h, theta_by_levels) b = Clip (a, minus_levels, levels) c = Round (b)"
        " y = Mul (c, theta_by_levels)"
    )
    feeds = {"x": normal(2, 50, 3)}
    before = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    clip = next(node for node in ann.graph if node.op_type == "Clip")
    bounds = [value.const_value.numpy().item() for value in clip.inputs[1:]]
    assert bounds == [-THETA.item(), THETA.item()]
    quantized = with_fake_quantizers(ann)
    np.testing.assert_allclose(
        run_ort(quantized, feeds)["y"], before, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "scaling", ["Div (h, theta)", "Add (h, levels)", "Div (h, m)", "Mul (h, minus)"]
)
def test_what_does_not_fit_in_front_is_not_a_part_of_the_quantizer(
    scaling: str,
) -> None:
    ann = network(
        f"m = ReduceMean (h) a = {scaling} b = Floor (a) c = Clip (b, zero, levels)"
        " y = Mul (c, levels)"
    )
    feeds = {"x": normal(2, 50, 3)}
    before = run_ort(ann, feeds)["y"]
    assert PASS(ann).modified
    found = noted(ann)
    assert (found.values.tolist(), found.levels, found.v_init) == ([4.0], 4, 0.0)
    np.testing.assert_allclose(
        run_ort(with_fake_quantizers(ann), feeds)["y"], before, rtol=1e-5, atol=1e-6
    )


UNKNOWN = {
    "no limit": "a = Div (h, theta_by_levels) b = Floor (a) c = Relu (b)"
    " y = Mul (c, theta_by_levels)",
    "a limit between two steps": "a = Div (h, theta_by_levels) b = Floor (a)"
    " c = Clip (b, zero, odd) y = Mul (c, theta_by_levels)",
    "not from zero": "a = Div (h, theta_by_levels) b = Floor (a) c = Clip (b, one, levels)"
    " y = Mul (c, theta_by_levels)",
    "the counts are read by another": "a = Div (h, theta_by_levels) b = Floor (a)"
    " c = Clip (b, zero, levels) d = Mul (c, theta_by_levels) y = Add (d, b)",
}


@pytest.mark.parametrize("body", UNKNOWN.values(), ids=UNKNOWN)
def test_any_other_rounding_is_left_alone_with_a_warning(
    body: str, caplog: pytest.LogCaptureFixture
) -> None:
    ann = network(body.replace("y =", "r =") + " y = MatMul (r, w)")
    before = [node.op_type for node in ann.graph]
    with caplog.at_level(logging.WARNING):
        assert not PASS(ann).modified
    assert [node.op_type for node in ann.graph] == before
    assert "Floor" in caplog.text
    assert "comes from calibration" in caplog.text


def test_thresholds_along_two_axes_are_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    theta = np.linspace(0.5, 1, 6, dtype=np.float32).reshape(3, 2)
    ann = model(
        "(float[N,3,2] x) => (float[N,3,2] y)"
        " { h = MatMul (x, v) a = Div (h, t) b = Round (a) c = Clip (b, zero, levels)"
        " d = Mul (c, t) y = MatMul (d, v) }",
        t=theta,
        v=normal(3, 2, 2),
        zero=CONSTANTS["zero"],
        levels=CONSTANTS["levels"],
    )
    assert not PASS(ann).modified
    assert "Round" in caplog.text


def test_rounding_of_an_input_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    ann = model(
        "(float[N,3] x) => (float[N,3] y) { a = Div (x, theta) b = Round (a)"
        " c = Clip (b, zero, levels) d = Mul (c, theta) h = MatMul (d, w) y = Relu (h) }",
        **{name: CONSTANTS[name] for name in ("theta", "zero", "levels", "w")},
    )
    assert not PASS(ann).modified
    assert not caplog.text


def test_rounding_of_a_result_is_no_reason_to_warn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert not PASS(network("a = Relu (h) y = Round (a)")).modified
    assert not caplog.text

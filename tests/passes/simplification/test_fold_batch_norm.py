from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.metadata.normal import Normal
from onnx2snn.passes import FoldBatchNorm, LowerMatMulAdd
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import check_pass, run_ort
from tests.models import model, normal, positive

IMAGES = {"x": normal(1, 3, 4, 6, 7)}
ROWS = {"x": normal(2, 3, 4)}
NORM = "BatchNormalization <epsilon = 0.01>"
PASS = FoldBatchNorm()


def norm(channels: int) -> dict[str, np.ndarray]:
    return {
        "scale": normal(3, channels) + 2,
        "bias": normal(4, channels),
        "mean": normal(5, channels),
        "var": positive(6, channels),
    }


def ops(result: ir.Model) -> list[str]:
    return [node.op_type for node in result.graph]


def is_unchanged(before: ir.Model) -> bool:
    return not PASS(before).modified


def conv(text: str, **weights: np.ndarray) -> ir.Model:
    """Return a graph of a Conv with 6 output channels, ``h``, and ``text``."""
    parameters = {"w": normal(7, 6, 4, 3, 2), "b": normal(8, 6)} | weights
    return model(
        f"(float[N,4,6,7] x) => (float[N,6,?,?] y) {{ h = Conv (x, w, b)  {text} }}",
        **parameters,
    )


def batch_norm_of(node: str, **weights: np.ndarray) -> ir.Model:
    return model(
        f"(float[N,4,6,7] x) => (float[N,6,?,?] y) "
        f"{{ h = {node}  y = {NORM} (h, scale, bias, mean, var) }}",
        **weights,
        **norm(6),
    )


@pytest.mark.parametrize("operands", ["x, w, b", "x, w"])
@pytest.mark.parametrize(
    "attributes, shape",
    [
        ("", (6, 4, 3, 2)),
        ("pads = [1, 0, 2, 1], strides = [2, 1]", (6, 4, 3, 2)),
        ("group = 2", (6, 2, 3, 2)),
    ],
    ids=["plain", "padded", "grouped"],
)
def test_conv(operands: str, attributes: str, shape: tuple[int, ...]) -> None:
    before = batch_norm_of(
        f"Conv <{attributes}> ({operands})", w=normal(7, *shape), b=normal(8, 6)
    )
    after = check_pass(PASS, before, IMAGES)
    assert ops(after) == ["Conv"]
    assert list(after.graph.initializers) == ["y.weight", "y.bias"]


def test_depthwise_conv_of_signals() -> None:
    before = model(
        "(float[N,4,9] x) => (float[N,8,7] y) "
        f"{{ h = Conv <group = 4> (x, w, b)  y = {NORM} (h, scale, bias, mean, var) }}",
        w=normal(7, 8, 1, 3),
        b=normal(8, 8),
        **norm(8),
    )
    assert ops(check_pass(PASS, before, {"x": normal(1, 3, 4, 9)})) == ["Conv"]


@pytest.mark.parametrize("operands", ["x, w, b", "x, w"])
@pytest.mark.parametrize("group", [1, 2])
def test_conv_transpose(group: int, operands: str) -> None:
    before = batch_norm_of(
        f"ConvTranspose <group = {group}, strides = [2, 1]> ({operands})",
        w=normal(7, 4, 6 // group, 3, 2),
        b=normal(8, 6),
    )
    expected = run_ort(before, IMAGES)["y"]
    assert PASS(before).modified
    assert ops(before) == ["ConvTranspose"]
    # the oracles are ours and onnxruntime: onnx's evaluator cannot do groups of two channels
    np.testing.assert_allclose(run_ort(before, IMAGES)["y"], expected, 1e-5, 1e-5)
    np.testing.assert_allclose(
        open_runner(ir.to_proto(before))(IMAGES)[0], expected, 1e-5, 1e-5
    )


@pytest.mark.parametrize("operands", ["x, w, b", "x, w"])
@pytest.mark.parametrize(
    "attributes, x, w",
    [
        ("", (3, 4), (4, 5)),
        ("transB = 1", (3, 4), (5, 4)),
        ("transA = 1", (4, 3), (4, 5)),
        ("alpha = 0.3", (3, 4), (4, 5)),
    ],
    ids=["plain", "transB", "transA", "alpha"],
)
def test_gemm(
    attributes: str, x: tuple[int, ...], w: tuple[int, ...], operands: str
) -> None:
    before = model(
        f"(float[{x[0]},{x[1]}] x) => (float[3,5] y) "
        f"{{ h = Gemm <{attributes}> ({operands})  y = {NORM} (h, scale, bias, mean, var) }}",
        w=normal(7, *w),
        b=normal(8, 5),
        **norm(5),
    )
    assert ops(check_pass(PASS, before, {"x": normal(1, *x)})) == ["Gemm"]


def test_gemm_with_a_scalar_bias() -> None:
    before = model(
        f"(float[N,4] x) => (y) <float b = {{0.5}}> "
        f"{{ h = Gemm (x, w, b)  y = {NORM} (h, scale, bias, mean, var) }}",
        w=normal(7, 4, 5),
        **norm(5),
    )
    assert ops(check_pass(PASS, before, ROWS)) == ["Gemm"]


def test_matmul_keeps_the_shift_as_an_add() -> None:
    before = model(
        f"(float[N,4] x) => (float[N,5] y) "
        f"{{ h = MatMul (x, w)  y = {NORM} (h, scale, bias, mean, var) }}",
        w=normal(7, 4, 5),
        **norm(5),
    )
    after = check_pass(PASS, before, ROWS)
    assert ops(after) == ["MatMul", "Add"]
    LowerMatMulAdd()(after)
    assert ops(after) == ["Gemm"]


@pytest.mark.parametrize("node", ["Mul (h, s)", "Mul (s, h)", "Div (h, s)"])
def test_scale_of_a_matmul_of_sequences(node: str) -> None:
    before = model(
        f"(float[N,3,4] x) => (float[N,3,5] y) {{ h = MatMul (x, w)  y = {node} }}",
        w=normal(7, 4, 5),
        s=positive(8, 5),
    )
    assert ops(check_pass(PASS, before, {"x": normal(1, 2, 3, 4)})) == ["MatMul"]


@pytest.mark.parametrize("shape", [(6, 1, 1), (1, 6, 1, 1), (1,), ()], ids=str)
@pytest.mark.parametrize(
    "node",
    [
        "Mul (h, s)",
        "Mul (s, h)",
        "Div (h, s)",
        "Add (h, s)",
        "Add (s, h)",
        "Sub (h, s)",
    ],
)
def test_arithmetic_behind_a_conv(node: str, shape: tuple[int, ...]) -> None:
    before = conv(f"y = {node}", s=positive(9, *shape))
    assert ops(check_pass(PASS, before, IMAGES)) == ["Conv"]


def test_batch_norm_written_out() -> None:
    before = conv(
        "c = Sub (h, m)  d = Div (c, v)  e = Mul (d, s)  y = Add (e, t)",
        **{name: positive(seed, 6, 1, 1) for seed, name in enumerate("mvst")},
    )
    assert ops(check_pass(PASS, before, IMAGES)) == ["Conv"]


def test_shared_weights_are_folded_apart() -> None:
    before = conv(
        f"a = {NORM} (h, scale, bias, mean, var)  g = Conv (x, w, b)  c = Mul (g, s)"
        "  y = Sub (a, c)",
        s=positive(9, 6, 1, 1),
        **norm(6),
    )
    assert ops(check_pass(PASS, before, IMAGES)) == ["Conv", "Conv", "Sub"]


def before_a_reader(node: str, x: str, **weights: np.ndarray) -> ir.Model:
    return model(
        f"(float[{x}] x) => (y) {{ h = {NORM} (x, scale, bias, mean, var)  y = {node} }}",
        **{"b": normal(8, 6)} | norm(4) | weights,
    )


@pytest.mark.parametrize("operands", ["h, w, b", "h, w"])
def test_before_a_conv(operands: str) -> None:
    node = f"Conv <strides = [2, 1]> ({operands})"
    before = before_a_reader(node, "N,4,6,7", w=normal(7, 6, 4, 3, 2) / 8)
    assert ops(check_pass(PASS, before, IMAGES)) == ["Conv"]


def test_before_a_conv_that_pads_if_there_is_no_shift() -> None:
    still = {"mean": np.zeros(4, np.float32), "bias": np.zeros(4, np.float32)}
    node = "Conv <pads = [1, 1, 1, 1]> (h, w, b)"
    before = before_a_reader(node, "N,4,6,7", w=normal(7, 6, 4, 3, 2), **still)
    assert ops(check_pass(PASS, before, IMAGES)) == ["Conv"]


@pytest.mark.parametrize("operands", ["h, w, b", "h, w"])
@pytest.mark.parametrize("attributes, w", [("", (4, 6)), ("transB = 1", (6, 4))])
def test_before_a_gemm(attributes: str, w: tuple[int, ...], operands: str) -> None:
    before = before_a_reader(
        f"Gemm <{attributes}> ({operands})", "N,4", w=normal(7, *w)
    )
    assert ops(check_pass(PASS, before, ROWS)) == ["Gemm"]


def test_before_a_matmul() -> None:
    before = before_a_reader("MatMul (h, w)", "N,4", w=normal(7, 4, 6))
    after = check_pass(PASS, before, ROWS)
    assert "BatchNormalization" not in ops(after)


def test_the_distribution_is_annotated() -> None:
    before = batch_norm_of("Conv (x, w, b)", w=normal(7, 6, 4, 3, 2), b=normal(8, 6))
    output = PASS(before).model.graph.node(0).outputs[0]
    found = Normal.of(output)
    assert found is not None
    np.testing.assert_allclose(found.mean, norm(6)["bias"])
    np.testing.assert_allclose(found.std, np.abs(norm(6)["scale"]))


def test_the_annotation_goes_when_more_is_folded() -> None:
    before = conv(f"n = {NORM} (h, scale, bias, mean, var)  y = Mul (n, s)",
                  s=positive(9, 6, 1, 1), **norm(6))  # fmt: skip
    PASS(before)
    assert ops(before) == ["Conv"]
    assert Normal.of(before.graph.node(0).outputs[0]) is None

"""Nodes that FoldBatchNorm leaves as they are: one test for each refusal its docstring names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.passes import FoldBatchNorm
from onnx2snn.testing import check_pass
from tests.models import model, normal, positive

if TYPE_CHECKING:
    import onnx_ir as ir

IMAGES = {"x": normal(1, 3, 4, 6, 7)}
NORM = "BatchNormalization <epsilon = 0.01>"
PARAMETERS = "scale, bias, mean, var"
CONV = {"w": normal(7, 4, 4, 3, 2), "b": normal(8, 4)}
STATISTICS = {
    "scale": normal(3, 4) + 2,
    "bias": normal(4, 4),
    "mean": normal(5, 4),
    "var": positive(6, 4),
}
FEEDS = {"x": (3, 4, 6, 7), "k": (4, 1, 1), "v": (4, 4, 3, 2)}


def refused(
    text: str, outputs: str = "y", inputs: str = "", **weights: np.ndarray
) -> ir.Model:
    """Check that a graph of images comes through unchanged, and return it."""
    before = model(
        f"(float[N,4,6,7] x{inputs}) => ({outputs}) {{ {text} }}",
        **(CONV | STATISTICS | weights),
    )
    feeds = {
        value.name: normal(2, *FEEDS[str(value.name)]) for value in before.graph.inputs
    }
    return check_pass(FoldBatchNorm(), before, feeds, modified=False)


def test_another_reader() -> None:
    refused(f"h = Conv (x, w, b)  n = {NORM} (h, {PARAMETERS})  y = Add (n, h)")


def test_a_graph_output() -> None:
    refused(f"h = Conv (x, w, b)  y = {NORM} (h, {PARAMETERS})", outputs="y, h")


def test_another_reader_before_a_conv() -> None:
    refused(
        f"n = {NORM} (x, {PARAMETERS})  y = Conv (n, w, b)  z = Relu (n)",
        outputs="y, z",
    )


@pytest.mark.parametrize("node", ["Mul", "Div", "Add", "Sub"])
def test_an_operand_that_is_no_constant(node: str) -> None:
    refused(f"h = Conv (x, w, b)  y = {node} (h, k)", inputs=", float[4,1,1] k")


def test_parameters_that_are_no_constants() -> None:
    text = "h = Conv (x, w, b)  s = ReduceMax <axes = [1, 2], keepdims = 0> (k)"
    refused(f"{text}  y = {NORM} (h, s, bias, mean, var)", inputs=", float[4,1,1] k")


def test_weights_that_are_no_constants() -> None:
    refused(
        f"h = Conv (x, v, b)  y = {NORM} (h, {PARAMETERS})", inputs=", float[4,4,3,2] v"
    )
    refused(
        f"n = {NORM} (x, {PARAMETERS})  y = Conv (n, v, b)", inputs=", float[4,4,3,2] v"
    )


def test_a_weight_that_a_caller_may_override() -> None:
    before = model(
        f"(float[N,4,6,7] x) => (y) {{ h = Conv (x, w, b)  y = {NORM} (h, {PARAMETERS}) }}",
        **CONV,
        **STATISTICS,
    )
    before.graph.inputs.append(before.graph.initializers["w"])
    assert not FoldBatchNorm()(before).modified


@pytest.mark.parametrize("shape", [(6,), (4, 4, 6), (3, 1, 1, 1)], ids=str)
def test_an_operand_that_is_not_one_number_a_channel(shape: tuple[int, ...]) -> None:
    refused("h = Conv (x, w, b)  y = Mul (h, s)", s=positive(9, *shape))


def test_an_operand_that_is_not_one_number_a_feature() -> None:
    before = model(
        "(float[N,3,4] x) => (y) { h = MatMul (x, w)  y = Mul (h, s) }",
        w=normal(7, 4, 5),
        s=positive(9, 3, 1),
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 2, 3, 4)}, modified=False)


@pytest.mark.parametrize(
    "x, node, w, s",
    [
        ((3, 4, 6, 7), "Conv", (1, 4, 3, 2), (5, 1, 1)),
        ((3, 4, 6, 7), "ConvTranspose", (4, 1, 3, 2), (5, 1, 1)),
        ((3, 4), "Gemm", (4, 1), (5,)),
    ],
    ids=["Conv", "ConvTranspose", "Gemm"],
)
def test_an_operand_that_widens_the_channels(
    x: tuple[int, ...], node: str, w: tuple[int, ...], s: tuple[int, ...]
) -> None:
    shape = ",".join(map(str, x))
    before = model(
        f"(float[{shape}] x) => (y) {{ h = {node} (x, w)  y = Mul (h, s) }}",
        w=normal(7, *w),
        s=positive(9, *s),
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, *x)}, modified=False)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (1, 1, 4, 1, 1)], ids=str)
def test_an_operand_that_raises_the_rank(shape: tuple[int, ...]) -> None:
    refused("h = Conv (x, w, b)  y = Mul (h, s)", s=positive(9, *shape))


def test_a_constant_minus_or_divided_by_the_value() -> None:
    refused("h = Conv (x, w, b)  y = Sub (s, h)", s=positive(9, 4, 1, 1))
    refused("h = Conv (x, w, b)  e = Exp (h)  y = Div (s, e)", s=positive(9, 4, 1, 1))


def test_a_division_by_zero() -> None:
    before = model(
        "(float[N,4,6,7] x) => (y) { h = Conv (x, w, b)  y = Div (h, s) }",
        s=np.array([1, 0, 2, 3], np.float32).reshape(4, 1, 1),
        **CONV,
    )
    assert not FoldBatchNorm()(before).modified


def test_an_unknown_rank() -> None:
    before = model(
        "(float[N,4,6,7] x, int64[r] shape) => (y) "
        "{ i = Reshape (x, shape)  h = Conv (i, w)  y = Mul (h, s) }",
        w=CONV["w"],
        s=positive(9, 4, 1, 1),
    )
    for node in before.graph:
        node.outputs[0].shape = None
    assert not FoldBatchNorm()(before).modified


def test_training_mode() -> None:
    before = model(
        "(float[N,4,6,7] x) => (y) { h = Conv (x, w, b)  y, m, v = BatchNormalization "
        f"<training_mode = 1> (h, {PARAMETERS}) }}",
        **CONV,
        **STATISTICS,
    )
    assert not FoldBatchNorm()(before).modified


@pytest.mark.parametrize(
    "attributes", ["pads = [1, 0, 1, 0]", 'auto_pad = "SAME_UPPER"']
)
def test_before_a_conv_that_pads(attributes: str) -> None:
    refused(f"n = {NORM} (x, {PARAMETERS})  y = Conv <{attributes}> (n, w, b)")


def test_before_a_conv_with_groups() -> None:
    text = f"n = {NORM} (x, {PARAMETERS})  y = Conv <group = 2> (n, w, b)"
    refused(text, w=normal(7, 4, 2, 3, 2))


def test_before_a_conv_transpose() -> None:
    refused(f"n = {NORM} (x, {PARAMETERS})  y = ConvTranspose (n, w, b)")


def test_before_a_conv_as_its_weights() -> None:
    before = model(
        f"(float[4,4,3,2] x) => (y) {{ n = {NORM} (x, {PARAMETERS})  y = Conv (i, n) }}",
        i=normal(1, 3, 4, 6, 7),
        **STATISTICS,
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(2, 4, 4, 3, 2)}, modified=False)


@pytest.mark.parametrize("attributes", ["alpha = 0.5", "beta = 0.5", "transA = 1"])
def test_before_a_gemm_with_attributes(attributes: str) -> None:
    before = model(
        f"(float[4,4] x) => (y) {{ n = {NORM} (x, {PARAMETERS})  "
        f"y = Gemm <{attributes}> (n, w, b) }}",
        w=normal(7, 4, 5),
        b=normal(8, 5),
        **STATISTICS,
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 4, 4)}, modified=False)


@pytest.mark.parametrize(
    "attributes, bias", [("beta = 0.5", (4,)), ("", (3, 4)), ("", (1, 4))]
)
def test_a_gemm_with_beta_or_another_bias(
    attributes: str, bias: tuple[int, ...]
) -> None:
    before = model(
        f"(float[3,5] x) => (y) {{ h = Gemm <{attributes}> (x, w, b)  y = {NORM} (h, "
        f"{PARAMETERS}) }}",
        w=normal(7, 5, 4),
        b=normal(8, *bias),
        **STATISTICS,
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 3, 5)}, modified=False)


def test_a_channel_that_is_no_feature_of_a_matmul() -> None:
    before = model(
        f"(float[N,4,5] x) => (y) {{ h = MatMul (x, w)  y = {NORM} (h, {PARAMETERS}) }}",
        w=normal(7, 5, 4),
        **STATISTICS,
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 3, 4, 5)}, modified=False)


def test_a_matmul_by_a_stack_of_matrices() -> None:
    before = model(
        "(float[2,3,4] x) => (y) { h = MatMul (x, w)  y = Mul (h, s) }",
        w=normal(7, 2, 4, 5),
        s=positive(9, 5),
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 2, 3, 4)}, modified=False)


def test_a_shift_alone_behind_a_matmul() -> None:
    before = model(
        "(float[N,4] x) => (y) { h = MatMul (x, w)  y = Add (h, s) }",
        w=normal(7, 4, 5),
        s=positive(9, 5),
    )
    check_pass(FoldBatchNorm(), before, {"x": normal(1, 3, 4)}, modified=False)


def test_integers() -> None:
    before = model(
        "(int32[N,2] x) => (y) <int32[2,2] w = {1, 2, 3, 5}, int32[2] s = {2, 3}> "
        "{ h = MatMul (x, w)  y = Mul (h, s) }"
    )
    x = np.array([[1, 2], [3, 4], [5, 7]], np.int32)
    check_pass(FoldBatchNorm(), before, {"x": x}, modified=False)


def test_a_conv_of_another_domain() -> None:
    before = model(
        f"(float[N,4,6,7] x) => (y) {{ h = other.Conv (x, w, b)  y = {NORM} (h, {PARAMETERS}) }}",
        '<ir_version: 8, opset_import: ["" : 17, "other" : 1]>',
        **CONV,
        **STATISTICS,
    )
    assert not FoldBatchNorm()(before).modified


def test_subgraphs() -> None:
    before = model(
        f"(float[N,4,6,7] x, bool c) => (float[N,4,?,?] y) {{ y = If (c) <then_branch = t () => "
        f"(float[N,4,?,?] p) {{ h = Conv (x, w, b)  p = {NORM} (h, {PARAMETERS}) }}, else_branch = "
        "e () => (float[N,4,?,?] q) { q = Conv (x, w, b) }> }",
        **CONV,
        **STATISTICS,
    )
    feeds = IMAGES | {"c": np.array([True]).reshape(())}
    check_pass(FoldBatchNorm(), before, feeds, modified=False)


def test_computed_weights_of_a_matmul() -> None:
    refused(
        "t = Transpose <perm = [0, 1, 3, 2]> (x)  h = MatMul (x, t)  y = Mul (h, two)",
        two=np.array(2, np.float32),
    )

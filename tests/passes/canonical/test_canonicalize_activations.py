from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.canonicalize_activations import CanonicalizeActivations
from onnx2snn.testing import check_pass

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
NUMBERS = np.array([-1e30, -7, -1, -0.5, 0, 0.5, 1, 6, 7, 1e30, 3, -3], np.float32)
FEEDS = {"x": NUMBERS.reshape(2, 6)}
CONSTANTS = (
    "float zero = {0}, float one = {1}, float six = {6}, float neg = {-1}, float tenth = {0.125}, "
    "float big = {3.4028234663852886e38}, float low = {-3.4028234663852886e38}, "
    "float half = {0.5}, float two = {2}, float[1] zeros = {0}, float[1,1,1] deep = {0}, "
    "float[6] each = {0,0,0,0,0,1}"
)
VALUES = ", ".join(
    [f"float[2,6] {name}" for name in "abcdef"] + ["bool[2,6] m", "bool[2,6] n"]
)


def model(body: str) -> ir.Model:
    return ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x) => (float[2,6] y) <{CONSTANTS}, {VALUES}> {{ {body} }}"
    )


def shape(result: ir.Model) -> list[tuple[str, list[float | None]]]:
    """Return operator and constant operands of each node."""
    return [
        (
            node.op_type,
            [
                None if v is None else float(v.const_value.numpy())
                for v in node.inputs[1:]
            ],
        )
        for node in result.graph
    ]


@pytest.mark.parametrize(
    "body",
    [
        "y = Max (x, zero)",
        "y = Max (zeros, x)",
        "y = Clip (x, zero)",
        "y = Clip (x, zero, big)",
        "y = LeakyRelu <alpha = 0.0> (x)",
        "y = ThresholdedRelu <alpha = 0.0> (x)",
        "y = PRelu (x, zeros)",
        "m = Greater (x, zero)  y = Where (m, x, zero)",
        "m = GreaterOrEqual (x, zero)  y = Where (m, x, zero)",
        "m = Less (x, zero)  y = Where (m, zero, x)",
        "m = LessOrEqual (x, zero)  y = Where (m, zero, x)",
        "m = Less (zero, x)  y = Where (m, x, zero)",
        "m = GreaterOrEqual (zero, x)  y = Where (m, zero, x)",
        "a = Relu (x)  y = Relu (a)",
        "a = Clip (x, neg)  y = Relu (a)",
        "a = Relu (x)  y = Clip (a, neg, big)",
        "a = Relu (x)  y = Clip (a, low)",
        "a = Relu (x)  b = Max (a, neg)  y = Max (zero, b)",
        "y = Max (x, zero, neg)",
        "a = Neg (x)  b = Min (a, zero)  y = Neg (b)",
        "a = Abs (x)  b = Add (x, a)  y = Mul (b, half)",
        "a = Abs (x)  b = Add (a, x)  y = Div (b, two)",
        "a = Abs (x)  b = Mul (half, a)  d = Mul (x, half)  y = Add (b, d)",
        "a = Min (x, zero)  y = Sub (x, a)",
        "m = LessOrEqual (x, zero)  n = Not (m)  y = Where (n, x, zero)",
    ],
)
def test_relu(body: str) -> None:
    after = check_pass(CanonicalizeActivations(), model(body), FEEDS, rtol=0)
    assert shape(after) == [("Relu", [])]


@pytest.mark.parametrize("body", ["a = Greater (x, zero)", "a = Less (zero, x)"])
@pytest.mark.parametrize("product", ["Mul (x, b)", "Mul (b, x)"])
def test_relu_as_mask(body: str, product: str) -> None:
    text = f"{HEADER} g (float[2,6] x) => (float[2,6] y) <float zero = {{0}}> "
    before = ir.from_onnx_text(
        f"{text} {{ {body}  b = Cast <to = 1> (a)  y = {product} }}"
    )
    after = check_pass(CanonicalizeActivations(), before, FEEDS, rtol=0)
    assert shape(after) == [("Relu", [])]


@pytest.mark.parametrize(
    "body, bounds",
    [
        ("a = Relu (x)  y = Clip (a, zero, six)", [0, 6]),
        ("a = Relu (x)  y = Min (a, six)", [0, 6]),
        ("a = Min (six, x)  y = Relu (a)", [0, 6]),
        ("a = Max (x, zero)  y = Min (a, six)", [0, 6]),
        ("a = Clip (x, neg, six)  y = Clip (a, zero, big)", [0, 6]),
        ("a = Clip (x, neg, one)  y = Clip (a, zero, six)", [0, 1]),
        ("a = Clip (x, zero, one)  y = Clip (a, one, six)", [1, 1]),
        ("y = Max (x, one)", [1]),
        ("y = Min (x, one)", [None, 1]),
        ("y = Clip (x, low, one)", [None, 1]),
        ("m = Less (x, one)  y = Where (m, x, one)", [None, 1]),
        ("m = Greater (x, one)  y = Where (m, one, x)", [None, 1]),
        ("m = Greater (x, one)  y = Where (m, x, one)", [1]),
        ("y = Max (x, zero, one)", [1]),
        ("m = Less (x, zero)  a = Cast <to = 1> (m)  y = Mul (x, a)", [None, 0]),
    ],
)
def test_clip(body: str, bounds: list[float | None]) -> None:
    after = check_pass(CanonicalizeActivations(), model(body), FEEDS, rtol=0)
    assert shape(after) == [("Clip", bounds)]
    assert all(v is None or v.shape == () for v in after.graph.node(0).inputs[1:])


@pytest.mark.parametrize(
    "body, bounds",
    [
        ("a = Sub (x, six)  b = Relu (a)  d = Relu (x)  y = Sub (d, b)", [0, 6]),
        ("a = Sub (x, one)  b = Abs (a)  c = Abs (e)  d = Sub (c, b)  y = Div (d, two)", [-1, 1]),
        ("a = Sub (x, one)  b = Min (a, zero)  y = Add (b, one)", [None, 1]),
    ],
)  # fmt: skip
def test_clip_spelt_as_a_sum(body: str, bounds: list[float | None]) -> None:
    # beyond 2^24 the sums lose what they are made of, and the clamp does not
    feeds = {"x": np.linspace(-8, 8, 12, dtype=np.float32).reshape(2, 6)}
    after = check_pass(
        CanonicalizeActivations(), model(f"e = Add (x, one)  {body}"), feeds
    )
    assert shape(after) == [("Clip", bounds)]


@pytest.mark.parametrize(
    "body",
    [
        "y = PRelu (x, tenth)",
        "a = Mul (x, tenth)  y = Max (x, a)",
        "a = Mul (tenth, x)  y = Max (a, x)",
        "m = Greater (x, zero)  a = Mul (x, tenth)  y = Where (m, x, a)",
        "m = Less (x, zero)  a = Mul (tenth, x)  y = Where (m, a, x)",
        "a = Relu (x)  b = Neg (x)  d = Relu (b)  f = Mul (d, tenth)  y = Sub (a, f)",
        "a = Relu (x)  b = Min (x, zero)  d = Mul (b, tenth)  y = Add (a, d)",
    ],
)
def test_leaky_relu(body: str) -> None:
    after = check_pass(CanonicalizeActivations(), model(body), FEEDS, rtol=0)
    assert shape(after) == [("LeakyRelu", [])]
    assert after.graph.node(0).attributes["alpha"].as_float() == 0.125


@pytest.mark.parametrize(
    "body",
    [
        "y = Relu (x)",
        "y = Clip (x, zero, six)",
        "y = Clip (x, , six)",
        "y = Clip (x)",
        "y = LeakyRelu <alpha = 0.125> (x)",
        "y = ThresholdedRelu (x)",
        "y = PRelu (x, each)",
        "y = Max (x, each)",
        "y = Max (x, x)",
        "y = Max (x, big)",
        "y = Max (x, big, zero)",
        "a = Mul (x, x)  y = Max (x, a)",
        "a = Mul (x, x)  b = Max (x, a)  y = Sub (b, one)",
        "m = Greater (x, big)  y = Where (m, x, zero)",
        "y = Div (one, x)",
        "y = Clip (x, six, one)",
        "y = Mul (x, tenth)",
        "a = Mul (x, six)  y = Max (x, a)",
        "a = Mul (x, neg)  y = Max (x, a)",
        "a = Abs (x)  y = Max (x, a)",
        "m = Greater (x, zero)  y = Where (m, x, one)",
        "m = Greater (x, one)  a = Mul (x, tenth)  y = Where (m, x, a)",
        "m = Greater (x, zero)  a = Mul (x, tenth)  y = Where (m, a, x)",
        "m = Greater (x, each)  y = Where (m, x, zero)",
        "m = Equal (x, zero)  y = Where (m, x, zero)",
        "m = Greater (x, one)  a = Cast <to = 1> (m)  y = Mul (x, a)",
    ],
)
def test_other_nodes_stay(body: str) -> None:
    feeds = {"x": np.linspace(-8, 8, 12, dtype=np.float32).reshape(2, 6)}
    check_pass(CanonicalizeActivations(), model(body), feeds, modified=False)


def test_constant_of_higher_rank_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x) => (float[1,2,6] y) <float[1,1,1] deep = {{0}}> "
        "{ y = Max (x, deep) }"
    )
    check_pass(CanonicalizeActivations(), before, FEEDS, modified=False)


def test_computed_bound_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x, float low) => (float[2,6] y) {{ y = Clip (x, low) }}"
    )
    feeds = {**FEEDS, "low": np.array(0, np.float32)}
    check_pass(CanonicalizeActivations(), before, feeds, modified=False)


def test_bound_that_is_no_number_stays() -> None:
    before = model("y = Clip (x, zero, six)")
    low = before.graph.initializers["zero"]
    low.const_value = ir.tensor(np.array(np.nan, np.float32), name="zero")
    assert not CanonicalizeActivations()(before).modified


def test_integers_stay() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (int32[3] x) => (int32[3] y) <int32 zero = {{0}}> {{ y = Max (x, zero) }}"
    )
    feeds = {"x": np.array([-1, 0, 1], np.int32)}
    check_pass(CanonicalizeActivations(), before, feeds, modified=False)


def test_double() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (double[3] x) => (double[3] y) <double one = {{1}}> {{ y = Min (x, one) }}"
    )
    feeds = {"x": np.array([-1, 0, 3], np.float64)}
    after = check_pass(CanonicalizeActivations(), before, feeds, rtol=0)
    assert shape(after) == [("Clip", [None, 1])]


@pytest.mark.parametrize(
    "signature", ["float[2,6] y, float[2,6] a", "float[2,6] y, float[2,6] z"]
)
def test_inner_clamp_with_other_readers_stays(signature: str) -> None:
    extra = "  z = Neg (a)" if "z" in signature else ""
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x) => ({signature}) <float zero = {{0}}, float six = {{6}}> "
        f"{{ a = Relu (x)  y = Clip (a, zero, six){extra} }}"
    )
    check_pass(CanonicalizeActivations(), before, FEEDS, modified=False)


def test_comparison_with_other_readers_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x) => (float[2,6] y, bool[2,6] m) <float zero = {{0}}> "
        "{ m = Greater (x, zero)  y = Where (m, x, zero) }"
    )
    after = check_pass(CanonicalizeActivations(), before, FEEDS, rtol=0)
    assert [node.op_type for node in after.graph] == ["Greater", "Relu"]


def test_subgraph() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x, bool c) => (float[2,6] y) <float zero = {{0}}> {{ y = If (c) <"
        "then_branch = t () => (float[2,6] p) { p = Max (x, zero) }, "
        "else_branch = e () => (float[2,6] q) { q = Abs (x) }> }"
    )
    feeds = {**FEEDS, "c": np.array(1, np.bool_)}
    after = check_pass(CanonicalizeActivations(), before, feeds, rtol=0)
    assert [node.op_type for node in after.graph.all_nodes()] == ["If", "Relu", "Abs"]


def test_bounds_as_attributes_stay() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 5, opset_import: ["" : 10]> g (float[2,6] x) => (float[2,6] y) '
        "{ y = Clip <min = 0.0> (x) }"
    )
    assert not CanonicalizeActivations()(before).modified


def test_nodes_with_several_outputs_and_of_other_domains_stay() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17, "my" : 1]> g (float[2,6] x) => (float[2,6] y) '
        "<float zero = {0}> { a, b = Split <axis = 1> (x)  y = my.Max (a, zero) }"
    )
    assert not CanonicalizeActivations()(before).modified

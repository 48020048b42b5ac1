from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.activations import activations
from onnx2snn.analysis.rectifiers import is_rectifier, upper_bound
from tests.models import model, normal, positive

WEIGHTS = {
    "w": normal(1, 4, 4),
    "b": normal(2, 4),
    "slope": positive(3, 4),
    "scale": positive(4, 4),
    "low": np.zeros((), np.float32),
    "high": np.array(1.5, np.float32),
    "minus": np.array(-1.5, np.float32),
    "half": np.array(0.5, np.float32),
    "one": np.array(1, np.float32),
    "three": np.array(3, np.float32),
    "six": np.array(6, np.float32),
    "root2": np.array(2**0.5, np.float32),
    "cubic": np.array(0.044715, np.float32),
    "root2pi": np.array((2 / np.pi) ** 0.5, np.float32),
    "eps": np.array(1e-5, np.float32),
}
RECURRENT = {"wl": normal(5, 1, 12, 4), "rl": normal(6, 1, 12, 3), "v": normal(7, 3, 2)}
OPSETS = {
    "17": '<ir_version: 8, opset_import: ["" : 17]>',
    "18": '<ir_version: 8, opset_import: ["" : 18]>',
    "20": '<ir_version: 9, opset_import: ["" : 20]>',
}


def found(
    text: str,
    outputs: str = "y",
    opset: str = "17",
    x: str = "float[N,4] x",
    **weights: np.ndarray,
) -> list[str | None]:
    """Return the names of the activations of a graph."""
    ann = model(
        f"({x}) => ({outputs}) {{ {text} }}", OPSETS[opset], **(WEIGHTS | weights)
    )
    return [value.name for value in activations(ann.graph)]


def between(text: str, opset: str = "17") -> list[str | None]:
    """Return the activations of ``text``, from ``c`` to ``a``, between two layers of weights."""
    return found(f"c = Gemm (x, w, b)  {text}  y = Gemm (a, w)", opset=opset)


@pytest.mark.parametrize(
    "node",
    [
        "Relu (c)", "Clip (c, low, high)", "LeakyRelu <alpha = 0.1> (c)", "PRelu (c, slope)",
        "Celu (c)", "Elu (c)", "Selu (c)", "Sigmoid (c)", "HardSigmoid (c)", "HardSwish (c)",
        "Softplus (c)", "Softsign (c)", "Tanh (c)", "ThresholdedRelu (c)",
    ],
)  # fmt: skip
def test_an_operator_that_is_an_activation(node: str) -> None:
    assert between(f"a = {node}") == ["a"]


@pytest.mark.parametrize("node, opset", [("Mish (c)", "18"), ("Gelu (c)", "20")])
def test_an_operator_of_a_later_opset(node: str, opset: str) -> None:
    assert between(f"a = {node}", opset) == ["a"]


SPELLED = {
    "silu": "s = Sigmoid (c)  a = Mul (c, s)",
    "silu, the other way round": "s = Sigmoid (c)  a = Mul (s, c)",
    "swish": "k = Mul (c, slope)  s = Sigmoid (k)  a = Mul (c, s)",
    "mish": "p = Softplus (c)  t = Tanh (p)  a = Mul (c, t)",
    "relu squared": "r = Relu (c)  a = Mul (r, r)",
    "gelu": "d = Div (c, root2)  e = Erf (d)  p = Add (e, one)  h = Mul (c, half)  a = Mul (h, p)",
    "tanh gelu": "q = Pow (c, three)  k = Mul (q, cubic)  s = Add (c, k)  m = Mul (s, root2pi)  "
    "t = Tanh (m)  p = Add (t, one)  h = Mul (c, half)  a = Mul (h, p)",
    "hard swish": "p = Add (c, three)  t = Clip (p, low, six)  d = Div (t, six)  a = Mul (c, d)",
    "through a cast": "m = Greater (c, low)  r = Relu (c)  g = Cast <to = 1> (m)  a = Mul (r, g)",
}


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_product_is_one_activation(spelling: str) -> None:
    assert between(SPELLED[spelling]) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "d = Div (c, root2)  e = Erf (d)  p = Add (e, one)  g = Mul (c, p)  a = Mul (g, half)",
        "p = Add (c, three)  t = Clip (p, low, six)  g = Mul (c, t)  a = Div (g, six)",
        "s = Sigmoid (c)  g = Mul (c, s)  a = Add (g, b)",
    ],
    ids=["gelu", "hard swish", "silu"],
)
def test_what_is_linear_behind_the_product_stays_outside(text: str) -> None:
    assert between(text) == ["g"]


def test_an_activation_read_inside_a_product_and_outside() -> None:
    assert between("r = Relu (c)  a = Mul (c, r)") == ["a"]
    text = "r = Relu (c)  p = Mul (c, r)  m = Gemm (r, w)  a = Add (p, m)"
    assert between(text) == ["r", "p"]
    text = "r = Relu (c)  n = Neg (r)  p = Mul (c, n)  a = Sub (p, n)"
    assert between(text) == ["r", "p"]


def test_an_activation_that_is_an_output_as_well() -> None:
    text = "c = Gemm (x, w, b)  r = Relu (c)  a = Mul (c, r)  y = Gemm (a, w)"
    assert found(text, "y, r") == ["r", "a"]


def test_an_activation_that_a_subgraph_reads() -> None:
    branches = (
        "<then_branch = t () => (float[N,4] p) { p = Identity (r) }, "
        "else_branch = e () => (float[N,4] q) { q = Identity (c) }>"
    )
    text = f"c = Gemm (x, w)  r = Relu (c)  m = Mul (c, r)  i = If (k) {branches}  "
    text += "s = Add (m, i)  y = Gemm (s, w)"
    assert found(text, x="float[N,4] x, bool k") == ["r", "m"]


OTHERWISE = {
    "sigmoid": "n = Neg (c)  e = Exp (n)  p = Add (one, e)  a = Reciprocal (p)",
    "sigmoid by a quotient": "n = Neg (c)  e = Exp (n)  p = Add (e, one)  a = Div (one, p)",
    "sigmoid of exp": "e = Exp (c)  p = Add (e, one)  a = Div (e, p)",
    "tanh": "e = Exp (c)  n = Neg (c)  f = Exp (n)  p = Sub (e, f)  q = Add (e, f)  a = Div (p, q)",
    "softplus": "e = Exp (c)  p = Add (e, one)  a = Log (p)",
    "stable softplus": "r = Relu (c)  m = Abs (c)  n = Neg (m)  e = Exp (n)  p = Add (e, one)  "
    "l = Log (p)  a = Add (r, l)",
    "softsign": "m = Abs (c)  p = Add (m, one)  a = Div (c, p)",
    "elu": "m = Greater (c, low)  e = Exp (c)  p = Sub (e, one)  a = Where (m, c, p)",
    "selu": "m = Greater (c, low)  e = Exp (c)  p = Sub (e, one)  q = Mul (p, six)  "
    "a = Where (m, c, q)",
    "elu by two halves": "r = Relu (c)  m = Clip (c, , low)  e = Exp (m)  p = Sub (e, one)  "
    "a = Add (r, p)",
    "celu": "r = Relu (c)  d = Div (c, half)  e = Exp (d)  p = Sub (e, one)  q = Mul (p, half)  "
    "m = Clip (q, , low)  a = Add (r, m)",
    "erf of a root": "p = Mul (c, c)  q = Add (p, one)  r = Sqrt (q)  a = Div (c, r)",
    "bump": "p = Mul (c, c)  q = Add (p, one)  a = Reciprocal (q)",
    "step": "m = Greater (c, half)  a = Where (m, one, low)",
    "sign": "a = Sign (c)",
    "half relu": "m = Abs (c)  p = Add (c, m)  q = Div (p, half)  a = Neg (q)",
}


@pytest.mark.parametrize("spelling", OTHERWISE)
def test_an_activation_in_other_words(spelling: str) -> None:
    names = {"half relu": ["p"]}.get(spelling, ["a"])
    assert between(OTHERWISE[spelling]) == names


HEAVISIDE = {
    "Greater": "m = Greater (c, low)  a = Cast <to = 1> (m)",
    "GreaterOrEqual": "m = GreaterOrEqual (c, low)  a = Cast <to = 1> (m)",
    "Less": "m = Less (half, c)  a = Cast <to = 1> (m)",
    "LessOrEqual": "m = LessOrEqual (c, half)  n = Not (m)  a = Cast <to = 1> (n)",
    "a threshold a channel": "m = Greater (c, b)  a = Cast <to = 1> (m)",
    "by way of an integer": "m = Greater (c, low)  i = Cast <to = 6> (m)  a = Cast <to = 1> (i)",
    "a window": "m = Greater (c, minus)  n = Less (c, high)  o = And (m, n)  a = Cast <to = 1> (o)",
}


@pytest.mark.parametrize("spelling", HEAVISIDE)
def test_numbers_made_of_a_comparison_are_a_step(spelling: str) -> None:
    assert between(HEAVISIDE[spelling]) == ["a"]


def test_a_mask_of_what_no_weights_made_is_no_activation() -> None:
    mask = (
        "m = Greater (x, low)  k = Cast <to = 1> (m)  c = Gemm (x, w)  r = Relu (c)  "
    )
    assert found(f"{mask} a = Mul (r, k)  y = Gemm (a, w)") == ["r"]


def test_other_integers_are_no_step() -> None:
    assert between("i = Cast <to = 7> (c)  a = Cast <to = 1> (i)") == []


@pytest.mark.parametrize("bounds", ["low, k", "k, high", "k, l", ", k"])
def test_bounds_known_before_the_first_step(bounds: str) -> None:
    inputs = "float[N,4] x, float k, float l"
    text = f"c = Gemm (x, w, b)  a = Clip (c, {bounds})  y = Gemm (a, w)"
    assert found(text, x=inputs) == ["a"]
    swish = f"c = Gemm (x, w, b)  p = Add (c, three)  t = Clip (p, {bounds})  q = Mul (c, t)  "
    assert found(f"{swish} a = Div (q, six)  y = Gemm (a, w)", x=inputs) == ["q"]


GUARDED = "n = ReduceL2 <axes = [1]> (c)  g = Clip (n, eps)  "


@pytest.mark.parametrize(
    "text, names",
    [
        ("a = Div (c, g)", []),
        ("i = Reciprocal (g)  a = Mul (c, i)", []),
        ("s = Shape (c)  e = Expand (g, s)  a = Div (c, e)", []),
        ("e = Concat <axis = 1> (g, g, g, g)  a = Div (c, e)", []),
        ("a = Mul (c, g)", ["g"]),
        ("a = Div (g, six)", ["g"]),
    ],
)
def test_what_keeps_a_divisor_from_0_is_no_activation(
    text: str, names: list[str]
) -> None:
    assert between(f"{GUARDED} {text}") == names


LOOP = (
    "h, o = Loop (i, t, c) <body = b (int64 n, bool k, float[N,4] p) => (bool g, float[N,4] q, "
    "float[N,4] r) {{ g = Identity (k)  {} }}>"
)
SCAN = (
    "h, o = Scan (c, c) <num_scan_inputs = 1, body = b (float[N,4] p, float[4] f) => (float[N,4] q,"
    " float[N,4] r) {{ {} }}>"
)


@pytest.mark.parametrize("loop", [LOOP, SCAN], ids=["Loop", "Scan"])
@pytest.mark.parametrize(
    "body, names",
    [("m = MatMul (p, w)  r = Tanh (m)  q = Add (r, p)", ["h", "o"]),
     ("r = MatMul (p, w)  q = Add (r, p)", [])],
)  # fmt: skip
def test_loops_with_activations_in_them(loop: str, body: str, names: list[str]) -> None:
    text = (
        f"c = Gemm (x, w, b)  {loop.format(body)}  m2 = ReduceSum <keepdims = 0> (o)  "
    )
    text += "s = Add (h, m2)  y = Gemm (s, w)"
    counts = {"i": np.array(3, np.int64), "t": np.array(1, np.bool_)}
    assert found(text, **counts) == names


BRANCHES = (
    "h = If (k) <then_branch = t () => (float[N,4] p) {{ p = Tanh ({}) }}, else_branch = e () => "
    "(float[N,4] q) {{ q = Identity (c) }}>"
)


@pytest.mark.parametrize("read, names", [("r", ["r", "h"]), ("c", [])])
def test_branches_count_where_neurons_stand_before_them(
    read: str, names: list[str]
) -> None:
    text = f"c = Gemm (x, w)  {'r = Relu (c)  ' if read == 'r' else ''}{BRANCHES.format(read)}  "
    assert found(f"{text} y = Gemm (h, w)", x="float[N,4] x, bool k") == names


def test_a_loop_with_weights_in_it_depends_on_activations_as_weights_do() -> None:
    loop = LOOP.format("m = MatMul (p, w)  r = Neg (m)  q = Add (r, p)")
    text = f"c = Relu (x)  {loop}  y = Relu (h)"
    counts = {"i": np.array(3, np.int64), "t": np.array(1, np.bool_)}
    assert found(text, **counts) == ["c"]


@pytest.mark.parametrize(
    "text, names",
    [
        (
            "n = NonZero (r)  t = Transpose (n)  g = GatherND (r, t)  d = Tanh (g)",
            ["r"],
        ),
        (
            "n = NonZero (x)  t = Transpose (n)  g = GatherND (r, t)  d = Tanh (g)",
            ["r", "d"],
        ),
        (
            "n = NonZero (r)  t = Cast <to = 1> (n)  g = ReduceSum (t)  d = Tanh (g)",
            ["r", "d"],
        ),
    ],
    ids=["of a stream", "of the input", "of a fixed shape again"],
)
def test_no_neuron_where_the_shape_depends_on_activations(
    text: str, names: list[str]
) -> None:
    assert found(f"c = Gemm (x, w)  r = Relu (c)  {text}  y = Mul (d, half)") == names


@pytest.mark.parametrize("reader", ["Relu (n)", "Tanh (n)", "Clip (n, low, high)"])
def test_activations_in_a_row_all_count(reader: str) -> None:
    assert between(f"r = Relu (c)  n = Sub (b, r)  a = {reader}") == ["r", "a"]


def test_functions_of_different_values_are_no_product_of_one() -> None:
    text = "d = Gemm (x, w)  s = Sigmoid (c)  t = Tanh (d)  a = Mul (s, t)"
    assert between(text) == ["s", "t"]
    assert between("d = Gemm (x, w)  s = Sigmoid (d)  a = Mul (c, s)") == ["s"]


def test_a_gate_for_all_positions_is_no_function_of_one_element() -> None:
    text = (
        "m = GlobalAveragePool (x)  s = Sigmoid (m)  p = Mul (x, s)  "
        "h = Relu (p)  y = Conv (h, k)"
    )
    assert found(text, x="float[N,4,5,6] x", k=normal(8, 2, 4, 1, 1)) == ["s", "h"]


def test_a_value_of_another_rank_begins_anew() -> None:
    k = np.ones((3, 1, 1), np.float32)
    text = "e = Mul (x, k)  s = Sigmoid (e)  p = Mul (s, x)  y = MatMul (p, w)"
    assert found(text, k=k) == ["s"]


NORMALIZATION = (
    "m = ReduceMean <axes = [-1]> (c)  d = Sub (c, m)  q = Mul (d, d)  "
    "v = ReduceMean <axes = [-1]> (q)  e = Add (v, eps)  s = Sqrt (e)  n = Div (d, s)  "
    "k = Mul (n, scale)  a = Add (k, b)"
)


@pytest.mark.parametrize(
    "text",
    [
        "a = Pow (c, three)",
        "r = Abs (c)  a = Sqrt (r)",
        "a = Erf (c)",
        "a = Exp (c)",
        "p = Pow (c, three)  a = Mul (c, p)",
        "a = Softmax (c)",
        NORMALIZATION,
        "a = LayerNormalization (c, scale, b)",
    ],
)
def test_what_is_no_activation(text: str) -> None:
    assert between(text) == []


@pytest.mark.parametrize("op, gates", [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_recurrent_operators(op: str, gates: int) -> None:
    weights = {"wl": normal(5, 1, 3 * gates, 4), "rl": normal(6, 1, 3 * gates, 3)}
    text = (
        f"h, last = {op} <hidden_size = 3> (x, wl, rl)  m = MatMul (h, v)  n = MatMul (last, v)  "
        "y = Add (m, n)"
    )
    options = {"x": "float[5,N,4] x", "v": RECURRENT["v"]}
    assert found(text, **weights, **options) == ["h", "last"]
    unread = f"h, last = {op} <hidden_size = 3> (x, wl, rl)  y = MatMul (last, v)"
    assert found(unread, **weights, **options) == ["last"]


def test_a_recurrent_operator_depends_on_activations_as_weights_do() -> None:
    text = "a = Relu (x)  h, y = RNN <hidden_size = 3> (a, wl, rl)"
    weights = {"wl": normal(5, 1, 3, 4), "rl": normal(6, 1, 3, 3)}
    assert found(text, x="float[5,N,4] x", **weights) == ["a"]


def test_only_what_weights_depend_on_counts() -> None:
    text = (
        "a = Relu (x)  s = Softmax (a)  m = Gemm (s, w)  r = Relu (m)  y = Sigmoid (r)"
    )
    assert found(text) == ["a"]


@pytest.mark.parametrize(
    "text, names",
    [
        ("m = Gemm (x, w)  y = Relu (m)", ["y"]),
        ("a = Relu (x)  n = Neg (a)  y = Tanh (n)", ["a", "y"]),
    ],
)
def test_if_no_weights_depend_on_any_all_count(text: str, names: list[str]) -> None:
    assert found(text) == names


def test_constants_and_integers_do_not_count() -> None:
    assert found("y = Relu (w)", "y") == []
    assert found("y = Relu (x)", x="int32[N,4] x") == []


@pytest.mark.parametrize(
    "node, rectifies, bound",
    [
        ("Relu (x)", True, None),
        ("Clip (x, low)", True, None),
        ("Clip (x, low, high)", True, 1.5),
        ("Clip (x, low, low)", False, 0.0),
        ("Clip (x, high)", False, None),
        ("Clip (x, minus, high)", False, 1.5),
        ("Clip (x)", False, None),
        ("Clip (x, , high)", False, 1.5),
        ("Clip (x, low, minus)", False, -1.5),
        ("LeakyRelu (x)", False, None),
        ("Sigmoid (x)", False, None),
    ],
)
def test_which_of_them_a_neuron_replaces(
    node: str,
    rectifies: bool,  # noqa: FBT001
    bound: float | None,
) -> None:
    ann = model(f"(float[N,4] x) => (y) {{ y = {node} }}", **WEIGHTS)
    (value,) = activations(ann.graph)
    assert value is ann.graph.outputs[0]
    assert is_rectifier(ann.graph.node(0)) == rectifies
    assert upper_bound(ann.graph.node(0)) == bound


@pytest.mark.parametrize("node", ["Clip (x, k)", "Clip (x, low, k)"])
def test_a_bound_that_is_not_constant(node: str) -> None:
    ann = model(f"(float[N,4] x, float k) => (y) {{ y = {node} }}", **WEIGHTS)
    assert not is_rectifier(ann.graph.node(0))
    assert upper_bound(ann.graph.node(0)) is None
    assert activations(ann.graph) == [ann.graph.outputs[0]]


def test_other_operators_are_no_rectifiers() -> None:
    ann = model("(float[N,4] x) => (y) { y = Neg (x) }")
    assert not is_rectifier(ann.graph.node(0))
    assert activations(ann.graph) == []

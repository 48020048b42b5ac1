from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from tests.models import model, normal

CONSTANTS = {
    "w": normal(1, 4, 4),
    "k": np.array([2], np.int64),
    "three": np.array(3, np.int64),
    "go": np.array(1, np.bool_),
    "flat": np.array([-1], np.int64),
    "half": np.array(0.5, np.float32),
    "axes": np.array([1], np.int64),
}


def found(
    text: str, inputs: str = "float[N,4] s, float[N,4] x, int64[M] i"
) -> set[str | None]:
    """Return the values of data-dependent shapes where ``s`` is the stream."""
    ann = model(f"({inputs}) => (y) {{ {text} }}", **CONSTANTS)
    return {
        value.name for value in data_dependent_values(ann.graph, ann.graph.inputs[:1])
    }


@pytest.mark.parametrize(
    "text, names",
    [
        ("y = Neg (s)", set()),
        ("y = NonZero (s)", {"y"}),
        ("y = NonZero (x)", set()),
        ("n = NonZero (s)  t = Transpose (n)  y = GatherND (s, t)", {"n", "t", "y"}),
        ("n = NonZero (s)  f = Cast <to = 1> (n)  y = ReduceSum <keepdims = 0> (f)", {"n", "f"}),
        ("n = NonZero (s)  y = Shape (n)", {"n"}),
        ("n = Shape (s)  y = Expand (half, n)", set()),
        ("n = NonZero (s)  p = Shape (n)  y = Expand (half, p)", {"n", "y"}),
        ("p = Cast <to = 7> (s)  q = Reshape (p, flat)  y = Reshape (x, q)", {"y"}),
        ("y = Reshape (s, i)", set()),
        ("m = Greater (s, half)  f = Reshape (m, flat)  y = Compress (x, f)", {"y"}),
        ("c = Cast <to = 7> (s)  f = ReduceMax (c)  g = Reshape (f, flat)  y, j = TopK (x, g)",
         {"y", "j"}),
        ("y, j = TopK (s, k)", set()),
        ("y, u = Split <axis = 1> (s)", set()),
    ],
)  # fmt: skip
def test_what_makes_shapes_depend_on_numbers(text: str, names: set[str]) -> None:
    assert found(text) == names


BRANCH = (
    "y = If ({c}) <then_branch = t () => (float[{shape}] p) {{ {then} }}, "
    "else_branch = e () => (float[{shape}] q) {{ q = Neg (s) }}>"
)


@pytest.mark.parametrize(
    "condition, shape, then, names",
    [
        ("go", "N,4", "p = Exp (s)", set()),
        ("d", "N,4", "p = Exp (s)", set()),
        ("go", "A,B", "n = NonZero (s)  p = Cast <to = 1> (n)", {"n", "p", "y"}),
        ("d", "A,B", "p = Transpose (s)", {"y"}),
        ("go", "A,B", "p = Transpose (s)", set()),
    ],
)
def test_branches(condition: str, shape: str, then: str, names: set[str]) -> None:
    text = BRANCH.format(c=condition, shape=shape, then=then)
    decide = (
        "m = ReduceMax <keepdims = 0> (s)  d = Greater (m, half)  "
        if condition == "d"
        else ""
    )
    assert found(decide + text) == names


LOOP = (
    "y, o = Loop ({turns}, go, s) <body = b (int64 n, bool c, float[{shape}] p) => (bool d, "
    "float[{shape}] q, float[{shape}] r) {{ d = {condition}  q = {body}  r = Neg (q) }}>"
)


@pytest.mark.parametrize(
    "turns, shape, condition, body, names",
    [
        ("three", "N,4", "Identity (c)", "Exp (p)", set()),
        ("three", "A,B", "Identity (c)", "Exp (p)", set()),
        ("t", "N,4", "Identity (c)", "Exp (p)", {"o"}),
        ("three", "N,4", "Greater (m, half)", "Exp (p)", {"o"}),
        (
            "three",
            "A,B",
            "Identity (c)",
            "GatherND (p, z)",
            {"z", "q", "r", "p", "y", "o"},
        ),
    ],
)
def test_loops(
    turns: str, shape: str, condition: str, body: str, names: set[str]
) -> None:
    text = LOOP.format(turns=turns, shape=shape, condition=condition, body=body)
    if "m," in condition:
        text = text.replace("{ d =", "{ m = ReduceMax <keepdims = 0> (p)  d =")
    if "z)" in body:
        text = text.replace("q = G", "a = NonZero (p)  z = Transpose (a)  q = G")
        names = names | {"a"}
    before = (
        "e = Cast <to = 7> (s)  t = ReduceMax <keepdims = 0> (e)  "
        if turns == "t"
        else ""
    )
    assert found(before + text) == names


def test_a_scan_is_as_long_as_what_it_reads() -> None:
    body = "body = b (float[B] f) => (float[B] q) {{ q = Neg (f) }}"
    scan = f"y = Scan ({{}}) <num_scan_inputs = 1, {body}>"
    assert found(scan.format("s")) == set()
    text = (
        "n = NonZero (s)  f0 = Cast <to = 1> (n)  t = Transpose (f0)  "
        + scan.format("t")
    )
    assert found(text) >= {"n", "f0", "t", "y"}


def test_operators_without_a_rule_hand_on_what_they_read() -> None:
    header = '<ir_version: 8, opset_import: ["" : 17, "my" : 1]>'
    ann = model(
        "(float[N,4] s) => (y) { n = NonZero (s)  y = my.Op (n) }",
        header,
    )
    assert {v.name for v in data_dependent_values(ann.graph, ann.graph.inputs[:1])} == {
        "n",
        "y",
    }

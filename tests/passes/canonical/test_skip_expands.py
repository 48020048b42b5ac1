"""Expands in front of operators that broadcast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.passes import SkipExpands
from onnx2snn.testing import check_pass
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

FEEDS = {"x": normal(1, 4, 8)}
LIKE_X = "b = Shape <start = 0, end = 1> (x)  to = Concat <axis = 0> (b, eight)"
CONSTANTS = {
    "zero": np.array(0, np.float32),
    "row": normal(2, 8),
    "eight": np.array([8]),
    "one": np.array([1, 8]),
    "three": np.array([3, 1, 1]),
}
HEAD = "(float[N,8] x) => (float y)"


def network(body: str, shapes: str = "<float[N,8] z>", head: str = HEAD) -> ir.Model:
    return model(f"{head} {shapes} {{ {body} }}", **CONSTANTS)


@pytest.mark.parametrize(
    "body, left",
    [
        (f"{LIKE_X}  z = Expand (zero, to)  y = Max (x, z)", ["Max"]),
        (f"{LIKE_X}  z = Expand (row, to)  y = Sub (z, x)", ["Sub"]),
        ("z = Expand (row, one)  y = Add (x, z)", ["Add"]),
        (
            f"{LIKE_X}  z = Expand (zero, to)  p = Greater (x, z)  y = Where (p, z, x)",
            ["Greater", "Where"],
        ),
        (
            f"{LIKE_X}  z = Expand (row, to)  y = Add (z, z)",
            ["Shape", "Concat", "Expand", "Add"],
        ),
    ],
)
def test_the_other_operand_has_the_shape(body: str, left: list[str]) -> None:
    shapes = "<float[1,8] z>" if ", one)" in body else "<float[N,8] z>"
    after = check_pass(SkipExpands(), network(body, shapes), FEEDS, rtol=0)
    assert [node.op_type for node in after.graph] == left


@pytest.mark.parametrize(
    "body, shapes",
    [
        ("z = Expand (row, three)  y = Add (x, z)", "<float[3,1,8] z>"),
        (f"{LIKE_X}  z = Expand (row, to)  y = Add (row, z)", "<float[N,8] z>"),
        (f"{LIKE_X}  z = Expand (row, to)  y = Add (x, z)", "<float[M,8] z>"),
        (
            f"{LIKE_X}  z = Expand (row, to)  y = Concat <axis = 0> (z, x)",
            "<float[N,8] z>",
        ),
    ],
)
def test_an_expand_that_is_needed_stays(body: str, shapes: str) -> None:
    check_pass(SkipExpands(), network(body, shapes), FEEDS, modified=False)


def test_elu_of_jax_is_one_activation() -> None:
    body = (
        f"h = MatMul (x, square)  {LIKE_X}  z = Expand (zero, to)  p = Greater (h, z)"
        "  safe = Where (p, z, h)  e = Exp (safe)  m = Sub (e, unit)"
        "  a = Where (p, h, m)  y = MatMul (a, square)"
    )
    constants = {"square": normal(3, 8, 8), "unit": np.array(1, np.float32)}
    jax = model(
        f"(float[N,8] x) => (float[N,8] y) {{ {body} }}", **CONSTANTS, **constants
    )
    counts = onnx2snn.analyze(jax)["counts"]
    assert counts["spiking"] == 1

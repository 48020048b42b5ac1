"""Pairs of Transposes around elementwise functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.passes import CancelTransposes
from onnx2snn.testing import check_pass
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

FEEDS = {"x": normal(1, 2, 3, 4, 5)}
TO_LAST = "Transpose <perm = [0, 2, 3, 1]>"
TO_SECOND = "Transpose <perm = [0, 3, 1, 2]>"
NUMBERS = {"half": np.array([0.5], np.float32), "three": np.array(3, np.float32)}


def network(body: str, **constants: np.ndarray) -> ir.Model:
    text = f"(float[2,3,4,5] x) => (float[2,3,4,5] y) {{ {body} }}"
    return model(text, **NUMBERS, **constants)


def operators(found: ir.Model) -> list[str]:
    return [node.op_type for node in found.graph]


def test_a_function_between_two_transposes() -> None:
    before = network(
        f"t = {TO_LAST} (x)  p = Pow (t, three)  m = Mul (half, p)  u = {TO_SECOND} (m)"
        "  y = Add (x, u)"
    )
    after = check_pass(CancelTransposes(), before, FEEDS, rtol=0)
    assert operators(after) == ["Pow", "Mul", "Add"]


def test_two_transposes_next_to_each_other() -> None:
    before = network(
        f"n = Neg (x)  t = {TO_LAST} (n)  u = {TO_SECOND} (t)  y = Abs (u)"
    )
    after = check_pass(CancelTransposes(), before, FEEDS, rtol=0)
    assert operators(after) == ["Neg", "Abs"]


def test_several_values_that_are_transposed_alike() -> None:
    before = network(
        f"n = Neg (x)  a = {TO_LAST} (x)  b = {TO_LAST} (n)  m = Max (a, b)  y = {TO_SECOND} (m)"
    )
    after = check_pass(CancelTransposes(), before, FEEDS, rtol=0)
    assert operators(after) == ["Neg", "Max"]
    assert [value.name for value in after.graph.outputs] == ["y"]


@pytest.mark.parametrize("shape", [(3,), (5, 1), (2, 4, 5, 3), (1, 1, 1, 3)])
def test_constants_between_them_are_transposed(shape: tuple[int, ...]) -> None:
    before = network(
        f"t = {TO_LAST} (x)  m = Mul (t, c)  y = {TO_SECOND} (m)",
        c=normal(2, *shape),
    )
    after = check_pass(CancelTransposes(), before, FEEDS, rtol=0)
    assert operators(after) == ["Mul"]


def test_without_an_order_axes_are_reversed() -> None:
    before = network("t = Transpose (x)  s = Exp (t)  y = Transpose (s)")
    after = check_pass(CancelTransposes(), before, FEEDS, rtol=0)
    assert operators(after) == ["Exp"]


@pytest.mark.parametrize(
    "body",
    [
        f"t = {TO_LAST} (x)  s = Softmax <axis = 2> (t)  y = {TO_SECOND} (s)",
        f"t = {TO_LAST} (x)  s = Exp (t)  u = {TO_SECOND} (s)  m = ReduceMax (s)  y = Mul (u, m)",
        f"r = Reshape (x, sizes)  t = {TO_LAST} (x)  m = Mul (t, r)  y = {TO_SECOND} (m)",
    ],
    ids=["other-operator", "read-elsewhere", "not-transposed"],
)
def test_other_pairs_are_left(body: str) -> None:
    before = network(
        body,
        sizes=np.array([2, 4, 5, 3]),
    )
    check_pass(CancelTransposes(), before, FEEDS, modified=False)


def test_gelu_with_a_part_in_the_other_layout_is_one_activation() -> None:
    text = (
        "(float[N,3,4,4] x) => (float[N,2,4,4] y)"
        " <float half = {0.5}, float three = {3.0}, float cubic = {0.044715},"
        " float root = {0.7978846}, float one = {1.0}> {"
        " h = Conv (x, w)  n = Mul (half, h)"
        f" t = {TO_LAST} (h)  p = Pow (t, three)  c = Mul (cubic, p)  u = {TO_SECOND} (c)"
        " s = Add (h, u)  r = Mul (root, s)  e = Tanh (r)  f = Add (one, e)"
        " a = Mul (n, f)  y = Conv (a, v) }"
    )
    ann = model(text, w=normal(1, 4, 3, 1, 1), v=normal(2, 2, 4, 1, 1))
    report = onnx2snn.convert(ann, 8, normal(3, 16, 3, 4, 4), corrections=()).report
    # The first Conv reads the image; the other 4 x 2 weights at 16 positions, and spikes.
    macs = report["analysis"]["macs"]
    assert macs["readout"] == 4 * 2 * 16
    assert macs["analog"] == 0
    assert [layer["name"] for layer in report["layers"]] == ["a.neuron"]

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.conversion.import_model import import_model
from onnx2snn.passes import LowerSequences
from onnx2snn.testing import check_pass, run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

PASS = LowerSequences()
FEEDS = {"x": normal(1, 2, 6, 5)}
CONSTANTS = {
    "two": np.array(2, np.int64),
    "one": np.array(1, np.int64),
    "zero": np.array(0, np.int64),
    "last": np.array(-1, np.int64),
    "sizes": np.array([1, 3, 2], np.int64),
    "four": np.array(4, np.int64),
}


def sequence(
    body: str, signature: str = "(float[2,6,5] x) => (float[A,B,C] y)", opset: int = 17
) -> ir.Model:
    used = {
        name: value
        for name, value in CONSTANTS.items()
        if name in body.replace(",", " ")
    }
    return model(
        f"{signature} {{ {body} }}",
        f'<ir_version: 8, opset_import: ["" : {opset}]>',
        **used,
    )


def operators(ann: ir.Model) -> list[str]:
    return [node.op_type for node in ann.graph]


@pytest.mark.parametrize(
    "body, expected",
    [
        (
            "s = SplitToSequence <axis = 1> (x, sizes)  y = SequenceAt (s, one)",
            ["Split"],
        ),
        (
            "s = SplitToSequence <axis = 1> (x, four)  y = SequenceAt (s, last)",
            ["Split"],
        ),
        ("s = SplitToSequence <axis = -2> (x)  y = SequenceAt (s, two)", ["Split"]),
        (
            (
                "s = SplitToSequence <axis = 1, keepdims = 1> (x, two)"
                "  a = SequenceAt (s, zero)  b = SequenceAt (s, one)  c = SequenceAt (s, zero)"
                "  d = Add (a, b)  y = Mul (c, d)"
            ),
            ["Split", "Add", "Mul"],
        ),
        (
            "n = Neg (x)  s = SequenceConstruct (x, n)  y = ConcatFromSequence <axis = 1> (s)",
            ["Neg", "Concat"],
        ),
        (
            (
                "n = Neg (x)  s = SequenceConstruct (x, n)  i = Identity (s)"
                "  a = SequenceAt (i, last)  b = SequenceAt (s, zero)  y = Sub (a, b)"
            ),
            ["Neg", "Sub"],
        ),
        (
            (
                "n = Neg (x)  e = SequenceEmpty ()  s = SequenceInsert (e, x)"
                "  t = SequenceInsert (s, n, zero)  u = SequenceInsert (t, n)"
                "  v = SequenceErase (u, one)  y = ConcatFromSequence <axis = 2> (v)"
            ),
            ["Neg", "Concat"],
        ),
        (
            (
                "s = SequenceConstruct (x, x, x)  t = SequenceErase (s)  n = SequenceLength (t)"
                "  f = Cast <to = 1> (n)  y = Mul (x, f)"
            ),
            ["Cast", "Mul"],
        ),
        (
            (
                "s = SplitToSequence <axis = 1> (x, four)  n = SequenceLength (s)"
                "  f = Cast <to = 1> (n)  y = Mul (x, f)"
            ),
            ["Cast", "Mul"],
        ),
        ("s = SequenceConstruct (x, x)  y = SequenceAt (s, one)", ["Identity"]),
        (
            "s = SplitToSequence <axis = 1> (x, sizes)  y = ConcatFromSequence <axis = -2> (s)",
            ["Split", "Concat"],
        ),
    ],
)
def test_known_elements(body: str, expected: list[str]) -> None:
    assert operators(check_pass(PASS, sequence(body), FEEDS, rtol=0)) == expected


@pytest.mark.parametrize("axis", [0, -1, 3])
def test_a_new_axis(axis: int) -> None:
    body = f"s = SequenceConstruct (x, x)  y = ConcatFromSequence <axis = {axis}, new_axis = 1> (s)"
    before = sequence(body, "(float[2,6,5] x) => (float[A,B,C,D] y)")
    after = check_pass(PASS, before, FEEDS, rtol=0)
    assert operators(after) == ["Unsqueeze", "Unsqueeze", "Concat"]


def test_parts_without_their_axis() -> None:
    before = sequence(
        "s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceAt (s, two)",
        "(float[2,6,5] x) => (float[A,B] y)",
    )
    after = check_pass(PASS, before, FEEDS, rtol=0)
    assert operators(after)[:2] == ["Split", "Squeeze"]


FREE = "(float[N,L,5] x) => (float[A,B,C] y)"


@pytest.mark.parametrize(
    "body, expected",
    [
        ("s = SplitToSequence <axis = 1> (x)  y = SequenceAt (s, last)", ["Slice"]),
        ("s = SplitToSequence <axis = 1> (x)  y = SequenceAt (s, two)", ["Slice"]),
        ("s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, one)", ["Slice"]),
        (
            "s = SplitToSequence <axis = 1> (x, sizes)  y = SequenceAt (s, last)",
            ["Split"],
        ),
        (
            (
                "s = SplitToSequence <axis = 1> (x)  n = SequenceLength (s)"
                "  f = Cast <to = 1> (n)  y = Mul (x, f)"
            ),
            ["Shape", "Gather", "Cast", "Mul"],
        ),
    ],
)
def test_an_unknown_number_of_parts(body: str, expected: list[str]) -> None:
    assert operators(check_pass(PASS, sequence(body, FREE), FEEDS, rtol=0)) == expected


def test_an_unknown_number_of_parts_without_their_axis() -> None:
    before = sequence(
        "s = SplitToSequence <axis = 1, keepdims = 0> (x)  y = SequenceAt (s, last)",
        "(float[N,L,5] x) => (float[A,B] y)",
    )
    assert operators(check_pass(PASS, before, FEEDS, rtol=0)) == ["Gather"]


@pytest.mark.parametrize(
    "body, signature",
    [
        ("s = SplitToSequence <axis = 1> (x, two)  y = SequenceAt (s, last)", FREE),
        (
            "s = SplitToSequence <axis = 1> (x)  y = ConcatFromSequence <axis = 1> (s)",
            FREE,
        ),
        (
            (
                "s = SplitToSequence <axis = 1> (x, two)  n = SequenceLength (s)"
                "  f = Cast <to = 1> (n)  y = Mul (x, f)"
            ),
            FREE,
        ),
        (
            "s = SequenceConstruct (x, x)  y = SequenceAt (s, p)",
            "(float[2,6,5] x, int64 p) => (float[A,B,C] y)",
        ),
        (
            "s = SplitToSequence <axis = 1> (x, p)  y = SequenceAt (s, one)",
            "(float[2,6,5] x, int64 p) => (float[A,B,C] y)",
        ),
        (
            "s = SequenceConstruct (x, x)  t = SequenceErase (s, p)  y = SequenceAt (t, zero)",
            "(float[2,6,5] x, int64 p) => (float[A,B,C] y)",
        ),
        ("y = SequenceAt (s, zero)", "(seq(float[2,6,5]) s) => (float[A,B,C] y)"),
    ],
    ids=["from the end", "all", "length", "position", "size", "erased", "input"],
)
def test_left_alone(body: str, signature: str) -> None:
    ann = sequence(body, signature)
    before = operators(ann)
    assert not PASS(ann).modified
    assert operators(ann) == before


def test_a_sequence_that_is_read_as_a_whole_stays() -> None:
    before = sequence(
        "s = SplitToSequence <axis = 1> (x, sizes)  y = SequenceAt (s, one)",
        "(float[2,6,5] x) => (float[A,B,C] y, seq(float[D,E,F]) s)",
    )
    expected = run_ort(before, FEEDS)
    assert PASS(before).modified
    assert operators(before) == ["Split", "SplitToSequence"]
    result = run_ort(before, FEEDS)
    np.testing.assert_array_equal(result["y"], expected["y"])
    assert not PASS(before).modified


def test_branches_read_outer_sequences() -> None:
    before = sequence(
        "n = Neg (x)  s = SequenceConstruct (x, n)  y = If (go) <"
        "then_branch = a () => (float[A,B,C] p) { p = SequenceAt (s, one) }, "
        "else_branch = b () => (float[A,B,C] q) { r = SequenceAt (s, zero)  q = Abs (r) }>",
        "(float[2,6,5] x, bool go) => (float[A,B,C] y)",
    )
    for go in (True, False):
        after = check_pass(PASS, before, FEEDS | {"go": np.array(go)}, rtol=0)
        assert operators(after) == ["Neg", "If"]
        inner = [node.op_type for node in after.graph.all_nodes()]
        assert sorted(inner) == ["Abs", "Identity", "If", "Neg"]


def test_optionals() -> None:
    before = sequence(
        "o = Optional (x)  h = OptionalHasElement (o)  e = OptionalGetElement (o)"
        "  f = Cast <to = 1> (h)  y = Mul (e, f)",
        opset=18,
    )
    expected = run_ort(before, FEEDS)[
        "y"
    ]  # onnx's own evaluator takes an optional for a list
    assert PASS(before).modified
    assert operators(before) == ["Cast", "Mul"]
    np.testing.assert_array_equal(run_ort(before, FEEDS)["y"], expected)


def test_optionals_that_are_none() -> None:
    before = sequence(
        "h = OptionalHasElement (x)  e = OptionalGetElement (x)  g = OptionalHasElement ()"
        "  f = Cast <to = 1> (h)  i = Cast <to = 1> (g)  j = Add (f, i)  y = Mul (e, j)",
        opset=18,
    )
    expected = run_ort(before, FEEDS)["y"]
    assert PASS(before).modified
    assert operators(before) == ["Cast", "Cast", "Add", "Mul"]
    np.testing.assert_array_equal(run_ort(before, FEEDS)["y"], expected)


def test_an_optional_sequence() -> None:
    before = sequence(
        "s = SequenceConstruct (x, x)  o = Optional (s)  e = OptionalGetElement (o)"
        "  y = ConcatFromSequence <axis = 0> (e)",
        opset=18,
    )
    expected = run_ort(before, FEEDS)["y"]
    assert PASS(before).modified
    assert operators(before) == ["Concat"]
    np.testing.assert_array_equal(run_ort(before, FEEDS)["y"], expected)


def test_an_optional_input_is_left_alone() -> None:
    ann = sequence(
        "h = OptionalHasElement (o)  e = OptionalGetElement (o)  f = Cast <to = 1> (h)"
        "  y = Mul (e, f)",
        "(optional(float[2,6,5]) o) => (float[A,B,C] y)",
        opset=18,
    )
    assert not PASS(ann).modified


def test_a_network_with_sequences_is_converted() -> None:
    """Two branches of a split tensor, put together again, as exporters write ``chunk``."""
    ann = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (float[N,8] x) => (float[N,3] y) '
        "<int64 half = {4}, int64 zero = {0}, int64 one = {1}> { h = MatMul (x, w)"
        "  s = SplitToSequence <axis = 1> (h, half)  a = SequenceAt (s, zero)"
        "  b = SequenceAt (s, one)  r = Relu (a)  t = SequenceConstruct (r, b)"
        "  c = ConcatFromSequence <axis = 1> (t)  y = MatMul (c, v) }"
    )
    for seed, (name, shape) in enumerate({"w": (8, 8), "v": (8, 3)}.items()):
        ann.graph.initializer.append(
            onnx.numpy_helper.from_array(normal(seed, *shape), name)
        )
    assert [node.op_type for node in import_model(ann).model.graph] == [
        "MatMul", "Split", "Relu", "Concat", "MatMul"
    ]  # fmt: skip
    x = normal(3, 32, 8)
    conversion = onnx2snn.convert(ann, T=64, calibration=x)
    result = onnx2snn.load(conversion.model).run({"x": x})["y"]
    expected = run_ort(ann, {"x": x})["y"]
    assert np.linalg.norm(result - expected) < 0.03 * np.linalg.norm(expected)

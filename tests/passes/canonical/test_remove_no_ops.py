from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.remove_no_ops import RemoveNoOps
from onnx2snn.testing import check_pass

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
FEEDS = {"x": np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)}


def model(body: str, initializers: str = "", values: str = "") -> ir.Model:
    declarations = ", ".join(part for part in (initializers, values) if part)
    return ir.from_onnx_text(
        f"{HEADER} g (float[2,3,4] x) => (float[2,3,4] y) <{declarations}> {{ {body} }}"
    )


def ops(result: ir.Model) -> list[str]:
    return [node.op_type for node in result.graph]


@pytest.mark.parametrize(
    "node, initializers",
    [
        ("Identity (r)", ""),
        ("Dropout (r)", ""),
        ("Dropout (r, ratio, train)", "float ratio = {0.5}, bool train = {0}"),
        ("Cast <to = 1> (r)", ""),
        ("CastLike (r, like)", "float like = {3.0}"),
        ("Reshape (r, shape)", "int64[3] shape = {2, 3, -1}"),
        ("Expand (r, shape)", "int64[1] shape = {4}"),
        ("Transpose <perm = [0, 1, 2]> (r)", ""),
        ("Pad (r, pads)", "int64[6] pads = {0, 0, 0, 0, 0, 0}"),
        ("Slice (r, a, b)", "int64[1] a = {0}, int64[1] b = {9223372036854775807}"),
        (
            "Slice (r, a, b, i, s)",
            "int64[1] a={0}, int64[1] b={3}, int64[1] i={1}, int64[1] s={1}",
        ),
        ("Tile (r, n)", "int64[3] n = {1, 1, 1}"),
        ("Clip (r)", ""),
        ("Concat <axis = 1> (r)", ""),
        ("Sum (r)", ""),
        ("Mean (r)", ""),
        ("Max (r)", ""),
        ("Min (r)", ""),
        ("Add (r, c)", "float c = {0.0}"),
        ("Add (c, r)", "float[1] c = {0.0}"),
        ("Add (r, c)", "float[4] c = {0.0, 0.0, 0.0, 0.0}"),
        ("Sub (r, c)", "float c = {0.0}"),
        ("Mul (r, c)", "float[1,1,1] c = {1.0}"),
        ("Mul (c, r)", "float c = {1.0}"),
        ("Div (r, c)", "float c = {1.0}"),
    ],
)
def test_no_op_is_removed(node: str, initializers: str) -> None:
    values = "float[2,3,4] r, float[2,3,4] h"
    before = model(f"r = Relu (x)  h = {node}  y = Neg (h)", initializers, values)
    after = check_pass(RemoveNoOps(), before, FEEDS, rtol=0)
    assert ops(after) == ["Relu", "Neg"]


@pytest.mark.parametrize(
    "node, initializers",
    [
        ("Dropout (r, ratio, train)", "float ratio = {0.0}, bool train = {1}"),
        ("Transpose <perm = [0, 2, 1]> (r)", ""),
        ("Transpose (r)", ""),
        ("CastLike (x, r)", ""),
        ("Pad (r, pads)", "int64[6] pads = {0, 0, 1, 0, 0, 0}"),
        ("Slice (r, a, b)", "int64[1] a = {1}, int64[1] b = {9223372036854775807}"),
        (
            "Slice (r, a, b, i, s)",
            "int64[1] a={-1}, int64[1] b={-9}, int64[1] i={2}, int64[1] s={-1}",
        ),
        ("Tile (r, n)", "int64[3] n = {1, 2, 1}"),
        ("Concat <axis = 1> (r, r)", ""),
        ("Add (r, c)", "float c = {0.5}"),
        ("Add (r, c)", "float[1,1,1,1] c = {0.0}"),
        ("Sub (c, r)", "float c = {0.0}"),
        ("Div (c, r)", "float c = {1.0}"),
        ("Mul (r, r)", ""),
    ],
)
def test_other_nodes_stay(node: str, initializers: str) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,3,4] x) => (y) <{initializers or 'float unread = {0.0}'}> "
        f"{{ r = Abs (x)  h = {node}  y = Exp (h) }}"
    )
    result = RemoveNoOps()(before)
    assert not result.modified
    assert len(ops(before)) == 3


def test_shape_of_unknown_size_is_not_compared() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,M] x) => (float[K,L] y) <int64[2] s = {{-1, 4}}> "
        "{ h = Reshape (x, s)  y = Neg (h) }"
    )
    assert not RemoveNoOps()(before).modified


def test_shape_of_another_rank_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,3,4] x) => (float[6,4] y) <float[6,4] h> "
        "{ h = Flatten <axis = 2> (x)  y = Neg (h) }"
    )
    check_pass(RemoveNoOps(), before, FEEDS, modified=False)


def test_slice_to_a_computed_end_stays() -> None:
    before = model(
        "e = Shape <start = 2> (x)  h = Slice (x, a, e, i)  y = Neg (h)",
        "int64[1] a = {0}, int64[1] i = {2}",
    )
    check_pass(RemoveNoOps(), before, FEEDS, modified=False)


def test_symbolic_shape_is_compared() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,4] y) <float[N,4] h> "
        "{ h = Flatten (x)  y = Neg (h) }"
    )
    feeds = {"x": FEEDS["x"].reshape(6, 4)}
    assert ops(check_pass(RemoveNoOps(), before, feeds, rtol=0)) == ["Neg"]


def test_unnamed_dimensions_are_not_equal() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[?,4] x) => (float[?,4] y) <float[?,4] h> "
        "{ h = Flatten (x)  y = Neg (h) }"
    )
    assert not RemoveNoOps()(before).modified


def test_mask_with_a_reader_keeps_the_dropout() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,4] y) "
        "{ h, m = Dropout (x)  f = Cast <to = 1> (m)  y = Add (h, f) }"
    )
    assert not RemoveNoOps()(before).modified


def test_mask_that_is_an_output_keeps_the_dropout() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,4] y, bool[N,4] m) "
        "{ h, m = Dropout (x)  y = Neg (h) }"
    )
    assert not RemoveNoOps()(before).modified


def test_clip_with_bounds_as_attributes_stays() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 5, opset_import: ["" : 10]> g (float[N] x) => (float[N] y) '
        "{ h = Clip <min = 0.0> (x)  y = Neg (h) }"
    )
    assert not RemoveNoOps()(before).modified


def test_chain_goes_and_the_output_keeps_its_name() -> None:
    before = model("r = Relu (x)  a = Identity (r)  b = Identity (a)  y = Identity (b)")
    after = check_pass(RemoveNoOps(), before, FEEDS, rtol=0)
    assert ops(after) == ["Relu"]


@pytest.mark.parametrize(
    "text",
    [
        "(float[2,3,4] x) => (float[2,3,4] y) { y = Identity (x) }",
        "(float[2,3,4] x) => (float[2,3,4] y, float[2,3,4] r) { r = Relu (x)  y = Identity (r) }",
        "(float[2,3,4] x) => (float[1] y) <float[1] w = {1.5}> { y = Identity (w) }",
    ],
    ids=["input", "output", "initializer"],
)
def test_a_value_with_a_name_to_keep_is_not_renamed(text: str) -> None:
    check_pass(
        RemoveNoOps(), ir.from_onnx_text(f"{HEADER} g {text}"), FEEDS, modified=False
    )


def test_subgraphs_are_cleaned_but_keep_what_they_capture() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,3,4] x, bool c) => (float[2,3,4] y) {{ r = Relu (x)  y = If (c) <"
        "then_branch = t () => (float[2,3,4] p) { a = Identity (r)  p = Neg (a) }, "
        "else_branch = e () => (float[2,3,4] q) { q = Identity (r) }> }"
    )
    feeds = {**FEEDS, "c": np.array(1, np.bool_)}
    after = check_pass(RemoveNoOps(), before, feeds, rtol=0)
    assert [node.op_type for node in after.graph.all_nodes()] == [
        "Relu",
        "If",
        "Neg",
        "Identity",
    ]


def test_absent_operand_stays() -> None:
    before = model("y = Add (, c)", "float c = {0.0}")
    assert not RemoveNoOps()(before).modified

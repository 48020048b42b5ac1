from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.inline_functions import InlineFunctions
from onnx2snn.testing import check_pass, run_ort

HEADER = '<ir_version: 8, opset_import: ["" : 17, "my" : 1]>'
FUNCTIONS = """
<domain: "my", opset_import: ["" : 17, "my" : 1]>
Scale (a, k) => (b) { h = Mul (a, k)  b = Neg (h) }
<domain: "my", opset_import: ["" : 17, "my" : 1]>
Twice (a, k) => (b) { h = my.Scale (a, k)  b = my.Scale (h, k) }
"""
FEEDS = {"x": np.array([[-4, -1, 0, 2]], np.float32)}


def test_nested_calls_are_inlined() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x) => (float[1,4] y) <float k = {{0.25}}> "
        "{ h = my.Twice (x, k)  y = my.Scale (h, x) }" + FUNCTIONS
    )
    after = check_pass(InlineFunctions(), before, FEEDS, rtol=0)
    assert [node.op_type for node in after.graph] == ["Mul", "Neg"] * 3
    assert not after.functions
    assert dict(after.opset_imports) == {"": 17}


def test_default_of_an_attribute() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x) => (float[1,4] y) {{ y = my.Leak (x) }}"
        '<domain: "my", opset_import: ["" : 17]> Leak <slope: float = 0.5> (a) => (b) '
        "{ b = LeakyRelu <alpha: float = @slope> (a) }"
    )
    InlineFunctions()(before)
    np.testing.assert_array_equal(run_ort(before, FEEDS)["y"], [[-2, -0.5, 0, 2]])


def test_call_in_a_subgraph() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x, bool c) => (float[1,4] y) {{ y = If (c) <"
        "then_branch = t () => (float[1,4] p) { p = my.Scale (x, x) }, "
        "else_branch = e () => (float[1,4] q) { q = Abs (x) }> }" + FUNCTIONS
    )
    after = check_pass(
        InlineFunctions(), before, {**FEEDS, "c": np.array(1, np.bool_)}, rtol=0
    )
    assert {node.op_type for node in after.graph.all_nodes()} == {
        "If",
        "Mul",
        "Neg",
        "Abs",
    }


@pytest.mark.parametrize("functions", ["", FUNCTIONS])
def test_what_nobody_uses_is_removed(functions: str) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x) => (float[1,4] y) {{ y = Neg (x) }}{functions}"
    )
    after = check_pass(InlineFunctions(), before, FEEDS, rtol=0)
    assert dict(after.opset_imports) == {"": 17}


def test_nothing_to_do() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[1,4] x) => (float[1,4] y) '
        "{ y = Neg (x) }"
    )
    check_pass(InlineFunctions(), before, FEEDS, modified=False)


def test_circle_is_refused() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x) => (float[1,4] y) {{ y = my.Ping (x) }}"
        '<domain: "my", opset_import: ["my" : 1]> Ping (a) => (b) { b = my.Pong (a) }'
        '<domain: "my", opset_import: ["my" : 1]> Pong (a) => (b) { b = my.Ping (a) }'
    )
    with pytest.raises(ir.passes.PreconditionError, match=r"my::Ping"):
        InlineFunctions()(before)


def test_other_opset_is_refused() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1,4] x) => (float[1,4] y) {{ y = my.Old (x) }}"
        '<domain: "my", opset_import: ["" : 13]> Old (a) => (b) { b = Neg (a) }'
    )
    with pytest.raises(ValueError, match=r"my::Old.*17.*13"):
        InlineFunctions()(before)

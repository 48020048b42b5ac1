from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn import convert
from onnx2snn.passes.canonical.forget_shapes import ForgetShapes
from onnx2snn.testing import check_pass, run_ort

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def test_shapes_of_results_go_and_all_else_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float[N,2] y) "
        "<float[3,2] w = {1, 2, 3, 4, 5, 6}, float[1,2] h> "
        "{ h = MatMul (x, w)  y = Relu (h) }"
    )
    after = check_pass(ForgetShapes(), before, {"x": np.ones((4, 3), "f4")}, rtol=0)
    hidden = after.graph.node(0).outputs[0]
    assert hidden.shape is None
    assert hidden.dtype is ir.DataType.FLOAT
    assert str(after.graph.inputs[0].shape) == "[N,3]"
    assert str(after.graph.outputs[0].shape) == "[N,2]"
    assert str(after.graph.initializers["w"].shape) == "[3,2]"


def test_subgraph() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x, bool c) => (float[2] y) {{ y = If (c) <"
        "then_branch = t () => (float[2] p) { p = Neg (x) }, "
        "else_branch = e () => (float[3] q) { q = Abs (x) }> }"
    )
    assert ForgetShapes()(before).modified
    inside = [graph.outputs[0].shape for graph in before.graph.subgraphs()]
    assert inside == [None, None]
    assert not ForgetShapes()(before).modified


def perceptron(shapes: str, output: str) -> ir.Model:
    """Return two layers whose file states ``shapes`` of hidden values."""
    numbers = np.random.default_rng(3).uniform(-1, 1, 16 + 12).round(3)
    a, b = (", ".join(map(str, part)) for part in (numbers[:16], numbers[16:]))
    return ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float{output} y) "
        f"<float[4,4] A = {{{a}}}, float[4,3] B = {{{b}}}, {shapes}> "
        "{ h = MatMul (x, A)  s = Relu (h)  y = MatMul (s, B) }"
    )


@pytest.mark.parametrize(
    "shapes, output",
    [
        ("float[1,4] h, float[1,4] s", "[N,3]"),
        ("float[N,4,1] s", "[1,3]"),
        ("float[1,1,4] h", "[1,3,7]"),
    ],
)
@pytest.mark.parametrize("calibrated", [True, False])
def test_stale_shapes_are_not_believed(
    shapes: str, output: str, *, calibrated: bool
) -> None:
    """A batch was made free by hand, or a shape is of another rank: the file runs all the same."""
    stale = perceptron(shapes, output)
    right = perceptron("float[N,4] h", "[N,3]")
    x = np.random.default_rng(4).uniform(-1, 1, (64, 4)).astype("f4")
    data = x if calibrated else None
    found = convert(stale, 4, data, check=False).ir_model
    wanted = convert(right, 4, data, check=False).ir_model
    (y,) = found.graph.outputs
    assert str(y.shape) == "[N,3]"
    np.testing.assert_array_equal(
        run_ort(found, {"x": x})["y"], run_ort(wanted, {"x": x})["y"]
    )

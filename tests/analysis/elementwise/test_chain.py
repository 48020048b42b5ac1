"""One way to follow nodes, whatever the form of the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from onnx2snn.analysis.elementwise.chain import Algebra, Functions, paths_back, paths_on
from onnx2snn.analysis.elementwise.clamped_line import CLAMPED_LINES, ClampedLine
from onnx2snn.analysis.elementwise.piecewise import Piecewise
from onnx2snn.analysis.elementwise.piecewise_rules import PIECEWISE
from onnx2snn.analysis.elementwise.samples import POINTS, SAMPLES
from tests.models import model

if TYPE_CHECKING:
    import onnx_ir as ir

NUMBERS = {
    "two": np.array(2, np.float32),
    "three": np.array(3, np.float32),
    "minus": np.array(-1.5, np.float32),
    "each": np.array([1, 2, 3, 4], np.float32),
}
ALGEBRAS: dict[str, Algebra[Any]] = {
    "samples": SAMPLES,
    "piecewise": PIECEWISE,
    "clamped line": CLAMPED_LINES,
}
SPELLED = {
    "a sum": "y = Add (x, two)",
    "a difference": "y = Sub (x, two)",
    "a difference from a number": "y = Sub (two, x)",
    "a product": "y = Mul (minus, x)",
    "a quotient": "y = Div (x, minus)",
    "a number less": "n = Neg (x)  y = Add (n, three)",
    "a rectifier": "y = Relu (x)",
    "a clip": "y = Clip (x, minus, two)",
    "a clip from below": "y = Clip (x, minus)",
    "a clip from above": "y = Clip (x, , two)",
    "a clip without bounds": "y = Clip (x)",
    "the larger one": "y = Max (minus, x, two)",
    "the smaller one": "a = Identity (x)  y = Min (a, three)",
    "one after the other": "a = Mul (x, minus)  b = Relu (a)  c = Sub (three, b)  "
    "d = Max (c, minus)  y = Div (d, two)",
}


def network(text: str, signature: str = "float[4] x") -> ir.Model:
    return model(f"({signature}) => (float[4] y) {{ {text} }}", **NUMBERS)


def found(ann: ir.Model, algebra: Algebra[Any]) -> Any:
    """Return the output as a function of the first input."""
    return Functions(algebra).find(ann.graph.outputs[0], ann.graph.inputs[0])


def values_of(function: Piecewise | ClampedLine) -> list[float]:
    """Return a function at ``POINTS``."""
    if isinstance(function, Piecewise):
        return [function(x) for x in POINTS]
    line = function.slope * POINTS + function.offset
    return list(np.clip(line, function.low, function.high))


@pytest.mark.parametrize("text", SPELLED.values(), ids=SPELLED)
def test_all_forms_agree(text: str) -> None:
    ann = network(text)
    expected = found(ann, SAMPLES)
    for algebra in (PIECEWISE, CLAMPED_LINES):
        function = found(ann, algebra)
        np.testing.assert_allclose(values_of(function), expected, rtol=1e-12)


@pytest.mark.parametrize("algebra", ALGEBRAS.values(), ids=ALGEBRAS)
@pytest.mark.parametrize(
    "text",
    ["y = Add (x, z)", "y = Softmax (x)", "y = Max (x, z)", "a = Sin (x)  y = Neg (a)"],
)
def test_what_is_no_function_of_one_value(algebra: Algebra[Any], text: str) -> None:
    ann = network(text, "float[4] x, float[4] z")
    assert found(ann, algebra) is None


def test_only_arrays_hold_a_number_for_each_element() -> None:
    ann = network("y = Mul (x, each)")
    assert found(ann, PIECEWISE) is None
    assert found(ann, CLAMPED_LINES).slope.tolist() == [1, 2, 3, 4]


def test_numbers_of_both_signs_have_no_limits_in_common() -> None:
    ann = network("a = Relu (x)  s = Sub (each, two)  y = Mul (a, s)")
    assert found(ann, CLAMPED_LINES) is None


def test_a_line_is_rounded_once() -> None:
    once = found(network("a = Mul (x, two)  y = Round (a)"), CLAMPED_LINES)
    assert once.rounding.ahead == 0.5
    assert once.rounding.line.slope == 2
    assert found(network("a = Floor (x)  y = Floor (a)"), CLAMPED_LINES) is None


def test_a_value_is_taken_for_another() -> None:
    ann = network("a = Sin (x)  b = Relu (x)  y = Neg (a)")
    sine, rectified, _ = [node.outputs[0] for node in ann.graph]
    functions = Functions(PIECEWISE)
    functions.take_for(sine, rectified)
    curve = functions.find(ann.graph.outputs[0], ann.graph.inputs[0])
    assert curve is not None
    assert [curve(x) for x in (-1, 0, 2)] == [0, 0, -2]


def test_nothing_is_followed_that_is_not_to_be() -> None:
    ann = network("a = Neg (x)  y = Relu (a)")
    inner = ann.graph.node(0).outputs[0]
    functions = Functions(PIECEWISE, lambda value: value is not inner)
    assert functions.find(ann.graph.outputs[0], ann.graph.inputs[0]) is None
    assert functions.find(ann.graph.outputs[0], inner) is not None


def test_paths() -> None:
    ann = network(
        "a = Sin (x)  b = Add (a, two)  c = Neg (b)  d = Relu (c)  y = Exp (d)"
    )
    inner = [node.outputs[0] for node in ann.graph]
    operators = frozenset({"Add", "Neg", "Relu"})
    names = [value.name for value in paths_back(inner[3], operators)]
    assert names == ["d", "c", "b", "a"]
    names = [value.name for value in paths_on(inner[0], operators)]
    assert names == ["a", "b", "c", "d"]

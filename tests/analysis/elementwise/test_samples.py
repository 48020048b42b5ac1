from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from onnx2snn.analysis.elementwise.chain import Functions
from onnx2snn.analysis.elementwise.kinds import is_saturating
from onnx2snn.analysis.elementwise.samples import POINTS, SAMPLES, sample_at
from tests.models import model

FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "gelu": lambda x: x / (1 + np.exp(-1.702 * x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "clip": lambda x: np.clip(x, -1, 3),
    "step": lambda x: x > 0.5,
    "arctan": np.arctan,
    "gauss": lambda x: np.exp(-(x**2)),
    "bump": lambda x: 1 / (1 + x**2),
    "flipped": lambda x: -np.maximum(-x, 0),
}
OTHERS = {
    "identity": lambda x: x,
    "constant": np.ones_like,
    "line": lambda x: 3 * x - 2,
    "absolute": np.abs,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "exponential": np.exp,
    "square": np.square,
    "root": lambda x: np.sqrt(np.abs(x)),
    "logarithm": lambda x: np.log(1 + np.abs(x)),
    "sine": np.sin,
    "pole": lambda x: 1 / (x + 1e-5),
    "not a number below 0": np.sqrt,
    "one and a half": lambda x: np.maximum(x, 0) ** 1.5,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations(name: str) -> None:
    assert is_saturating(np.asarray(FUNCTIONS[name](POINTS)))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_other_functions(name: str) -> None:
    assert not is_saturating(np.asarray(OTHERS[name](POINTS)))


TEXTS = {op: f"y = {op} (x)" for op in SAMPLES.rules}
TEXTS |= {
    op: f"y = {op} (x, two)"
    for op in ("Add", "Div", "Max", "Min", "Mul", "Pow", "Sub", "Sum")
}
TEXTS |= {
    op: f"m = {op} (x, two)  y = Cast <to = 1> (m)"
    for op in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
}
TEXTS |= {
    op: f"a = Greater (x, two)  b = Less (x, half)  m = {op} (a, b)  y = Cast <to = 1> (m)"
    for op in ("And", "Or", "Xor")
}
TEXTS |= {
    "Cast": "a = Greater (x, two)  y = Cast <to = 1> (a)",
    "Celu": "y = Celu <alpha = 0.5> (x)",
    "Clip": "y = Clip (x, half, two)",
    "LeakyRelu": "y = LeakyRelu <alpha = 0.3> (x)",
    "Not": "a = Greater (x, two)  m = Not (a)  y = Cast <to = 1> (m)",
    "PRelu": "y = PRelu (x, half)",
    "Swish": "y = Swish <alpha = 0.5> (x)",
    "Where": "a = Greater (x, two)  y = Where (a, x, half)",
}
POSITIVE = {"Log", "Sqrt"}


@pytest.mark.parametrize("op", TEXTS)
def test_samples_are_what_the_operator_gives(op: str) -> None:
    x = np.abs(POINTS) + 0.5 if op in POSITIVE else POINTS[np.abs(POINTS) < 20]
    numbers = {"two": np.float32(2), "half": np.float32(0.5)}
    opset = {"Swish": 24, "Mish": 18}.get(op, 17)
    ann = model(
        f"(float[{x.size}] x) => (y) {{ {TEXTS[op]} }}",
        f'<ir_version: 10, opset_import: ["" : {opset}]>',
        **{name: np.array(value) for name, value in numbers.items()},
    )
    found = Functions(sample_at(x)).find(ann.graph.outputs[0], ann.graph.inputs[0])
    (expected,) = ReferenceEvaluator(ir.to_proto(ann)).run(
        None, {"x": x.astype(np.float32)}
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def sampled(ann: ir.Model) -> np.ndarray | None:
    """Return the output of ``ann`` as a function of its first input."""
    return Functions(SAMPLES).find(ann.graph.outputs[0], ann.graph.inputs[0])


@pytest.mark.parametrize("text", ["y = Gelu (x)", "y = Cast <to = 7> (x)"])
def test_what_is_not_known(text: str) -> None:
    header = '<ir_version: 10, opset_import: ["" : 20]>'
    ann = model(f"(float[4] x) => (y) {{ {text} }}", header)
    assert sampled(ann) is None


def test_operands_that_are_not_known() -> None:
    ann = model("(float[4] x, float[4] z) => (float[4] y) { y = Add (x, z) }")
    assert sampled(ann) is None


def test_bounds_that_are_left_out() -> None:
    ann = model(
        "(float[4] x) => (y) { y = Clip (x, , two) }", two=np.array(2, np.float32)
    )
    np.testing.assert_array_equal(sampled(ann), np.minimum(POINTS, 2))

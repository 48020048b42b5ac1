"""Neurons stand at the end of a function of one value."""

from __future__ import annotations

import pytest

from onnx2snn.analysis.activations import activations
from tests.models import model, normal

WEIGHTS = {"w": normal(1, 4, 4), "v": normal(2, 4, 4), "c": normal(3, 4)}


def places(text: str) -> list[str | None]:
    """Return the names of the activations in ``text``, which reads h and gives e."""
    ann = model(
        f"(float[N,4] x) => (float[N,4] y) {{ h = MatMul (x, w) {text} y = MatMul (e, v) }}",
        **WEIGHTS,
    )
    return [value.name for value in activations(ann.graph)]


@pytest.mark.parametrize(
    "text",
    [
        "s = Sigmoid (h) e = Log (s)",
        "t = Tanh (h) e = Sub (h, t)",
        "r = Relu (h) s = Mul (r, r) e = Add (s, h)",
        "t = Tanh (h) s = Sigmoid (t) e = Exp (s)",
    ],
)
def test_what_is_computed_of_an_activation_alone_goes_on_with_it(text: str) -> None:
    assert places(text) == ["e"]


@pytest.mark.parametrize(
    "text, expected",
    [
        # spikes carry it as it is: two neurons of a LeakyRelu, a scale, a shift of a rectifier
        ("r = Relu (h) n = Neg (h) q = Relu (n) e = Sub (r, q)", ["r", "q"]),
        ("s = Sigmoid (h) e = Mul (s, c)", ["s"]),
        ("r = Relu (h) e = Add (r, c)", ["r"]),
        ("s = Sigmoid (h) e = Add (s, c)", ["s"]),
        # others read it as well
        ("s = Sigmoid (h) l = Log (s) e = MatMul (s, w) y2 = MatMul (l, w)", ["s"]),
        # what is computed with it is of another value
        ("s = Sigmoid (h) g = MatMul (x, v) e = Mul (s, g)", ["s"]),
        ("r = Relu (h) m = ReduceMean <axes = [1]> (r) e = Mul (r, m)", ["r"]),
    ],
)
def test_an_activation_stays_where_it_is(text: str, expected: list[str]) -> None:
    assert places(text) == expected


@pytest.mark.parametrize("kind", ["uint16", "int8", "int64", "bool"])
def test_no_neuron_stands_at_a_value_of_integers(kind: str) -> None:
    number = {"uint16": 4, "int8": 3, "int64": 7, "bool": 9}[kind]
    ann = model(
        f"(float[N,4] x) => ({kind}[N,4] y) <{kind}[N,4] y> "
        f"{{ r = Relu (x) y = Cast <to = {number}> (r) }}"
    )
    assert [value.name for value in activations(ann.graph)] == ["r"]

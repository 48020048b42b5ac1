"""Functions in pieces that comparisons choose between are activations, in any spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

NUMBERS = {
    "lam": 0.25,
    "minus": -0.25,
    "zero": 0.0,
    "one": 1.0,
    "slope": 0.1,
}
HARD_SHRINK = {
    "Shrink": "a = Shrink <lambd = 0.25> (h)",
    "Or": "p = Greater (h, lam)  n = Less (h, minus)  o = Or (p, n)  a = Where (o, h, zero)",
    "Xor": "p = Greater (h, lam)  n = Less (h, minus)  o = Xor (p, n)  a = Where (o, h, zero)",
    "And": "p = GreaterOrEqual (h, minus)  n = LessOrEqual (h, lam)  o = And (p, n)  "
    "a = Where (o, zero, h)",
    "Abs": "m = Abs (h)  o = Greater (m, lam)  a = Where (o, h, zero)",
    "Not": "m = Abs (h)  n = LessOrEqual (m, lam)  o = Not (n)  a = Where (o, h, zero)",
    "mask": "m = Abs (h)  o = Greater (m, lam)  c = Cast <to = 1> (o)  a = Mul (h, c)",
    "two masks": "p = Greater (h, lam)  n = Less (h, minus)  c = Cast <to = 1> (p)  "
    "d = Cast <to = 1> (n)  s = Add (c, d)  a = Mul (h, s)",
}
OTHERS = {
    "leaky on the other side": "o = Less (h, zero)  q = Mul (h, slope)  a = Where (o, h, q)",
    "a step up": "o = Greater (h, zero)  q = Add (h, one)  a = Where (o, q, h)",
    "absolute value": "o = Less (h, zero)  n = Neg (h)  a = Where (o, n, h)",
    "soft shrink": "a = Shrink <lambd = 0.25, bias = 0.25> (h)",
}
GUARDS = {
    "away from 0": "m = Abs (h)  o = Less (m, tiny)  a = Where (o, tiny, h)",
    "never": "o = Less (h, never)  a = Where (o, zero, h)",
}
WEIGHTS = {
    "w": normal(1, 6, 16) / 2,
    "v": normal(2, 16, 16) / 4,
    "u": normal(3, 16, 3) / 4,
}
X = normal(4, 200, 6)
T = 64


def network(spelling: str) -> ir.Model:
    numbers = {**NUMBERS, "tiny": 1e-6, "never": -1e30}
    given = {
        name: np.float32(value)
        for name, value in numbers.items()
        if f", {name})" in spelling or f", {name}," in spelling
    }
    return model(
        f"(float[N,6] x) => (float[N,3] z) {{ h = MatMul (x, w)  {spelling}  "
        "g = MatMul (a, v)  b = Relu (g)  z = MatMul (b, u) }",
        **WEIGHTS,
        **given,
    )


@pytest.mark.parametrize("name", HARD_SHRINK)
def test_every_spelling_drives_the_next_weights(name: str) -> None:
    """They were driven by real numbers in all spellings but those with masks."""
    ann = network(HARD_SHRINK[name])
    shrink = network(HARD_SHRINK["mask"])
    share = onnx2snn.analyze(shrink)["spike_driven_percent"]
    assert share
    assert onnx2snn.analyze(ann)["spike_driven_percent"] == share
    expected = run_ort(ann, {"x": X})["z"]
    found = onnx2snn.load(onnx2snn.convert(ann, T, X)).run(X)["z"]
    # A mean of T spikes is off by 1 / T of the largest value, in each of two layers.
    error = np.abs(found - expected).mean()
    assert error < 2 / T * np.abs(expected).max()


@pytest.mark.parametrize("name", OTHERS)
def test_other_pieces(name: str) -> None:
    assert onnx2snn.analyze(network(OTHERS[name]))["spike_driven_percent"] > 0


@pytest.mark.parametrize("name", GUARDS)
def test_what_only_guards_is_none(name: str) -> None:
    assert onnx2snn.analyze(network(GUARDS[name]))["spike_driven_percent"] == 0

"""What a new method and a new neuron touch: small ones, added from outside the package."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.methods.method import Method
from onnx2snn.methods.neurons import NEURONS, Neuron
from onnx2snn.methods.published import METHODS
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.integrate_and_fire import INTEGRATE_AND_FIRE
from onnx2snn.runtime import RUNTIMES
from tests.models import model, normal

X = normal(1, 64, 3)
T = 16
ANN = (
    "(float[N,3] x) => (y) { h = MatMul (x, w)  a = Relu (h)  y = MatMul (a, u) }",
    {"w": normal(2, 3, 5), "u": normal(3, 5, 2)},
)


def converted(**options: Any) -> onnx2snn.Conversion:
    text, weights = ANN
    return onnx2snn.convert(model(text, **weights), T, X, **options)


def reference() -> np.ndarray:
    _, weights = ANN
    return np.asarray(np.maximum(X @ weights["w"], 0) @ weights["u"])


def test_a_method_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Method("half-max", neuron="if", threshold="max", corrections=("bias",))
    monkeypatch.setitem(METHODS, own.name, own)
    conversion = converted(method="half-max")
    assert conversion.report["method"].startswith("half-max: IntegrateAndFire or")
    y = onnx2snn.load(conversion.model).run({"x": X})["y"]
    assert np.abs(y - reference()).mean() < 0.2


def _late_if(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    spike = (v >= v_threshold).astype(h.dtype)
    return spike, h - spike * v_threshold


LATE_IF = dataclasses.replace(
    INTEGRATE_AND_FIRE,
    name="LateIF",
    doc="One time step of a neuron that fires on what the steps before have left.",
    body="""
    h = Add (v, current)
    fired = GreaterOrEqual (v, v_threshold)
    spike = CastLike (fired, h)
    charge = Mul (spike, v_threshold)
    v_next = Sub (h, charge)""",
    step=_late_if,
)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("schedule", ["lockstep", "layerwise"])
def test_a_neuron_is_one_operator_and_one_row(
    runtime: str, schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ALL_OPS, LATE_IF.name, LATE_IF)
    row = Neuron("fires a step late", LATE_IF.name, "DoubleThresholdIF")
    monkeypatch.setitem(NEURONS, "late", row)
    options = {"neuron": "late", "corrections": ("bias",), "schedule": schedule}
    conversion = converted(**options)
    (layer,) = conversion.report["layers"]
    assert layer["neuron"] == "LateIF"
    y = onnx2snn.load(conversion.model, runtime).run({"x": X})["y"]
    assert np.abs(y - reference()).mean() < 0.3


def test_no_other_neuron_is_there() -> None:
    with pytest.raises(onnx2snn.OptionError, match=r"one of gated, .*, not 'late'"):
        Method(neuron="late")

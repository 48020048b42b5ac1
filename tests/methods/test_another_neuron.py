"""A neuron that another package could add: an operator, and a row among the neurons."""

from __future__ import annotations

import numpy as np
import pytest

import onnx2snn
from onnx2snn.methods.neurons import NEURONS, Neuron
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.ops import ALL_OPS, StepOp
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, model


def _double_spike(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    once = (h >= v_threshold).astype(h.dtype)
    twice = (h >= v_threshold + v_threshold).astype(h.dtype)
    spike = once + twice
    return spike, h - spike * v_threshold


DOUBLE_SPIKE_IF = StepOp(
    name="DoubleSpikeIF",
    doc="One time step of a neuron that sends up to two spikes at once.",
    inputs={
        "current": "Input current of this step, shape [N, C, ...].",
        "v": "Membrane potential before the step.",
        "v_threshold": "Firing threshold, > 0.",
    },
    outputs={
        "spike": "0, 1 or 2.",
        "v_next": "v + current - spike * v_threshold.",
    },
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    twice_threshold = Add (v_threshold, v_threshold)
    reaches_one = GreaterOrEqual (h, v_threshold)
    reaches_two = GreaterOrEqual (h, twice_threshold)
    once = CastLike (reaches_one, h)
    twice = CastLike (reaches_two, h)
    spike = Add (once, twice)
    weighted_spike = Mul (spike, v_threshold)
    v_next = Sub (h, weighted_spike)""",
    step=_double_spike,
)


@pytest.fixture(autouse=True)
def double_spike_neuron(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the operator and the neuron, as one file and one line each would."""
    neuron = Neuron(
        "up to two spikes at once",
        operator="DoubleSpikeIF",
        signed_operator="DoubleThresholdIF",
    )
    monkeypatch.setitem(ALL_OPS, "DoubleSpikeIF", DOUBLE_SPIKE_IF)
    monkeypatch.setitem(NEURONS, "double-spike", neuron)


ANY_NEURON = [name for name, row in SCHEDULES.items() if row.neuron is None]


@pytest.mark.parametrize("schedule", ANY_NEURON)
def test_a_conversion_puts_it_in_and_both_runtimes_run_it(schedule: str) -> None:
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    calibration = {"x": CLASSIFIER_X}
    conversion = onnx2snn.convert(
        ann, 4, calibration, neuron="double-spike", schedule=schedule
    )
    neurons = [
        node
        for node in conversion.ir_model.graph.all_nodes()
        if node.op_type == "DoubleSpikeIF"
    ]
    assert len(neurons) == 2
    outputs = [
        onnx2snn.load(conversion.ir_model, runtime).run(calibration)["y"]
        for runtime in ("numpy", "ort")
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-5)

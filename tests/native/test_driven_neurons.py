"""Weights and the neurons that they drive, as one operator: the bits of both apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from onnx2snn.ops import ALL_OPS, MultiStepOp, StepOp
from onnx2snn.runtime.sessions import open_session
from tests.native.library import needs_multiplying, one_node, run_natively
from tests.ops.vectors import vectors_of

pytestmark = needs_multiplying

FLOAT = np.dtype(np.float32)
INT8 = np.dtype(np.int8)
NEURONS = [op for op in ALL_OPS.values() if op.result == "spike" and not op.integers]
EACH_NEURON = pytest.mark.parametrize("op", NEURONS, ids=[op.name for op in NEURONS])
EACH_TYPE = pytest.mark.parametrize("weights", [np.int8, np.float32])
INCOMING = {"Spike": np.int8, "Real": np.float32}
EACH_INCOMING = pytest.mark.parametrize("kind", INCOMING)


@dataclasses.dataclass(frozen=True)
class Case:
    """A weighted operator, and what comes in: time in front, channels last."""

    op: str
    incoming: tuple[int, ...]
    weights: tuple[int, ...]
    geometry: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return self.weights[1 if self.op == "MatMul" else 0]


def convolution(
    incoming: tuple[int, ...], weights: tuple[int, ...], **given: object
) -> Case:
    axes = len(weights) - 2
    ones, zeros = [1] * axes, [0] * 2 * axes
    usual = {"strides": ones, "dilations": ones, "pads": zeros, "group": 1}
    return Case("Conv", incoming, weights, usual | given)


SMALL = convolution((3, 2, 6, 5, 4), (8, 4, 3, 3), pads=[1, 1, 1, 1])
# What follows fills more than half of a cache of 2 MB, and goes through in slices.
SLICED = {
    "samples": convolution((4, 9, 16, 32, 8), (32, 8, 3, 3), pads=[1, 1, 1, 1]),
    "rows": convolution((5, 2, 61, 48, 4), (32, 4, 3, 3), pads=[1, 1, 1, 1]),
    "rows, strides, pads on one side": convolution(
        (4, 1, 121, 90, 4), (40, 4, 3, 2), strides=[2, 1], pads=[0, 1, 2, 0]
    ),
    "rows far apart": convolution(
        (4, 1, 60, 60, 4), (32, 4, 3, 3), dilations=[4, 1], pads=[4, 1, 4, 1]
    ),
    "depthwise rows": convolution(
        (4, 1, 50, 50, 32), (32, 1, 3, 3), group=32, pads=[1, 1, 1, 1]
    ),
    "points": convolution((4, 2, 70, 70, 6), (40, 6, 1, 1)),
    "pads as wide as a kernel": convolution(
        (4, 1, 60, 60, 4), (32, 4, 2, 2), pads=[2, 2, 2, 2]
    ),
    "lines": convolution((4, 3, 5000, 4), (16, 4, 3), pads=[1, 0]),
    "volumes": convolution((4, 1, 20, 20, 20, 2), (16, 2, 3, 3, 3), strides=[1, 1, 1]),
    "a transposed convolution": Case(
        "ConvTranspose",
        (4, 3, 20, 30, 8),
        (48, 8, 3, 3),
        {"strides": [2, 2], "dilations": [1, 1], "pads": [1, 1, 0, 1], "group": 1},
    ),
    "a matrix": Case("MatMul", (4, 3000, 7), (7, 33)),
    "a matrix and one row": Case("MatMul", (3, 1, 5), (5, 90000)),
}


def constants_of(case: Case, dtype: type) -> dict[str, np.ndarray]:
    """Return weights, scales and biases on grids that every sum stays on."""
    rng = np.random.default_rng(0)
    outputs = case.outputs
    weights = rng.integers(-100, 101, case.weights)
    scale = 2.0 ** rng.integers(-7, -4, outputs)
    if dtype is np.float32:
        weights, scale = weights / 64, np.ones(outputs)
    return {
        "weights": weights.astype(dtype),
        "weight_scale": scale.astype(np.float32),
        "bias": (rng.integers(-64, 65, outputs) / 64).astype(np.float32),
    }


def incoming_of(case: Case, kind: str) -> np.ndarray:
    numbers = np.random.default_rng(1).integers(-3, 4, case.incoming)
    if kind == "Real":
        # More bits than one bfloat16 has.
        numbers = (
            numbers + np.random.default_rng(2).integers(0, 512, case.incoming) / 512
        )
    return numbers.astype(INCOMING[kind])


def weighted(case: Case, kind: str, constants: dict[str, np.ndarray]) -> np.ndarray:
    feeds = {"incoming": incoming_of(case, kind)}
    name = kind + case.op
    model = one_node(name, feeds, {"y": FLOAT}, constants, **case.geometry)
    return run_natively(model, feeds)[0]


def neuron_inputs(op: StepOp, step: tuple[int, ...]) -> dict[str, np.ndarray]:
    spread = {"state": step, "threshold": step[-1:]}
    vectors = vectors_of(op, step, spread, np.float32)
    del vectors[op.stream]
    return vectors


def assert_gives_the_same_apart(
    case: Case, kind: str, op: StepOp, dtype: type, *, has_residual: bool
) -> None:
    constants = constants_of(case, dtype)
    currents = weighted(case, kind, constants)
    rng = np.random.default_rng(3)
    residual = np.zeros((), np.int8)
    scale = (rng.integers(1, 8, case.outputs) / 4).astype(np.float32)
    total = currents
    if has_residual:
        residual = rng.integers(-2, 3, currents.shape).astype(np.int8)
        total = currents + residual.astype(np.float32) * scale
    others = neuron_inputs(op, currents.shape[1:])
    feeds = {"incoming": incoming_of(case, kind)}
    behind = {"residual": residual, "unit": scale, **others}
    after = {f"{name}_last": FLOAT for name in op.state}
    outputs = {"spikes": INT8, **after}
    name = kind + case.op + op.name
    model = one_node(name, feeds, outputs, constants | behind, **case.geometry)
    found = run_natively(model, feeds)
    expected = MultiStepOp(op).compute(total, *others.values())
    for result, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(result, np.broadcast_to(wanted, result.shape))
    assert found[0].any()


@pytest.mark.parametrize("has_residual", [False, True], ids=["alone", "residual"])
@EACH_TYPE
@EACH_INCOMING
@EACH_NEURON
def test_weights_with_neurons_give_the_bits_of_both_apart(
    op: StepOp, kind: str, weights: type, *, has_residual: bool
) -> None:
    assert_gives_the_same_apart(SMALL, kind, op, weights, has_residual=has_residual)


@EACH_TYPE
@EACH_INCOMING
@pytest.mark.parametrize("case", SLICED.values(), ids=SLICED)
def test_slices_fit_together(case: Case, kind: str, weights: type) -> None:
    op = ALL_OPS["DoubleThresholdIF"]
    assert_gives_the_same_apart(case, kind, op, weights, has_residual=True)


@pytest.mark.parametrize("case", [SMALL, *SLICED.values()], ids=["small", *SLICED])
def test_two_threads_give_the_bits_of_one(case: Case) -> None:
    op = ALL_OPS["GatedDoubleThresholdIF"]
    constants = constants_of(case, np.float32)
    feeds = {"incoming": incoming_of(case, "Spike")}
    behind = {
        "residual": np.zeros((), np.int8),
        "unit": np.ones((), np.float32),
        **vectors_without_stream(op, case.outputs),
    }
    name = f"Spike{case.op}{op.name}"
    model = one_node(name, feeds, {"spikes": INT8}, constants | behind, **case.geometry)
    found = [
        open_session(model, threads=threads, native=True).run(None, feeds)[0]
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*found)


def vectors_without_stream(op: StepOp, channels: int) -> dict[str, np.ndarray]:
    """Return inputs of a neuron that start all elements of a channel alike."""
    vectors = vectors_of(op, (), {"state": (), "threshold": (channels,)}, np.float32)
    del vectors[op.stream]
    return vectors


def test_spikes_without_an_axis_of_time_are_refused() -> None:
    op = ALL_OPS["IntegrateAndFire"]
    case = Case("MatMul", (4,), (4, 3))
    feeds = {"incoming": incoming_of(case, "Spike")}
    others = constants_of(case, np.int8) | {
        "residual": np.zeros((), np.int8),
        "unit": np.ones((), np.float32),
        **neuron_inputs(op, (3,)),
    }
    outputs = {"spikes": INT8, "v_last": FLOAT}
    model = one_node("SpikeMatMulIntegrateAndFire", feeds, outputs, others)
    problem = r"SpikeMatMulIntegrateAndFire: spikes \[4\] have no axis of time"
    with pytest.raises(Exception, match=problem):
        run_natively(model, feeds)


@pytest.mark.parametrize("channels", [64, 19])
@EACH_TYPE
def test_real_numbers_and_weights_keep_16_bits(weights: type, channels: int) -> None:
    rng = np.random.default_rng(0)
    case = Case("MatMul", (50, channels), (channels, 32))
    constants = constants_of(case, weights)
    if weights is np.float32:
        constants["weights"] = rng.standard_normal(case.weights).astype(np.float32)
    feeds = {"incoming": rng.standard_normal(case.incoming).astype(np.float32)}
    model = one_node("RealMatMul", feeds, {"y": FLOAT}, constants)
    found = run_natively(model, feeds)[0] - constants["bias"]
    factors = constants["weights"] * constants["weight_scale"].astype(np.float64)
    exact = feeds["incoming"].astype(np.float64) @ factors
    # Both factors of a product are off by 2**-17 of themselves; sums add their own rounding.
    most = np.abs(feeds["incoming"]).astype(np.float64) @ np.abs(factors) * 2**-15
    assert (np.abs(found - exact) <= most).all()


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
@EACH_TYPE
def test_numbers_that_are_not_finite_do_not_come_out_as_finite_ones(
    weights: type, number: float
) -> None:
    case = Case("MatMul", (2, 4), (4, 3))
    constants = constants_of(case, weights)
    constants["weights"] = np.abs(constants["weights"]) + constants[
        "weights"
    ].dtype.type(1)
    feeds = {"incoming": np.ones((2, 4), np.float32)}
    feeds["incoming"][0, 1] = number
    found = run_natively(one_node("RealMatMul", feeds, {"y": FLOAT}, constants), feeds)[
        0
    ]
    assert not np.isfinite(found[0]).any()
    assert np.isfinite(found[1]).all()

"""The rules of each neuron, one test each, and what follows from them for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from onnx2snn.ops import ALL_OPS, StepOp

IF = ALL_OPS["IntegrateAndFire"]
DOUBLE = ALL_OPS["DoubleThresholdIF"]
GATED = ALL_OPS["GatedDoubleThresholdIF"]
AUGMENTED = ALL_OPS["AugmentedIF"]
INVERSE = ALL_OPS["InverseLeakyIF"]
SIGNED_INVERSE = ALL_OPS["SignedInverseLeakyIF"]
HARD = ALL_OPS["HardResetIF"]
NEURONS = [IF, DOUBLE, GATED, AUGMENTED]
"""Those whose spikes all weigh the same."""
EACH_NEURON = pytest.mark.parametrize("op", NEURONS, ids=lambda op: op.name)


def _step(op: StepOp, **inputs: float) -> dict[str, float]:
    arrays = [np.array(inputs[name], np.float32) for name in op.inputs]
    return {
        name: float(y) for name, y in zip(op.outputs, op.step(*arrays), strict=True)
    }


def _run(
    op: StepOp, currents: np.ndarray, **inputs: np.ndarray | float
) -> dict[str, np.ndarray]:
    """Return every output of all steps, shape ``[T, ...]``, from the given first states."""
    given = {"max_spikes": 3} | inputs
    values = {
        name: np.asarray(given.get(name, 0), currents.dtype) for name in op.inputs
    }
    series = []
    for current in currents:
        outputs = dict(
            zip(
                op.outputs,
                op.step(*(values | {"current": current}).values()),
                strict=True,
            )
        )
        values |= {name: outputs[after] for name, after in op.state.items()}
        series.append(outputs)
    return {
        name: np.stack([outputs[name] for outputs in series]) for name in op.outputs
    }


# IntegrateAndFire


def test_if_fires_exactly_at_the_threshold() -> None:
    assert _step(IF, current=0.25, v=0.5, v_threshold=0.75) == {"spike": 1, "v_next": 0}


def test_if_is_silent_just_below_the_threshold() -> None:
    below = float(np.nextafter(np.float32(0.75), np.float32(0)))
    assert _step(IF, current=below, v=0, v_threshold=0.75) == {
        "spike": 0,
        "v_next": below,
    }


def test_if_keeps_what_is_above_the_threshold_and_fires_once_a_step() -> None:
    assert _step(IF, current=2, v=0.5, v_threshold=0.75) == {"spike": 1, "v_next": 1.75}


def test_if_has_no_lower_bound() -> None:
    assert _step(IF, current=-3, v=-1, v_threshold=0.75) == {"spike": 0, "v_next": -4}


# HardResetIF


def test_hard_reset_fires_exactly_at_the_threshold() -> None:
    assert _step(HARD, current=0.25, v=0.5, v_threshold=0.75) == {
        "spike": 1,
        "v_next": 0,
    }


def test_hard_reset_is_silent_just_below_the_threshold() -> None:
    below = float(np.nextafter(np.float32(0.75), np.float32(0)))
    assert _step(HARD, current=below, v=0, v_threshold=0.75) == {
        "spike": 0,
        "v_next": below,
    }


def test_hard_reset_forgets_what_is_above_the_threshold() -> None:
    assert _step(HARD, current=2, v=0.5, v_threshold=0.75) == {"spike": 1, "v_next": 0}


def test_hard_reset_has_no_lower_bound() -> None:
    assert _step(HARD, current=-3, v=-1, v_threshold=0.75) == {"spike": 0, "v_next": -4}


@pytest.mark.parametrize("needed", [1, 2, 3, 5])
def test_hard_reset_takes_as_many_steps_for_a_spike_as_reach_the_threshold(
    needed: int,
) -> None:
    """From an empty potential each spike takes the same time: the rate is a whole part of T."""
    current = 1 / needed + 1 / 64  # in whole steps a little too much: that is lost
    spikes = _run(HARD, np.full((30, 1), current), v_threshold=1)["spike"][:, 0]
    np.testing.assert_array_equal(
        np.flatnonzero(spikes) + 1, needed * np.arange(1, 30 // needed + 1)
    )


# DoubleThresholdIF


@pytest.mark.parametrize(
    "current, spike", [(1.0, 1), (-0.5, -1), (0.75, 0), (-0.25, 0)]
)
def test_double_fires_at_either_threshold(current: float, spike: float) -> None:
    outputs = _step(
        DOUBLE, current=current, v=0, v_threshold=1, v_threshold_negative=0.5
    )
    assert outputs["spike"] == spike


def test_double_resets_by_the_threshold_it_crossed() -> None:
    inputs = {"v": 0.25, "v_threshold": 1, "v_threshold_negative": 0.5}
    assert _step(DOUBLE, current=1.5, **inputs)["v_next"] == 0.75
    assert _step(DOUBLE, current=-1.5, **inputs)["v_next"] == -0.75
    assert _step(DOUBLE, current=-0.5, **inputs)["v_next"] == -0.25


def test_double_with_threshold_over_slope_is_a_leaky_relu() -> None:
    theta, slope, steps = 0.5, 0.125, 64
    x = np.array([-1.0, -0.5, 0.0, 0.25, 0.375])
    currents = np.broadcast_to(x, (steps, x.size)).copy()
    outputs = _run(
        DOUBLE, currents, v_threshold=theta, v_threshold_negative=theta / slope
    )
    rate = theta * outputs["spike"].mean(axis=0)
    np.testing.assert_allclose(rate, np.where(x < 0, slope * x, x), atol=theta / steps)


# GatedDoubleThresholdIF

_GATED = {"v_threshold": 1.0, "v_threshold_negative": 0.5}


def test_gated_fires_exactly_at_the_threshold() -> None:
    outputs = _step(GATED, current=0.75, v=0.25, count=3, **_GATED)
    assert outputs == {"spike": 1, "v_next": 0, "count_next": 4}


def test_gated_takes_a_spike_back_for_a_whole_threshold() -> None:
    outputs = _step(GATED, current=-1, v=0.25, count=3, **_GATED)
    assert outputs == {"spike": -1, "v_next": 0.25, "count_next": 2}


def test_gated_is_silent_exactly_at_the_negative_threshold() -> None:
    outputs = _step(GATED, current=-0.75, v=0.25, count=3, **_GATED)
    assert outputs == {"spike": 0, "v_next": -0.5, "count_next": 3}


def test_gated_with_negative_threshold_zero_owes_nothing_at_zero() -> None:
    outputs = _step(
        GATED, current=0, v=0, count=1, v_threshold=1, v_threshold_negative=0
    )
    assert outputs == {"spike": 0, "v_next": 0, "count_next": 1}


def test_gated_takes_back_nothing_that_it_has_not_sent() -> None:
    outputs = _step(GATED, current=-4, v=0, count=0, **_GATED)
    assert outputs == {"spike": 0, "v_next": -4, "count_next": 0}


# AugmentedIF

_BURST = {"v_threshold": 0.5, "max_spikes": 3.0}


@pytest.mark.parametrize(
    "current, spike",
    [(0.5, 1), (1.0, 2), (1.25, 2), (9, 3), (0.25, 0), (-0.25, -1), (-9, -2)],
)
def test_augmented_sends_whole_thresholds_and_takes_back_what_it_sent(
    current: float, spike: float
) -> None:
    outputs = _step(AUGMENTED, current=current, v=0, count=2, **_BURST)
    assert outputs == {
        "spike": spike,
        "v_next": current - spike / 2,
        "count_next": 2 + spike,
    }


def test_augmented_takes_back_no_more_than_it_may_send() -> None:
    assert _step(AUGMENTED, current=-9, v=0, count=2**20, **_BURST)["spike"] == -3


# InverseLeakyIF


@pytest.mark.parametrize("op", [INVERSE, SIGNED_INVERSE])
def test_inverse_leaky_fires_at_the_threshold_and_what_is_left_grows(
    op: StepOp,
) -> None:
    inputs = {"v_threshold": 0.5, "leak": 2}
    assert _step(op, current=0.25, v=0.25, **inputs) == {"spike": 1, "v_next": 0}
    assert _step(op, current=0.5, v=0.25, **inputs) == {"spike": 1, "v_next": 0.5}
    assert _step(op, current=0.25, v=0, **inputs) == {"spike": 0, "v_next": 0.5}


@pytest.mark.parametrize(
    "op, spike, v_next", [(INVERSE, 0, -1.5), (SIGNED_INVERSE, -1, -0.5)]
)
def test_only_the_signed_inverse_leaky_neuron_fires_below_zero(
    op: StepOp, spike: float, v_next: float
) -> None:
    outputs = _step(op, current=-0.75, v=0, v_threshold=0.5, leak=2)
    assert outputs == {"spike": spike, "v_next": v_next}


@given(number=st.integers(-255, 255))
def test_inverse_leaky_sends_binary_digits_the_largest_first(number: int) -> None:
    silence = np.zeros((8, 1))
    inputs = {"v": number / 64, "v_threshold": 128 / 64, "leak": 2}
    digits = np.array([int(digit) for digit in f"{abs(number):08b}"])
    signed = _run(SIGNED_INVERSE, silence, **inputs)["spike"][:, 0]
    np.testing.assert_array_equal(signed, np.sign(number) * digits)
    plain = _run(INVERSE, silence, **inputs)["spike"][:, 0]
    np.testing.assert_array_equal(plain, digits * (number > 0))


# RunningSum and Difference


def test_difference_undoes_a_running_sum() -> None:
    steps = np.random.default_rng(0).integers(-64, 65, (32, 2, 3)) / 64
    total, previous = np.zeros(()), np.zeros(())
    for x in steps:
        (total,) = ALL_OPS["RunningSum"].step(x, total)
        difference, previous = ALL_OPS["Difference"].step(total, previous)
        np.testing.assert_array_equal(difference, x)
    np.testing.assert_array_equal(total, steps.sum(axis=0))


@pytest.mark.parametrize("undefined", [np.nan, np.inf, -np.inf])
def test_difference_waits_until_a_value_is_defined(undefined: float) -> None:
    steps = np.array(
        [[undefined, 1], [2, undefined], [3, 2], [undefined, undefined], [5, 2]]
    )
    previous, found = np.zeros((1,)), []
    for x in steps:
        difference, previous = ALL_OPS["Difference"].step(x, previous)
        found.append(difference)
    np.testing.assert_array_equal(found, [[0, 1], [2, 0], [1, 1], [0, 0], [2, 0]])


# What follows, for any input. All numbers are dyadic, so equality is exact.


def _dyadic(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(int(low * 64), int(high * 64)).map(lambda k: k / 64)


_THETA = _dyadic(1 / 64, 4)
_CURRENTS = npst.arrays(
    np.float64,
    st.tuples(st.integers(1, 24), st.integers(1, 3), st.integers(1, 4)),
    elements=_dyadic(-3, 3),
)


@EACH_NEURON
@given(currents=_CURRENTS, v=_dyadic(-4, 4), theta=_THETA, negative=_THETA)
def test_charge_is_conserved(
    op: StepOp, currents: np.ndarray, v: float, theta: float, negative: float
) -> None:
    outputs = _run(op, currents, v=v, v_threshold=theta, v_threshold_negative=negative)
    plus = np.maximum(outputs["spike"], 0).sum(axis=0)
    minus = np.maximum(-outputs["spike"], 0).sum(axis=0)
    paid = theta * plus - (negative if op is DOUBLE else theta) * minus
    np.testing.assert_array_equal(
        currents.sum(axis=0), paid + outputs["v_next"][-1] - v
    )


@given(currents=_CURRENTS, v=_dyadic(-4, 4), theta=_THETA)
def test_hard_reset_keeps_the_charge_since_the_last_spike_and_no_other(
    currents: np.ndarray, v: float, theta: float
) -> None:
    outputs = _run(HARD, currents, v=v, v_threshold=theta)
    steps = np.arange(1, len(currents) + 1).reshape(-1, 1, 1)
    last = (outputs["spike"] * steps).max(axis=0)
    since = np.where(steps > last, currents, 0).sum(axis=0) + np.where(last, 0, v)
    np.testing.assert_array_equal(outputs["v_next"][-1], since)


@EACH_NEURON
@given(data=st.data(), theta=_THETA, time_steps=st.integers(1, 64))
def test_rate_is_within_half_a_spike_of_a_constant_current(
    op: StepOp, data: st.DataObject, theta: float, time_steps: int
) -> None:
    x = data.draw(_dyadic(0, theta))
    currents = np.full((time_steps, 1), x)
    outputs = _run(
        op, currents, v=theta / 2, v_threshold=theta, v_threshold_negative=theta
    )
    assert abs(outputs["spike"].sum() * theta - time_steps * x) <= theta / 2


@pytest.mark.parametrize("op", [*NEURONS, HARD], ids=lambda op: op.name)
@given(currents=_CURRENTS, theta=_THETA, random=st.randoms(use_true_random=False))
def test_permuting_batch_and_channels_commutes(
    op: StepOp, currents: np.ndarray, theta: float, random: np.random.Generator
) -> None:
    samples, channels = (random.sample(range(n), n) for n in currents.shape[1:])
    thetas = theta * np.arange(1, currents.shape[2] + 1)
    inputs = {"v_threshold": thetas, "v_threshold_negative": thetas / 2}
    moved = {name: value[channels] for name, value in inputs.items()}
    before = _run(op, currents, **inputs)
    after = _run(op, currents[:, samples][:, :, channels], **moved)
    for name, value in before.items():
        np.testing.assert_array_equal(value[:, samples][:, :, channels], after[name])


@pytest.mark.parametrize("op", [GATED, AUGMENTED])
@given(currents=_CURRENTS, v=_dyadic(-4, 4), theta=_THETA, negative=_dyadic(0, 4))
def test_gated_count_is_the_sum_of_spikes_and_never_negative(
    op: StepOp, currents: np.ndarray, v: float, theta: float, negative: float
) -> None:
    outputs = _run(op, currents, v=v, v_threshold=theta, v_threshold_negative=negative)
    np.testing.assert_array_equal(
        outputs["count_next"], outputs["spike"].cumsum(axis=0)
    )
    assert outputs["count_next"].min() >= 0


@pytest.mark.parametrize("op", [GATED, AUGMENTED])
@given(currents=_CURRENTS, theta=_dyadic(1 / 4, 4), v=_dyadic(-4, 4))
def test_gated_ends_on_the_quantized_relu_once_its_input_has_settled(
    op: StepOp, currents: np.ndarray, theta: float, v: float
) -> None:
    charge = v + currents.sum(axis=0)
    quiet = len(currents) + int(np.abs(charge).max() / theta) + 1
    settled = np.concatenate([currents, np.zeros((quiet, *currents.shape[1:]))])
    outputs = _run(op, settled, v=v, v_threshold=theta, v_threshold_negative=0)
    expected = np.maximum(0, np.floor(charge / theta))
    np.testing.assert_array_equal(outputs["count_next"][-1], expected)

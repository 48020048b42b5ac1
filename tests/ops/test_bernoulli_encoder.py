"""What the spikes of the encoder are, beside random."""

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.ops import ALL_OPS

ENCODER = ALL_OPS["BernoulliEncoder"]
MODULUS = 2**31 - 1


def spikes(
    x: np.ndarray, time_steps: int, magnitude: float, seed: int = 0
) -> np.ndarray:
    """Return the spikes for ``x`` in every step, from states drawn at random."""
    state = np.random.default_rng(seed).integers(1, MODULUS, x.shape)
    found = []
    for _ in range(time_steps):
        spike, state = ENCODER.step(x, state, np.array(magnitude, x.dtype))
        found.append(spike)
    return np.stack(found)


def test_the_generator_is_the_published_one() -> None:
    """The 10,000th number from seed 1 is the check that Park, Miller and Stockmeyer give."""
    state = np.array([1])
    for _ in range(10_000):
        _, state = ENCODER.step(np.zeros(1, np.float32), state, np.ones([], np.float32))
    assert state == 399268537


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("magnitude", [0.75, 1.0, 2.640625])
def test_what_is_as_large_as_the_magnitude_always_fires(
    dtype: type, magnitude: float
) -> None:
    x = np.array([magnitude, -magnitude, 2 * magnitude, -3 * magnitude], dtype)
    assert (spikes(x, 1000, magnitude) == np.sign(x)).all()


def test_nothing_never_fires() -> None:
    assert not spikes(np.zeros(50, np.float32), 100, 1.0).any()


def test_the_largest_random_number_is_below_one() -> None:
    before = (
        pow(48271, -1, MODULUS) * (MODULUS - 1) % MODULUS
    )  # the state before the largest
    below = np.nextafter(np.float32(1), np.float32(0))
    x = np.array([1.0, below], np.float32)
    spike, after = ENCODER.step(x, np.full(2, before), np.ones([], np.float32))
    assert (after == MODULUS - 1).all()
    assert spike.tolist() == [1, 0]


def test_mean_and_variance_are_those_of_a_coin() -> None:
    magnitude, time_steps = 2.0, 256
    x = np.repeat(np.float32([-1.5, -0.25, 0.125, 0.5, 1.75]), 4096).reshape(5, 4096)
    found = magnitude * spikes(x, time_steps, magnitude)
    rate = np.abs(x[:, 0]) / magnitude
    variance = magnitude**2 * rate * (1 - rate)
    tosses = found[0].shape[1] * time_steps
    # Four standard errors; a normal variable exceeds them once in 16,000 draws.
    error = np.abs(found.mean(axis=(0, 2)) - x[:, 0])
    assert (error < 4 * np.sqrt(variance / tosses)).all()
    spread = found.mean(axis=0).var(axis=1)
    np.testing.assert_allclose(
        spread, variance / time_steps, rtol=4 * np.sqrt(2 / 4096)
    )


def test_steps_are_independent() -> None:
    found = spikes(np.full(4096, 0.5, np.float32), 257, 1.0) - 0.5
    for lag in (1, 2, 3, 16, 128):
        correlation = np.mean(found[:-lag] * found[lag:]) / 0.25
        assert abs(correlation) < 4 / np.sqrt(found[lag:].size)

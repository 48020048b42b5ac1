from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.shrinkage import shrunk_mse_threshold
from onnx2snn.calibration.thresholds import mse_threshold
from onnx2snn.calibration.unseen_values import UnseenValue


def histogram_of(values: np.ndarray) -> Histogram:
    histogram = Histogram(len(values))
    histogram.update(values)
    return histogram


def test_the_error_is_that_of_one_exponential_value_beyond_the_largest() -> None:
    # Nine tenths of 1 .. 20 are up to 18; the mean excess of 18, 19 and 20 over it is 1.
    histogram = histogram_of(np.arange(1, 21, dtype=np.float32)[None])
    thetas = np.array([[15.0, 20.0, 21.0]])
    drawn = 20 + np.random.default_rng(0).exponential(1, (400_000, 1))
    expected = (np.maximum(drawn - thetas, 0) ** 2).mean(axis=0)
    # The bins of the histogram are 1/64 wide; the draws are exact to about 1 percent.
    np.testing.assert_allclose(
        UnseenValue(histogram).errors(thetas)[0], expected, rtol=0.05
    )


def test_a_channel_seen_once_has_the_excess_that_others_have() -> None:
    values = np.zeros((3, 100), np.float32)
    values[:2] = np.random.default_rng(0).uniform(0, 1, (2, 100))
    values[2, 0] = 4
    errors = UnseenValue(histogram_of(values)).errors(np.full((3, 1), 4.0))
    assert errors[2] > 1e-3
    assert errors[:2] == pytest.approx(0, abs=1e-9)


def test_a_dead_channel_has_no_error() -> None:
    values = np.zeros((1, 10), np.float32)
    assert UnseenValue(histogram_of(values)).errors(np.ones((1, 2))).tolist() == [
        [0, 0]
    ]


def staircase_error(values: np.ndarray, thetas: np.ndarray, time_steps: int) -> float:
    """Return the mean square of what a neuron's staircase loses of ``values``."""
    thetas = thetas[:, None]
    levels = np.floor(time_steps * values / thetas + 0.5)
    staircase = np.clip(levels, 0, time_steps) * thetas / time_steps
    return float(((staircase - values) ** 2).mean())


@pytest.mark.parametrize("samples", [16, 64, 256])
def test_thresholds_of_few_samples_leave_room_for_larger_ones(samples: int) -> None:
    generator = np.random.default_rng(1)
    seen = np.abs(generator.standard_normal((32, samples))).astype(np.float32)
    unseen = np.abs(generator.standard_normal((32, 4000)))
    folds = [histogram_of(seen[:, start::4]) for start in range(4)]
    found = staircase_error(unseen, shrunk_mse_threshold(folds, 128).values, 128)
    largest_seen = staircase_error(unseen, seen.max(axis=1), 128)
    best = min(
        staircase_error(unseen, np.full(32, theta), 128)
        for theta in np.linspace(1, 8, 141)
    )
    # Rounding with steps twice as large as the best costs four times as much.
    assert found < 4 * best
    # Thresholds that only reach the largest value seen lose most by clipping.
    assert found < largest_seen / 2


def test_among_many_values_one_more_says_nothing() -> None:
    values = np.abs(np.random.default_rng(2).standard_normal((1, 200_000)))
    few_steps = mse_threshold(histogram_of(values), 8).values[0]
    # The best threshold of |N(0, 1)| at T = 8, from the integral over its density.
    x = np.linspace(0, 6, 60_001)
    density = np.exp(-(x**2) / 2)
    tried = np.linspace(2, 3.5, 301)
    errors = [
        (density * (np.clip(np.floor(8 * x / t + 0.5), 0, 8) * t / 8 - x) ** 2).sum()
        for t in tried
    ]
    assert few_steps == pytest.approx(tried[np.argmin(errors)], rel=0.02)

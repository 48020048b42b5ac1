from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.calibration.thresholds import (
    complete_threshold,
    max_threshold,
    mse_threshold,
    percentile_threshold,
)
from onnx2snn.calibration.unseen_values import UnseenValue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

CHANNELS = 6


def activations(seed: int = 0, n: int = 20_000) -> np.ndarray:
    """Return ReLU outputs of differing scale and shift; channel 2 is dead."""
    generator = np.random.default_rng(seed)
    mean = np.array([0.3, -0.5, -90, 1.5, 0, -1])[:, None]
    scale = np.array([1, 0.02, 1, 5, 0.7, 40])[:, None]
    return np.maximum(generator.normal(mean, 1, (CHANNELS, n)) * scale, 0).astype(
        np.float32
    )


def histogram_of(values: np.ndarray) -> Histogram:
    histogram = Histogram(len(values))
    histogram.update(values)
    return histogram


def quantized(values: np.ndarray, thetas: np.ndarray, time_steps: int) -> np.ndarray:
    theta = thetas[:, None]
    levels = np.clip(np.floor(time_steps * values / theta + 0.5), 0, time_steps)
    return theta / time_steps * levels


def mean_squared_error(
    values: np.ndarray, thetas: np.ndarray, time_steps: int
) -> np.ndarray:
    return ((quantized(values, thetas, time_steps) - values) ** 2).mean(axis=1)


def test_max_is_the_largest_value_and_a_dead_channel_gets_the_median() -> None:
    values = activations()
    result = max_threshold(histogram_of(values))
    alive = np.arange(CHANNELS) != 2
    np.testing.assert_array_equal(result.dead, ~alive)
    np.testing.assert_array_equal(result.values[alive], values.max(axis=1)[alive])
    assert result.values[2] == np.median(values.max(axis=1)[alive])


@pytest.mark.parametrize("percentile", [1, 50, 99, 99.9, 100])
def test_percentile_agrees_with_numpy_within_a_bin(percentile: float) -> None:
    values = activations(1)
    histogram = histogram_of(values)
    result = percentile_threshold(histogram, percentile)
    for channel in np.flatnonzero(~result.dead):
        row = values[channel]
        expected = np.percentile(row[row > 0], percentile, method="inverted_cdf")
        assert abs(result.values[channel] - expected) <= histogram.width[channel]


def test_percentile_leaves_out_zeros_and_negative_values() -> None:
    values = np.abs(np.random.default_rng(2).normal(size=(1, 1000)))
    padded = np.hstack([values, np.zeros((1, 9000)), -values])
    expected = percentile_threshold(histogram_of(values), 90).values
    result = percentile_threshold(histogram_of(padded), 90).values
    np.testing.assert_allclose(result, expected, atol=2 * histogram_of(padded).width[0])


@pytest.mark.parametrize("time_steps", [1, 2, 8, 32])
def test_mse_finds_what_brute_force_finds(time_steps: int) -> None:
    values = activations(3)
    histogram = histogram_of(values)
    result = mse_threshold(histogram, time_steps)
    largest = values.max(axis=1)

    def expected_error(thetas: np.ndarray) -> np.ndarray:
        """Return the error on the values seen and one that was not."""
        of_seen = mean_squared_error(values, thetas, time_steps)
        of_unseen = UnseenValue(histogram).errors(thetas[:, None])[:, 0]
        return of_seen + of_unseen / values.shape[1]

    shares = np.arange(1, 801) / 400
    tried = [expected_error(np.maximum(largest * share, 1e-9)) for share in shares]
    alive = ~result.dead
    found = expected_error(result.values)
    assert (found[alive] <= np.min(tried, axis=0)[alive] * 1.002).all()


@pytest.mark.parametrize("time_steps", [1, 4, 16])
def test_mse_is_never_worse_than_max(time_steps: int) -> None:
    values = activations(4)
    histogram = histogram_of(values)
    largest, best = max_threshold(histogram), mse_threshold(histogram, time_steps)
    error = mean_squared_error(values, best.values, time_steps)
    alive = ~best.dead
    assert (error <= mean_squared_error(values, largest.values, time_steps))[
        alive
    ].all()
    assert (best.values <= largest.values).all()


def test_mse_of_values_on_the_levels_finds_the_quantizer() -> None:
    values = np.tile(np.arange(5) / 4 * 1.5, (1, 100))
    assert mse_threshold(histogram_of(values), 4).values == pytest.approx(
        1.5, rel=0.005
    )


def test_the_finer_grid_improves_on_a_coarse_one() -> None:
    values = activations(5)
    coarse = mse_threshold(histogram_of(values), 2, grid=5)
    largest = values.max(axis=1)
    tried = [
        mean_squared_error(values, np.maximum(largest * share, 1e-9), 2)
        for share in (0.2, 0.4, 0.6, 0.8, 1)
    ]
    error = mean_squared_error(values, coarse.values, 2)
    alive = ~coarse.dead
    assert (error <= np.min(tried, axis=0) * 1.0001)[alive].all()
    assert (error < np.min(tried, axis=0) * 0.999)[alive].any()


def test_negative_values_do_not_change_the_mse_threshold() -> None:
    values = activations(6)[:1]
    both = np.hstack([values, -3 * values])
    expected = mse_threshold(histogram_of(values), 8).values
    np.testing.assert_allclose(
        mse_threshold(histogram_of(both), 8).values, expected, rtol=0.02
    )


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bound", [None, 1e6])
def test_scaling_the_values_scales_the_threshold(
    rule: str, bound: ArrayLike | None
) -> None:
    values = activations(7)
    once = RULES[rule]([histogram_of(values)], 8, bound)
    twice = RULES[rule]([histogram_of(2 * values)], 8, bound)
    np.testing.assert_array_equal(2 * once.values, twice.values)
    np.testing.assert_array_equal(once.dead, twice.dead)


@pytest.mark.parametrize("rule", RULES)
def test_permuting_channels_commutes(rule: str) -> None:
    values = activations(8)
    order = np.random.default_rng(9).permutation(CHANNELS)
    straight = RULES[rule]([histogram_of(values)], 4, None)
    permuted = RULES[rule]([histogram_of(values[order])], 4, None)
    np.testing.assert_array_equal(straight.values[order], permuted.values)
    np.testing.assert_array_equal(straight.dead[order], permuted.dead)


@pytest.mark.parametrize("rule", RULES)
def test_no_threshold_is_above_the_bound(rule: str) -> None:
    histogram = histogram_of(activations(10))
    free = RULES[rule]([histogram], 8, None)
    assert RULES[rule]([histogram], 8, 0.5).values.max() == 0.5
    bound = np.linspace(0.01, 60, CHANNELS)
    capped = RULES[rule]([histogram], 8, bound).values
    np.testing.assert_array_equal(capped, np.minimum(free.values, bound))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seen", [0, 1, 50])
def test_dead_channels_alone_get_the_bound_or_one(rule: str, seen: int) -> None:
    histogram = histogram_of(np.zeros((3, seen)))
    assert RULES[rule]([histogram], 8, None).values.tolist() == [1, 1, 1]
    assert RULES[rule]([histogram], 8, [6, 0.5, np.inf]).values.tolist() == [6, 0.5, 1]
    assert RULES[rule]([histogram], 8, None).dead.all()


def test_negative_channels_are_dead() -> None:
    histogram = histogram_of(np.array([[-1.0, -2], [1, 2], [3, -4]]))
    for rule in RULES.values():
        result = rule([histogram], 8, None)
        assert result.dead.tolist() == [True, False, False]
        assert (result.values > 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_per_tensor_is_the_rule_on_all_values(rule: str) -> None:
    values = activations(11)
    together = RULES[rule]([histogram_of(values).merged()], 8, None)
    flat = RULES[rule]([histogram_of(values.reshape(1, -1))], 8, None)
    assert together.values.tolist() == flat.values.tolist()
    assert together.dead.tolist() == [False]


@pytest.mark.parametrize("bound", [0, -1.5])
def test_a_bound_must_be_positive(bound: float) -> None:
    with pytest.raises(ValueError, match=f"must be positive, not {bound}"):
        complete_threshold(np.ones(1), np.zeros(1, bool), bound)


@pytest.mark.parametrize("percentile", [0, -1, 100.5])
def test_a_percentile_out_of_range_is_refused(percentile: float) -> None:
    with pytest.raises(ValueError, match=f"at most 100, not {percentile}"):
        percentile_threshold(Histogram(1), percentile)


@pytest.mark.parametrize("time_steps, grid", [(0, 100), (8, 0)])
def test_no_steps_are_refused(time_steps: int, grid: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {time_steps} and {grid}"):
        mse_threshold(Histogram(1), time_steps, grid)

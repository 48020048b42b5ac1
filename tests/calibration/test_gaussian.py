from __future__ import annotations

import math

import numpy as np
import pytest

from onnx2snn.calibration.gaussian import gaussian_threshold
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.thresholds import mse_threshold


def quantization_errors(
    mean: float, std: float, thetas: np.ndarray, levels: int
) -> np.ndarray:
    """Integrate the squared error over the density."""
    standard = np.linspace(-9, 9, 36_001)
    density = np.exp(-(standard**2) / 2)
    values = np.maximum(mean + std * standard, 0)
    steps = thetas / levels
    errors = [
        (step * np.clip(np.floor(values / step + 0.5), 0, levels) - values) ** 2
        @ density
        for step in steps
    ]
    return np.array(errors)


@pytest.mark.parametrize("levels", [1, 2, 4, 8, 32, 128])
@pytest.mark.parametrize(
    "mean, std", [(0, 1), (0.7, 1), (-1.5, 1), (12, 3), (0.02, 0.005)]
)
def test_it_is_the_brute_force_optimum(mean: float, std: float, levels: int) -> None:
    theta = gaussian_threshold([mean], [std], levels).values[0]
    best = quantization_errors(
        mean, std, theta * np.linspace(0.6, 1.5, 181), levels
    ).min()
    assert quantization_errors(mean, std, np.array([theta]), levels)[0] <= best * 1.0001


@pytest.mark.parametrize("levels", [1, 3, 16])
def test_it_satisfies_the_published_fixed_point(levels: int) -> None:
    mean, std = 0.4, 1.7
    theta = gaussian_threshold([mean], [std], levels).values[0]
    odd = 2 * np.arange(levels) + 1
    distance = (odd * theta / (2 * levels) - mean) / (math.sqrt(2) * std)
    erf = np.array([math.erf(x) for x in distance])
    mean_part = mean / theta * (1 - erf.mean())
    std_part = std / (theta * math.sqrt(math.pi / 2)) * np.exp(-(distance**2)).mean()
    k = (mean_part + std_part) / (1 - (odd * erf).sum() / levels**2)
    assert k == pytest.approx(1, abs=1e-9)


def test_the_mse_rule_on_samples_agrees() -> None:
    generator = np.random.default_rng(0)
    mean, std = np.array([0.3, -0.8, 2]), np.array([1, 0.1, 5])
    samples = generator.normal(mean[:, None], std[:, None], (3, 400_000))
    histogram = Histogram(3)
    histogram.update(np.maximum(samples, 0))
    expected = mse_threshold(histogram, 4).values[[0, 2]]
    np.testing.assert_allclose(
        gaussian_threshold(mean, std, 4).values[[0, 2]], expected, rtol=0.02
    )


@pytest.mark.parametrize("factor", [1e-20, 2.0, 1e20])
def test_scaling_commutes(factor: float) -> None:
    mean, std = np.array([0.3, -4, 7, -9]), np.array([1, 2, 0, 1])
    once = gaussian_threshold(mean, std, 8)
    scaled = gaussian_threshold(factor * mean, factor * std, 8)
    np.testing.assert_allclose(scaled.values, factor * once.values, rtol=1e-9)
    np.testing.assert_array_equal(scaled.dead, once.dead)


def test_any_mean_and_deviation_gives_a_positive_threshold() -> None:
    mean, std = np.meshgrid(
        [-1e30, -1e4, -7, -6, -1, -1e-9, 0, 1e-9, 1, 40, 1e7, 1e30], [0, 1e-12, 1, 1e9]
    )
    for levels in (1, 8, 64):
        result = gaussian_threshold(mean.ravel(), std.ravel(), levels)
        assert (np.isfinite(result.values) & (result.values > 0)).all()


def test_a_constant_is_its_own_threshold_and_hopeless_channels_are_dead() -> None:
    result = gaussian_threshold([3, 0, -1, -50], [0, 0, 0, 1], 8)
    assert result.values.tolist() == [3, 3, 3, 3]
    assert result.dead.tolist() == [False, True, True, True]


@pytest.mark.parametrize("levels", [1, 2, 8, 64])
def test_a_barely_noisy_constant_nearly_is(levels: int) -> None:
    theta = gaussian_threshold([1], [1e-4], levels).values[0]
    assert 1 <= theta < 1 + 8e-4


def test_the_bound_caps() -> None:
    assert gaussian_threshold([1, 0], [1, 0.1], 8, bound=0.5).values.tolist()[0] == 0.5
    assert gaussian_threshold([1, 0], [1, 0.1], 8, bound=0.5).values[1] < 0.5


def test_permuting_channels_commutes() -> None:
    mean, std = np.random.default_rng(1).normal(size=(2, 20)) ** [[1], [2]]
    order = np.random.default_rng(2).permutation(20)
    straight = gaussian_threshold(mean, std, 8).values[order]
    np.testing.assert_array_equal(
        gaussian_threshold(mean[order], std[order], 8).values, straight
    )


def test_no_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        gaussian_threshold([0], [1], 0)


@pytest.mark.parametrize("mean, std", [(np.nan, 1), (0, np.inf), (0, -1)])
def test_impossible_distributions_are_refused(mean: float, std: float) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        gaussian_threshold([mean], [std], 8)

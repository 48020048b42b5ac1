from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.correction import least_squares
from tests.models import normal


def solve_ridge(
    x: np.ndarray, y: np.ndarray, samples: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the solution for copies of ``x`` and ``y``, which are used up."""
    return least_squares.solve_ridge(x.copy(), y.copy(), samples)


def each_its_own(places: int) -> np.ndarray:
    """Return the numbers of samples of one place each."""
    return np.arange(places)


def penalized(
    x: np.ndarray, y: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimum: least squares, with rows for the penalty."""
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    centered = x - x_mean
    weight = np.sqrt(strength * np.square(centered).sum() / x.shape[1])
    system = np.vstack([centered, weight * np.eye(x.shape[1])])
    right = np.vstack([y - y_mean, np.zeros((x.shape[1], y.shape[1]))])
    matrix = np.linalg.lstsq(system, right)[0]
    return matrix, y_mean - x_mean @ matrix


def test_without_noise_matrix_and_offset_are_found() -> None:
    x, matrix = normal(1, 1, 400, 6), normal(2, 1, 6, 3)
    offset = np.float32([0.5, -2, 0])
    found, shift = solve_ridge(x, x @ matrix + offset, each_its_own(400))
    # the weakest ridge leaves one part in ten thousand of the matrix out
    np.testing.assert_allclose(found, matrix, atol=5e-4)
    np.testing.assert_allclose(shift, offset.reshape(1, 1, 3), atol=5e-4)


def test_each_group_has_a_matrix_of_its_own() -> None:
    x, matrix = normal(1, 3, 200, 4), normal(2, 3, 4, 2)
    found, _ = solve_ridge(x, x @ matrix, each_its_own(200))
    np.testing.assert_allclose(found, matrix, atol=1e-3)
    assert np.abs(matrix[0] - matrix[1]).max() > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_noise_teaches_nothing(seed: int) -> None:
    x, y = normal(2 * seed, 1, 60, 20), normal(2 * seed + 1, 1, 60, 3)
    y[:, 3::4] -= y[:, 3::4].mean(
        axis=1, keepdims=True
    )  # the held-out ones: no offset to find
    matrix, offset = solve_ridge(x, y, each_its_own(60))
    assert matrix.shape == (1, 20, 3)
    assert offset.shape == (1, 1, 3)
    assert not matrix.any()
    assert not offset.any()


@pytest.mark.parametrize(
    "samples", [np.zeros(40, int), np.full(40, 3)], ids=["none", "all"]
)
def test_without_samples_to_judge_by_nothing_changes(samples: np.ndarray) -> None:
    x = normal(1, 1, 40, 3)
    matrix, offset = solve_ridge(x, x @ normal(2, 1, 3, 2), samples)
    assert not matrix.any()
    assert not offset.any()


def test_all_places_of_a_sample_are_held_out_together() -> None:
    """Places of one sample resemble each other: one would give away what its neighbor is."""
    samples = np.repeat(np.arange(32), 5)
    x, y = (np.repeat(normal(seed, 1, 32, 20), 5, axis=1) for seed in (1, 2))
    apart, _ = solve_ridge(x, y, each_its_own(160))
    assert apart.any()
    together, _ = solve_ridge(x, y, samples)
    assert not together.any()


@pytest.mark.parametrize("places", [12, 40, 41, 200])
@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_both_forms_are_the_minimum(
    places: int, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With fewer places than inputs the system is solved among places, else among inputs."""
    monkeypatch.setattr(least_squares, "_STRENGTHS", (strength,))
    x, noise = normal(1, 2, places, 40).astype(float), normal(2, 2, places, 3)
    x[:, :, 0] += 3
    y = x[:, :, :3] + noise / 50
    matrix, offset = solve_ridge(x, y, each_its_own(places))
    for group in range(2):
        wanted, shift = penalized(x[group], y[group], strength)
        np.testing.assert_allclose(matrix[group], wanted, atol=1e-9)
        np.testing.assert_allclose(offset[group, 0], shift, atol=1e-9)


def test_where_there_is_noise_the_ridge_is_stronger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, matrix = normal(1, 1, 80, 40), normal(2, 1, 40, 1)
    y = x @ matrix + 5 * normal(3, 1, 80, 1)
    found, _ = solve_ridge(x, y, each_its_own(80))
    monkeypatch.setattr(least_squares, "_STRENGTHS", least_squares._STRENGTHS[:1])
    weakest, _ = solve_ridge(x, y, each_its_own(80))
    assert np.linalg.norm(found - matrix) < 0.8 * np.linalg.norm(weakest - matrix)


def test_an_input_that_never_varies_gets_no_weight() -> None:
    x = normal(1, 1, 80, 3)
    x[:, :, 1] = 7
    matrix, offset = solve_ridge(x, x[:, :, :1] * 2 + 1, each_its_own(80))
    np.testing.assert_allclose(matrix[0, :, 0], [2, 0, 0], atol=1e-3)
    np.testing.assert_allclose(offset, 1, atol=5e-3)


def test_where_inputs_tell_nothing_the_offset_is_found() -> None:
    x, y = normal(1, 1, 80, 40), normal(2, 1, 80, 1)
    y += 5 - y.mean()
    matrix, offset = solve_ridge(x, y, each_its_own(80))
    assert not matrix.any()
    np.testing.assert_allclose(offset, 5, atol=1e-6)


def test_silent_inputs_stay_unused() -> None:
    x, y = np.zeros((1, 40, 3), np.float32), np.full((1, 40, 2), 0.25, np.float32)
    matrix, offset = solve_ridge(x, y, each_its_own(40))
    assert not matrix.any()
    np.testing.assert_allclose(offset, 0.25)

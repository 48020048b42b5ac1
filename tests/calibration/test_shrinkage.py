from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.calibration import shrinkage
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.quantization_error import quantization_errors
from onnx2snn.calibration.shrinkage import error_on_unseen_samples, shrunk_mse_threshold
from onnx2snn.calibration.thresholds import mse_threshold

T = 16


def folds_of(values: np.ndarray) -> list[Histogram]:
    """Return every fourth column of ``values``, [channels, n], as one fold."""
    folds = [Histogram(len(values)) for _ in range(4)]
    for index, fold in enumerate(folds):
        fold.update(values[:, index::4])
    return folds


def plenty(seed: int = 0, samples: int = 4000) -> np.ndarray:
    scale = np.float32([1, 2, 4, 8])[:, None]
    noise = np.random.default_rng(seed).standard_normal((4, samples)).astype(np.float32)
    return np.maximum(noise, 0) * scale


def rare(seed: int, samples: int = 200, channels: int = 60) -> np.ndarray:
    """Return channels that are mostly small and now and then near 6."""
    generator = np.random.default_rng(seed)
    small = np.abs(generator.standard_normal((channels, samples))) / 8
    large = generator.uniform(4, 6, (channels, samples))
    seen = generator.random((channels, samples)) < 0.005
    return np.where(seen, large, small).astype(np.float32)


def test_with_plenty_of_data_each_channel_keeps_its_own() -> None:
    folds = folds_of(plenty())
    found = shrunk_mse_threshold(folds, T).values
    np.testing.assert_array_equal(found, mse_threshold(Histogram.sum(folds), T).values)
    assert found[3] / found[0] == pytest.approx(8, rel=0.2)


def test_rare_values_draw_thresholds_up_and_serve_unseen_samples() -> None:
    folds, unseen = folds_of(rare(1)), Histogram(60)
    unseen.update(rare(2, samples=4000))
    own = mse_threshold(Histogram.sum(folds), T).values
    drawn = shrunk_mse_threshold(folds, T).values
    assert (drawn >= own).all()
    assert (drawn > own).any()
    # Without the term that no threshold changes, errors are negative: less is better.
    both = np.stack([drawn, own], axis=1)
    of_drawn, of_own = quantization_errors(unseen, T, both).sum(axis=0)
    assert of_drawn < of_own


@pytest.mark.parametrize("time_steps", [4, 7])
def test_a_channel_alone_keeps_its_threshold_to_the_bit(time_steps: int) -> None:
    folds = folds_of(rare(1, channels=1))
    own = mse_threshold(Histogram.sum(folds), time_steps).values
    found = shrunk_mse_threshold(folds, time_steps).values
    assert found.tolist() == own.tolist()


def test_the_bound_holds() -> None:
    assert shrunk_mse_threshold(folds_of(rare(1)), T, bound=3.0).values.max() == 3


def test_one_part_is_no_cross_validation() -> None:
    whole = Histogram(60)
    whole.update(rare(1))
    empty = Histogram(60)
    found = shrunk_mse_threshold([whole, empty], T).values
    np.testing.assert_array_equal(found, mse_threshold(whole, T).values)


@pytest.mark.parametrize("time_steps", [3, 16, 200])
def test_shares_are_compared_as_with_all_bins_and_thresholds(
    time_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds = folds_of(rare(1, samples=2000))
    found = error_on_unseen_samples(folds, time_steps)
    monkeypatch.setattr(shrinkage, "_LEAST_BINS", folds[0].bins)
    monkeypatch.setattr(shrinkage, "_GRID", 100)
    exact = error_on_unseen_samples(folds, time_steps)
    assert found == pytest.approx(exact, rel=0.01)  # shares differ by some percent


def test_errors_are_those_of_the_quantizer() -> None:
    values = plenty(3, 500)
    thetas = np.array([[2.0, 1.0], [3.0, 6.0], [5.0, 4.0], [20.0, 10.0]])
    histogram = Histogram(4, bins=2**14)
    histogram.update(values)
    step, x = thetas[:, :, None] / T, values[:, None]
    quantized = step * np.clip(np.floor(x / step + 0.5), 0, T)
    expected = ((quantized - x) ** 2).sum(axis=2) - (x.astype(float) ** 2).sum(axis=2)
    np.testing.assert_allclose(
        quantization_errors(histogram, T, thetas), expected, rtol=2e-3
    )

"""The error of a layer, and the four parts it is the sum of."""

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.diagnosis.layer_errors import PARTS, LayerError, LayerSums
from onnx2snn.runtime.recording import LayerRecord

T = 4


def record(spikes: np.ndarray, current: np.ndarray, theta: float = 1.0) -> LayerRecord:
    threshold = np.array(theta, np.float32)
    return LayerRecord("a", threshold, spikes=spikes, current=current)


def found(
    activation: np.ndarray, spikes: np.ndarray, current: np.ndarray
) -> LayerError:
    sums = LayerSums("layer", levels=1)
    sums.add(activation, record(spikes, current))
    return sums.result()


def spread(counts: np.ndarray) -> np.ndarray:
    """Return trains of spikes with so many in T steps, the first steps first."""
    steps = np.arange(T)[:, None, None]
    return (steps < counts).astype(np.float32)


def test_an_exact_layer_has_no_error() -> None:
    activation = np.array([[0.25, 0.5, 1.0, 0.0]], np.float32)
    layer = found(activation, spread(activation * T), np.stack([activation] * T))
    assert layer.error == 0
    assert set(layer.parts.values()) == {0}
    assert layer.correlation == pytest.approx(1)
    assert layer.rate == pytest.approx(1.75 / 4)
    assert layer.silent == pytest.approx(1 / 4)
    assert layer.dead == 0
    assert layer.saturated == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "part, activation, current, count",
    [
        ("clipping", 3.0, 3.0, 4),  # at most one spike a step
        ("quantization", 0.6, 0.6, 2),  # two of four spikes are nearest
        ("inherited", 0.5, 0.75, 3),  # the layers before send too much
        ("unevenness", 0.5, 0.5, 3),  # a spike too many came of an even mean
    ],
)
def test_each_part_alone(
    part: str, activation: float, current: float, count: int
) -> None:
    values = np.full((1, 1), activation, np.float32)
    currents = np.full((T, 1, 1), current, np.float32)
    layer = found(values, spread(np.full((1, 1), count)), currents)
    expected = abs(count / T - activation) / activation
    assert layer.parts[part] == pytest.approx(expected)
    assert layer.main_part == part
    others = [layer.parts[other] for other in PARTS if other != part]
    assert others == [0, 0, 0]
    assert layer.error == pytest.approx(expected)


def test_parts_add_up_to_the_error() -> None:
    rng = np.random.default_rng(0)
    activation = np.abs(rng.standard_normal((1, 1))).astype(np.float32)
    current = rng.standard_normal((T, 1, 1)).astype(np.float32)
    spikes = rng.integers(0, 2, (T, 1, 1)).astype(np.float32)
    layer = found(activation, spikes, current)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1)
    sums = np.array([layer.parts[part] for part in PARTS]) @ signs
    # One number: with the right signs the parts are the error exactly.
    assert np.abs(np.abs(sums) - layer.error).min() == pytest.approx(0, abs=1e-6)


def test_batches_add_up() -> None:
    rng = np.random.default_rng(1)
    activation = np.abs(rng.standard_normal((6, 5))).astype(np.float32)
    current = rng.standard_normal((T, 6, 5)).astype(np.float32)
    spikes = rng.integers(0, 2, (T, 6, 5)).astype(np.float32)
    whole = found(activation, spikes, current)
    sums = LayerSums("layer", levels=1)
    for rows in (slice(0, 2), slice(2, 6)):
        sums.add(activation[rows], record(spikes[:, rows], current[:, rows]))
    parts = sums.result()
    assert parts.error == pytest.approx(whole.error)
    assert parts.parts == pytest.approx(whole.parts)
    assert (parts.silent, parts.dead) == (whole.silent, whole.dead)


@pytest.mark.parametrize("factor", [0.125, 1.0, 8.0])
def test_a_threshold_that_is_too_large_or_too_small(factor: float) -> None:
    rng = np.random.default_rng(2)
    activation = rng.uniform(0, 1, (100, 3)).astype(np.float32)
    sums = LayerSums("layer", levels=1)
    zeros = np.zeros((T, 100, 3), np.float32)
    sums.add(activation, record(zeros, zeros, theta=factor))
    layer = sums.result()
    # Of a uniform value the threshold 1 loses least, or half of it less than twice of it.
    assert layer.best_factor == 1 / factor
    assert (layer.misfit > 1.5) == (factor != 1)

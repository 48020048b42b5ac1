from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.calibration import batch_norm_statistics
from onnx2snn.calibration.batch_norm_statistics import BatchNormStatistics
from onnx2snn.calibration.histogram import Histogram
from onnx2snn.calibration.observe import observe_histograms
from onnx2snn.errors import CalibrationError
from onnx2snn.passes import FoldBatchNorm
from onnx2snn.runtime.subgraph import Subgraph
from onnx2snn.testing import run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir


BIAS, SCALE = np.float32([-0.5, 0, 1, 2]), np.float32([0.5, -1, 2, 0.25])
STATISTICS = {
    "scale": SCALE,
    "bias": BIAS,
    "mean": normal(1, 4),
    "var": np.float32([0.5, 1, 2, 3]),
    "w": normal(2, 4, 3, 3, 2),
    "b": normal(3, 4),
}
NORM = "BatchNormalization (c, scale, bias, mean, var)"


def network(text: str) -> ir.Model:
    return model(
        f"(float[N,3,9,8] x) => (y) {{ c = Conv (x, w, b)  {text} }}", **STATISTICS
    )


def from_statistics(
    ann: ir.Model, name: str, seed: int = 1, batch: int = 5
) -> Histogram | None:
    shape = [batch, 3, 9, 8]
    return BatchNormStatistics(ann, {"x": np.zeros(shape, np.float32)}, seed).histogram(
        value(ann, name)
    )


def value(ann: ir.Model, name: str) -> ir.Value:
    return next(v for node in ann.graph for v in node.outputs if v.name == name)


def test_histograms_of_several_values_over_all_batches() -> None:
    ann = network("a = Relu (c)  t = Transpose <perm = [0, 2, 3, 1]> (c)  y = Neg (a)")
    x = normal(4, 11, 3, 9, 8)
    batches = [{"x": x[:4]}, {"x": x[4:10]}, {"x": x[10:]}]
    values = [value(ann, "a"), value(ann, "t")]
    parts = observe_histograms(ann, values, Subgraph(ann, values, ()), batches)
    assert [len({part.count[0] for part in folds}) > 1 for folds in parts] == [
        True,
        True,
    ]
    found = [Histogram.sum(folds) for folds in parts]
    ann.graph.outputs.append(value(ann, "a"))
    ann.graph.outputs.append(value(ann, "t"))
    expected = run_ort(ann, {"x": x})
    for histogram, data, axes in zip(
        found, (expected["a"], expected["t"]), ((0, 2, 3), (0, 1, 2)), strict=True
    ):
        assert histogram.count.tolist() == [data.size // 4] * 4
        size = np.abs(data)
        np.testing.assert_allclose(histogram.maximum, size.max(axis=axes), rtol=1e-6)
        np.testing.assert_allclose(histogram.minimum, size.min(axis=axes), atol=1e-6)
        np.testing.assert_allclose(
            histogram.total, size.sum(axis=axes, dtype=float), rtol=1e-4
        )
    assert (expected["t"].min(axis=(0, 1, 2)) < 0).all()


def test_small_batches_give_the_histograms_of_large_ones() -> None:
    ann = network("y = Relu (c)")
    x = normal(4, 12, 3, 9, 8)
    values = [value(ann, "y")]
    subgraph = Subgraph(ann, values, ())
    alone = [{"x": x[number : number + 1]} for number in range(len(x))]
    (small,) = observe_histograms(ann, values, subgraph, alone)
    (large,) = observe_histograms(ann, values, subgraph, [{"x": x}])
    for one, other in zip(small, large, strict=True):
        np.testing.assert_array_equal(one.counts, other.counts)
        np.testing.assert_array_equal(one.zeros, other.zeros)
        np.testing.assert_array_equal(one.maximum, other.maximum)


def test_an_infinite_value_in_a_small_batch_is_found() -> None:
    ann = network("y = Relu (c)")
    x = normal(4, 12, 3, 9, 8)
    x[5, 0, 3, 3] = np.inf
    values = [value(ann, "y")]
    batches = [{"x": x[number : number + 1]} for number in range(len(x))]
    with pytest.raises(CalibrationError, match=r"'y' has NaN or .* the ANN .* Conv"):
        observe_histograms(ann, values, Subgraph(ann, values, ()), batches)


def test_a_value_without_channels_is_one() -> None:
    ann = model("(float[N] x) => (y) { y = Relu (x) }")
    x = normal(5, 13)
    values = [value(ann, "y")]
    (folds,) = observe_histograms(ann, values, Subgraph(ann, values, ()), [{"x": x}])
    histogram = Histogram.sum(folds)
    assert histogram.maximum.tolist() == [x.max()]


def test_a_normalized_value_is_normal() -> None:
    ann = network(f"n = {NORM}  y = Neg (n)")
    found = from_statistics(ann, "n", seed=1)
    assert found is not None
    mean = found.total / found.count
    np.testing.assert_allclose(mean, mean_magnitude(BIAS, np.abs(SCALE)), atol=0.1)
    assert (found.count > 1000).all()
    # of some thousand normal numbers, the largest lies about 3 to 5 deviations from the mean
    reach = (found.maximum - np.abs(BIAS)) / np.abs(SCALE)
    assert ((reach > 2.5) & (reach < 6)).all()


def mean_magnitude(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return the mean of |x| where x is normal."""
    below = np.array(
        [0.5 * math.erfc(m / s / 2**0.5) for m, s in zip(mean, deviation, strict=True)]
    )
    density = np.exp(-((mean / deviation) ** 2) / 2) / (2 * np.pi) ** 0.5
    return 2 * deviation * density + mean * (1 - 2 * below)


def test_samples_are_carried_on_from_the_last_normalization() -> None:
    ann = network(f"n = {NORM}  r = Relu (n)  s = Add (r, r)  y = Neg (s)")
    found = from_statistics(ann, "s", seed=1)
    plain = from_statistics(ann, "r", seed=1)
    normalized = from_statistics(ann, "n", seed=1)
    assert normalized is not None
    assert found is not None
    assert plain is not None
    np.testing.assert_allclose(found.maximum, 2 * plain.maximum, rtol=1e-6)
    assert (found.minimum >= 0).all()
    np.testing.assert_allclose(found.minimum, 2 * plain.minimum, rtol=1e-6)
    above = BIAS > 0  # where the largest magnitude is one of a positive number
    np.testing.assert_allclose(
        found.maximum[above], 2 * normalized.maximum[above], rtol=1e-6
    )


def test_the_sum_of_two_normalizations_is_wider() -> None:
    ann = network(
        f"n = {NORM}  d = Neg (c)  m = {NORM.replace('(c', '(d')}  y = Add (n, m)"
    )
    found = from_statistics(ann, "y", seed=1)
    assert found is not None
    wanted = mean_magnitude(2 * BIAS, 2**0.5 * np.abs(SCALE))
    np.testing.assert_allclose(found.total / found.count, wanted, atol=0.15)
    reach = (found.maximum - 2 * np.abs(BIAS)) / np.abs(SCALE)
    assert ((reach > 3.5) & (reach < 8)).all(), (
        "the two are independent: sqrt(2) as wide"
    )


def test_folded_normalizations_are_known_by_their_annotation() -> None:
    ann, folded = (network(f"n = {NORM}  r = Relu (n)  y = Neg (r)") for _ in range(2))
    FoldBatchNorm()(folded)
    assert [node.op_type for node in folded.graph] == ["Conv", "Relu", "Neg"]
    found = [from_statistics(a, "r", seed=2) for a in (ann, folded)]
    assert found[0] is not None
    assert found[1] is not None
    np.testing.assert_array_equal(found[0].counts, found[1].counts)


@pytest.mark.parametrize(
    "text",
    ["y = Relu (c)", f"n = {NORM}  d = Add (n, c)  y = Relu (d)"],
    ids=["none", "beside"],
)
def test_where_normalization_does_not_reach(text: str) -> None:
    ann = network(text)
    assert from_statistics(ann, "y", seed=1) is None


def test_the_seed() -> None:
    ann = network(f"n = {NORM}  y = Neg (n)")
    found = [from_statistics(ann, "n", seed) for seed in (1, 1, 2)]
    maxima = [histogram.maximum for histogram in found if histogram is not None]
    np.testing.assert_array_equal(maxima[0], maxima[1])
    assert (maxima[0] != maxima[2]).all()


@pytest.mark.parametrize("batch", [1, 40])
def test_enough_samples_whatever_the_batch(batch: int) -> None:
    ann = network(f"n = {NORM}  y = Neg (n)")
    found = from_statistics(ann, "n", batch=batch)
    assert found is not None
    samples = batch * 7 * 7
    assert found.count.tolist() == [samples * -(-4096 // samples)] * 4


@pytest.mark.parametrize("limit, draws", [(2**24, 84), (49 * 4 * 10, 10), (0, 1)])
def test_samples_that_cost_too_much_are_left_out(
    limit: int, draws: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_norm_statistics, "_DRAWN", limit)
    ann = network(f"n = {NORM}  y = Neg (n)")
    found = from_statistics(ann, "n", batch=1)
    assert found is not None
    assert found.count.tolist() == [49 * draws] * 4

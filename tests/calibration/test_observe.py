from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.calibration.observe import Statistics, histograms
from onnx2snn.passes import FoldBatchNorm
from onnx2snn.testing import run_ort
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.calibration.histogram import Histogram

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
    return model(f"(float[N,3,9,8] x) => (y) {{ c = Conv (x, w, b)  {text} }}", **STATISTICS)


def from_statistics(ann: ir.Model, name: str, seed: int = 1, batch: int = 5) -> Histogram | None:
    shape = [batch, 3, 9, 8]
    return Statistics(ann, {"x": np.zeros(shape, np.float32)}, seed).histogram(value(ann, name))


def value(ann: ir.Model, name: str) -> ir.Value:
    return next(v for node in ann.graph for v in node.outputs if v.name == name)


def test_histograms_of_several_values_over_all_batches() -> None:
    ann = network("a = Relu (c)  t = Transpose <perm = [0, 2, 3, 1]> (c)  y = Neg (a)")
    x = normal(4, 11, 3, 9, 8)
    batches = [{"x": x[:4]}, {"x": x[4:10]}, {"x": x[10:]}]
    found = histograms(ann, [value(ann, "a"), value(ann, "t")], batches)
    ann.graph.outputs.append(value(ann, "a"))
    ann.graph.outputs.append(value(ann, "t"))
    expected = run_ort(ann, {"x": x})
    for histogram, data, axes in zip(
        found, (expected["a"], expected["t"]), ((0, 2, 3), (0, 1, 2)), strict=True
    ):
        assert histogram.count.tolist() == [data.size // 4] * 4
        np.testing.assert_allclose(histogram.maximum, data.max(axis=axes), rtol=1e-6)
        np.testing.assert_allclose(histogram.minimum, data.min(axis=axes), rtol=1e-6)
        np.testing.assert_allclose(histogram.total, data.sum(axis=axes, dtype=float), rtol=1e-4)


def test_a_value_without_channels_is_one() -> None:
    ann = model("(float[N] x) => (y) { y = Relu (x) }")
    x = normal(5, 13)
    (histogram,) = histograms(ann, [value(ann, "y")], [{"x": x}])
    assert histogram.maximum.tolist() == [x.max()]


def test_a_normalized_value_is_normal() -> None:
    ann = network(f"n = {NORM}  y = Neg (n)")
    found = from_statistics(ann, "n", seed=1)
    assert found is not None
    mean = found.total / found.count
    np.testing.assert_allclose(mean, BIAS, atol=0.1)
    assert (found.count > 1000).all()
    # of some thousand normal numbers, the largest lies about 3 to 5 deviations above the mean
    reach = (found.maximum - BIAS) / np.abs(SCALE)
    assert ((reach > 2.5) & (reach < 6)).all()


def test_samples_are_carried_on_from_the_last_normalization() -> None:
    ann = network(f"n = {NORM}  r = Relu (n)  s = Add (r, r)  y = Neg (s)")
    found = from_statistics(ann, "s", seed=1)
    plain = from_statistics(ann, "n", seed=1)
    assert found is not None
    assert plain is not None
    np.testing.assert_allclose(found.maximum, 2 * plain.maximum, rtol=1e-6)
    assert (found.minimum >= 0).all()


def test_the_sum_of_two_normalizations_is_wider() -> None:
    ann = network(f"n = {NORM}  d = Neg (c)  m = {NORM.replace('(c', '(d')}  y = Add (n, m)")
    found = from_statistics(ann, "y", seed=1)
    assert found is not None
    np.testing.assert_allclose(found.total / found.count, 2 * BIAS, atol=0.15)
    reach = (found.maximum - 2 * BIAS) / np.abs(SCALE)
    assert ((reach > 3.5) & (reach < 8)).all(), "the two are independent: sqrt(2) as wide"


def test_folded_normalizations_are_known_by_their_note() -> None:
    ann, folded = (network(f"n = {NORM}  r = Relu (n)  y = Neg (r)") for _ in range(2))
    FoldBatchNorm()(folded)
    assert [node.op_type for node in folded.graph] == ["Conv", "Relu", "Neg"]
    found = [from_statistics(a, "r", seed=2) for a in (ann, folded)]
    assert found[0] is not None
    assert found[1] is not None
    np.testing.assert_array_equal(found[0].counts, found[1].counts)


@pytest.mark.parametrize(
    "text", ["y = Relu (c)", f"n = {NORM}  d = Add (n, c)  y = Relu (d)"], ids=["none", "beside"]
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

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from onnx2snn.calibration.histogram import Histogram
from onnx2snn.errors import CalibrationError


def exact_counts(values: np.ndarray, histogram: Histogram) -> np.ndarray:
    edges = histogram.lower_edge[:, None] + histogram.width[:, None] * np.arange(
        histogram.bins + 1
    )
    return np.array(
        [
            np.histogram(row[row != 0], bins=channel_edges)[0]
            for row, channel_edges in zip(values, edges, strict=True)
        ]
    )


def relu_values(seed: int, channels: int = 5, n: int = 3000) -> np.ndarray:
    generator = np.random.default_rng(seed)
    scale = np.array([0.01, 0.3, 1, 7, 300])[:channels, None]
    return np.maximum(generator.normal(0.2, 1, (channels, n)) * scale, 0).astype(
        np.float32
    )


def signed_values(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal([[0.5], [-3], [20]], [[0.1], [1], [9]], (3, 2000)).astype(
        np.float32
    )


@pytest.mark.parametrize(
    "values", [relu_values(0), signed_values(1)], ids=["relu", "signed"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_counts_equal_numpys(values: np.ndarray, dtype: str) -> None:
    values = values.astype(dtype)
    histogram = Histogram(len(values), bins=64)
    histogram.update(values)
    np.testing.assert_array_equal(histogram.counts, exact_counts(values, histogram))
    np.testing.assert_array_equal(histogram.zeros, (values == 0).sum(axis=1))
    np.testing.assert_array_equal(histogram.count, values.shape[1])
    np.testing.assert_array_equal(histogram.maximum, values.max(axis=1))
    np.testing.assert_array_equal(histogram.minimum, values.min(axis=1))
    np.testing.assert_allclose(
        histogram.total, values.sum(axis=1, dtype=float), rtol=1e-12
    )


@pytest.mark.parametrize(
    "values", [relu_values(2), signed_values(3)], ids=["relu", "signed"]
)
def test_streaming_equals_one_shot_bit_for_bit(values: np.ndarray) -> None:
    values = np.sort(np.abs(values), axis=1) * np.sign(
        values
    )  # the range doubles often
    whole, streamed = Histogram(len(values)), Histogram(len(values))
    whole.update(values)
    for block in np.array_split(values, 37, axis=1):
        streamed.update(block)
    for name in (
        "counts",
        "count",
        "zeros",
        "maximum",
        "minimum",
        "width",
        "lower_edge",
    ):
        np.testing.assert_array_equal(getattr(whole, name), getattr(streamed, name))
    np.testing.assert_allclose(whole.total, streamed.total, rtol=1e-12)


def test_the_range_doubles_over_many_octaves() -> None:
    histogram = Histogram(2, bins=16)
    for exponent in range(-150, 120, 9):
        histogram.update(np.full((2, 3), 2.0**exponent) * [[1], [3]])
    assert histogram.counts.sum() == histogram.count.sum()
    np.testing.assert_array_equal(histogram.maximum, [2.0**111, 3 * 2.0**111])
    assert (histogram.width * 16 > histogram.maximum).all()


def test_a_late_negative_value_makes_it_signed() -> None:
    histogram = Histogram(1, bins=8)
    histogram.update(np.array([[0.5, 1.5, 2.5, 3.5, 0.0]]))
    assert not histogram.is_signed
    np.testing.assert_array_equal(histogram.counts, [[0, 1, 0, 1, 0, 1, 0, 1]])
    histogram.update(np.array([[-0.25, -6.0]]))
    assert histogram.is_signed
    np.testing.assert_array_equal(histogram.counts, [[0, 1, 0, 1, 2, 2, 0, 0]])
    np.testing.assert_array_equal(histogram.positive(), [[2, 2, 0, 0]])
    assert (histogram.width, histogram.lower_edge, histogram.zeros) == (2, -8, 1)


def test_values_on_bin_edges_fall_above() -> None:
    histogram = Histogram(1, bins=8)
    histogram.update(np.array([[-4.0, -2, -1, 1, 2, 4]]))
    np.testing.assert_array_equal(histogram.counts, [[0, 0, 1, 2, 1, 1, 1, 0]])


def test_merged_is_the_histogram_of_all_values() -> None:
    for values in (relu_values(4), signed_values(5)):
        histogram, flat = Histogram(len(values), bins=128), Histogram(1, bins=128)
        histogram.update(values)
        flat.update(values.reshape(1, -1))
        merged = histogram.merged()
        for name in (
            "counts",
            "count",
            "zeros",
            "maximum",
            "minimum",
            "width",
            "is_signed",
        ):
            np.testing.assert_array_equal(getattr(merged, name), getattr(flat, name))
        np.testing.assert_allclose(merged.total, flat.total, rtol=1e-12)


def test_channels_without_values_do_not_matter_to_merging() -> None:
    histogram = Histogram(3, bins=8)
    histogram.update(np.array([[0.0], [0.0], [0.001]]))
    assert histogram.merged().width == histogram.width[2]


def test_scaling_by_two_scales_the_width_only() -> None:
    values = signed_values(6)
    once, twice = Histogram(3), Histogram(3)
    once.update(values)
    twice.update(2 * values)
    np.testing.assert_array_equal(once.counts, twice.counts)
    np.testing.assert_array_equal(2 * once.width, twice.width)


def test_no_values_change_nothing() -> None:
    histogram = Histogram(2, bins=4)
    histogram.update(np.zeros((2, 0)))
    assert histogram.count.sum() == 0
    assert (histogram.maximum == -np.inf).all()


def test_many_values_are_binned_in_blocks() -> None:
    values = np.abs(np.random.default_rng(7).normal(size=(2, (1 << 20) + 5))).astype(
        np.float32
    )
    histogram = Histogram(2, bins=32)
    histogram.update(values)
    np.testing.assert_array_equal(histogram.counts, exact_counts(values, histogram))


@pytest.mark.slow
def test_ten_million_values_take_less_than_a_second() -> None:
    values = np.maximum(np.random.default_rng(8).normal(size=(64, 160_000)), 0).astype(
        np.float32
    )
    histogram = Histogram(64)
    start = time.perf_counter()
    histogram.update(values)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    values = np.ones((4, 5))
    values[1, 2] = values[3, 0] = value
    message = "NaN or infinite values in 2 of 4 channels"
    with pytest.raises(CalibrationError, match=message):
        Histogram(4).update(values)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("shape [3, 2], expected [4, n]")):
        Histogram(4).update(np.ones((3, 2)))
    with pytest.raises(ValueError, match=re.escape("shape [4], expected [4, n]")):
        Histogram(4).update(np.ones(4))


@pytest.mark.parametrize("bins", [0, 2, 3, 100])
def test_bins_that_are_no_power_of_two_are_refused(bins: int) -> None:
    with pytest.raises(ValueError, match=f"at least 4, not {bins}"):
        Histogram(1, bins)


def test_no_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Histogram(0)


@pytest.mark.parametrize(
    "signs", [(1, 1), (1, -1), (-1, 1)], ids=["positive", "then", "first"]
)
def test_the_sum_of_parts_is_the_histogram_of_the_whole(signs: tuple[int, int]) -> None:
    generator = np.random.default_rng(7)
    first = np.float32(signs[0]) * np.abs(generator.standard_normal((3, 50))).astype(
        np.float32
    )
    second = np.float32(16 * signs[1]) * np.abs(
        generator.standard_normal((3, 70), np.float32)
    )
    parts = [Histogram(3) for _ in range(3)]
    parts[0].update(first)
    parts[2].update(second)
    whole = Histogram(3)
    whole.update(first)
    whole.update(second)
    found = Histogram.sum(parts)
    for name in (
        "counts",
        "count",
        "zeros",
        "maximum",
        "minimum",
        "width",
        "lower_edge",
    ):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name), name)
    np.testing.assert_allclose(found.total, whole.total)
    assert parts[0].count.tolist() == [50] * 3, "the parts stay as they are"


def test_a_bin_holds_more_than_two_to_the_31_values() -> None:
    histogram = Histogram(1, bins=8)
    histogram.update(np.array([[0.75]], np.float32))
    for _ in range(33):
        histogram = Histogram.sum([histogram, histogram])
    assert histogram.counts.max() == histogram.count.item() == 2**33
    assert histogram.merged().counts.max() == 2**33
    histogram.update(np.array([[0.75]], np.float32))
    assert histogram.counts.max() == 2**33 + 1


@pytest.mark.parametrize("signed", [(False, False), (False, True), (True, True)])
def test_the_same_values_in_fewer_bins_of_wider_ranges(
    signed: tuple[bool, bool],
) -> None:
    x = np.abs(np.random.default_rng(0).standard_normal((3, 200))).astype(np.float32)
    small, large = x / 8, x * np.float32([[1], [3], [9]])
    parts = []
    for values, is_signed in zip((small, large), signed, strict=True):
        part = Histogram(3, bins=64)
        part.update(values - 0.5 * is_signed)
        parts.append(part)
    whole = Histogram.sum(parts)
    coarse = parts[0].in_ranges_of(whole, 16)
    expected = Histogram(3, bins=16)
    expected.is_signed = whole.is_signed
    expected.exponent = whole.exponent
    expected.update(small - 0.5 * signed[0])
    np.testing.assert_array_equal(coarse.counts, expected.counts)
    np.testing.assert_array_equal(coarse.width, expected.width)
    np.testing.assert_array_equal(coarse.maximum, parts[0].maximum)
    assert coarse.counts.dtype == parts[0].counts.dtype

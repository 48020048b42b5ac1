"""Samples far larger than the rest."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.data.outliers import find_outliers, without_outliers

SPEC = InputSpec("x", np.dtype("float32"), (None, 5))
FIXED = InputSpec("x", np.dtype("float32"), (4, 5))


def normal(rows: int = 64, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((rows, 5)).astype(np.float32)


def with_outlier(row: int, rows: int = 64, factor: float = 100) -> np.ndarray:
    values = normal(rows)
    values[row] *= factor
    return values


def test_it_is_named_with_its_input_its_number_and_its_size() -> None:
    data = dataset(with_outlier(40), [SPEC])
    [outlier] = find_outliers(data)
    assert (outlier.input_name, outlier.sample) == ("x", 40)
    assert outlier.ratio > 10
    assert str(outlier).startswith("sample 40 of 'x', ")


@pytest.mark.parametrize("row", [0, 7, 63])
@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_another_sample_takes_its_place(row: int, batch_size: int) -> None:
    values = with_outlier(row)
    repaired = without_outliers(dataset(values, [SPEC]))
    found = np.concatenate([b.feeds["x"] for b in repaired.batches(batch_size)])
    expected = values.copy()
    expected[row] = values[1 if row == 0 else 0]
    np.testing.assert_array_equal(found, expected)
    assert repaired.samples == 64


def test_padding_does_not_repeat_it() -> None:
    data = dataset(with_outlier(61, rows=62), [FIXED])
    last = list(without_outliers(data).batches(4))[-1]
    assert last.valid == 2
    np.testing.assert_array_equal(last.feeds["x"][1:], normal(62)[[0, 0, 0]])


def test_feeds_of_an_iterable_are_counted_through() -> None:
    values = with_outlier(40)
    data = dataset([values[:32], values[32:]], [SPEC])
    assert [outlier.sample for outlier in find_outliers(data)] == [40]


def test_other_inputs_of_the_sample_are_replaced_with_it() -> None:
    specs = [SPEC, InputSpec("k", np.dtype("int64"), (None,))]
    feeds = {"x": with_outlier(5), "k": np.arange(64)}
    repaired = without_outliers(dataset(feeds, specs))
    [batch] = repaired.batches(64)
    assert batch.feeds["k"].tolist() == [*range(5), 0, *range(6, 64)]


def test_the_warning_names_five_at_most(caplog: pytest.LogCaptureFixture) -> None:
    values = normal(400)
    values[10:20] *= 100
    with caplog.at_level(logging.WARNING):
        without_outliers(dataset(values, [SPEC]))
    assert "10 of 400 calibration samples" in caplog.text
    assert "sample 14 of 'x'" in caplog.text
    assert "sample 15" not in caplog.text


@pytest.mark.parametrize(
    "values",
    [
        with_outlier(3, factor=3),
        with_outlier(3, rows=7),
        np.exp(3 * normal(256)),
        np.zeros((20, 5), np.float32),
        np.eye(5, dtype=np.float32)[np.arange(40) % 5],
    ],
    ids=["three-times", "few", "over-decades", "zeros", "one-hot"],
)
def test_what_is_none(values: np.ndarray) -> None:
    data = dataset(values, [SPEC])
    assert find_outliers(data) == []
    assert without_outliers(data) is data


def test_integers_have_none() -> None:
    tokens = np.ones((40, 5), np.int64)
    tokens[3] = 30000
    spec = InputSpec("x", np.dtype("int64"), (None, 5))
    assert find_outliers(dataset(tokens, [spec])) == []

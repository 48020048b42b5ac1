"""The measures of a difference, and where they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.evaluation.difference import Difference
from onnx2snn.evaluation.result import Deviation


def summary(ann: object, snn: object) -> Deviation:
    found = Difference()
    found.add(np.asarray(ann), np.asarray(snn))
    return found.summary()


def test_it_is_that_of_all_feeds_together() -> None:
    rng = np.random.default_rng(0)
    parts = [(rng.normal(size=(n, 3)), rng.normal(size=(n, 3))) for n in (4, 2, 5)]
    found = Difference()
    for part in parts:
        found.add(*part)
    a, b = (np.concatenate(arrays).ravel() for arrays in zip(*parts, strict=True))
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    error = np.linalg.norm(a - b) / np.linalg.norm(a)
    assert found.cosine == pytest.approx(cosine)
    assert found.relative_error == pytest.approx(error)
    assert found.summary().largest_difference == pytest.approx(np.abs(a - b).max())
    assert found.summary().compared == 33


@pytest.mark.parametrize(
    "ann, snn, cosine, error",
    [
        (0.0, 0.0, None, 0),
        (0.0, 2.0, None, None),
        (2.0, 0.0, None, 1),
        (2.0, 2.0, 1, 0),
    ],
)
def test_zeros_have_no_angle_and_nothing_is_relative_to_them(
    ann: float, snn: float, cosine: float | None, error: float | None
) -> None:
    found = summary(np.full(4, ann), np.full(4, snn))
    assert (found.cosine, found.relative_error) == (cosine, error)
    assert found.largest_difference == abs(ann - snn)


def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    nan, inf = np.nan, np.inf
    found = summary([3.0, nan, inf, 1.0, 4.0], [3.0, nan, inf, nan, 5.0])
    assert (found.compared, found.not_compared) == (4, 1)
    assert found.relative_error == pytest.approx(1 / 5)
    assert summary([nan], [1.0]) == Deviation(None, None, None, None, 0, 1)
    assert summary([inf], [-inf]).not_compared == 1


def test_other_shapes_are_not_compared() -> None:
    found = summary(np.ones((4, 2)), np.ones((3, 2)))
    assert found == Deviation(None, None, None, None, 0, 8)
    whole = summary(np.ones((4, 2), int), np.ones((3, 2), int))
    assert whole == found  # neither 0 nor 100 % are equal


@pytest.mark.parametrize(
    "ann, snn, largest",
    [
        ([1, 2, 3, 4], [1, 2, 3, 6], 2),
        ([True, True, False, True], [True, True, False, False], None),
        (["a", "b", "c", "d"], ["a", "b", "c", "e"], None),
    ],
)
def test_what_is_the_same_or_not_is_counted(
    ann: list[object], snn: list[object], largest: float | None
) -> None:
    assert summary(ann, snn) == Deviation(None, None, largest, 75.0, 4, 0)


def test_bytes_do_not_overflow() -> None:
    assert summary(np.full(4, 200, np.uint8), np.full(4, 199, np.uint8)) == Deviation(
        None, None, 1.0, 0.0, 4, 0
    )


def test_float16_is_compared_in_full_precision() -> None:
    found = summary(np.full(1000, 300, np.float16), np.full(1000, 301, np.float16))
    assert found.relative_error == pytest.approx(1 / 300)

"""The import is compared with the original on calibration data where synthetic inputs fail."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.conversion.calibration_data import CalibrationData
from onnx2snn.data.dataset import input_specs
from onnx2snn.importing import read
from tests.models import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

PICKY = onnx.parser.parse_model(
    '<ir_version: 8, opset_import: ["" : 17]> net (float[N,4] x, int64[N,1] i) => '
    "(float[N,4] y) <int64 least = {100}, float[2,4] t = {1,2,3,4,5,6,7,8}, "
    "float[4,4] w = {1,-2,3,-4,5,-6,7,-8,2,-3,4,-5,6,-7,8,-9}> "
    "{ j = Sub (i, least)  e = GatherND (t, j)  s = Add (x, e)  h = MatMul (s, w)  a = Relu (h)  "
    "y = MatMul (a, w) }"
)
"""Its indices are 100 and 101; synthetic ones go up to 3."""
FEEDS = {"x": normal(1, 20, 4), "i": 100 + np.arange(20).reshape(20, 1) % 2}


def one_time_feeds() -> Iterator[dict[str, np.ndarray]]:
    yield {name: data[:10] for name, data in FEEDS.items()}
    yield {name: data[10:] for name, data in FEEDS.items()}


def test_it_is_not_compared_without_data(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(onnx2snn.CalibrationError, match="no synthetic inputs"),
    ):
        onnx2snn.convert(PICKY, 4)
    assert "net is not compared" in caplog.text


@pytest.mark.parametrize("is_iterator", [False, True])
def test_it_is_compared_on_the_data(
    caplog: pytest.LogCaptureFixture, *, is_iterator: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        conversion = onnx2snn.convert(
            PICKY, 4, one_time_feeds() if is_iterator else FEEDS
        )
    assert "not compared" not in caplog.text
    assert conversion.report["calibration_samples"] == 20


def test_of_events_the_ann_takes_one_step() -> None:
    specs = input_specs(read(PICKY).model)
    events = {"x": normal(1, 20, 3, 4), "i": FEEDS["i"]}
    data = CalibrationData(events, 3)
    first, *others = data.of_the_ann(specs, ["x"])
    assert first["x"].shape == (1, 4)
    np.testing.assert_array_equal(first["x"][0], events["x"][0, 0])
    assert len(others) == 19


def test_there_may_be_none() -> None:
    specs = input_specs(read(PICKY).model)
    assert list(CalibrationData(None, 3).of_the_ann(specs, ["x"])) == []
    assert CalibrationData(None, 3).read(specs, ["x"]) is None

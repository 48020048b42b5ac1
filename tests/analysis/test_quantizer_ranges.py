from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.analysis.quantizer_ranges import (
    begins_at_zero,
    common_range,
    narrow_range,
)
from onnx2snn.graph.quantizers import Quantizer
from onnx2snn.metadata.scale import QuantizerRange


def quantizer(*scale: float, zero: float = 0, block: int = 0) -> Quantizer:
    """Return a quantizer to 8 bits; of several scales, along axis 1."""
    steps = np.array(scale, np.float32)
    is_single = len(scale) == 1
    return Quantizer(
        scale=steps.reshape([]) if is_single else steps,
        zero_point=np.full([] if is_single else len(scale), zero, np.float32),
        axis=None if is_single else 1,
        block=block,
        dtype=ir.DataType.UINT8,
    )


def test_largest_of_several_limits() -> None:
    found = common_range([quantizer(0.25), quantizer(0.5, zero=55)])
    assert found is not None
    assert (found.axis, found.levels) == (None, 255)
    np.testing.assert_array_equal(found.values, [100])


def test_each_channel_has_its_limit() -> None:
    found = common_range([quantizer(0.25, 1), quantizer(0.5, 0.5)])
    assert found is not None
    assert (found.axis, found.levels) == (1, 255)
    np.testing.assert_array_equal(found.values, [0.5 * 255, 255])


@pytest.mark.parametrize(
    "quantizers",
    [[quantizer(0.5, 1), quantizer(0.25)], [quantizer(0.5, 1, block=2)]],
    ids=["other axis", "blocks"],
)
def test_channels_have_one_limit(quantizers: list[Quantizer]) -> None:
    found = common_range(quantizers)
    assert found is not None
    assert found.axis is None
    np.testing.assert_array_equal(found.values, [255])


def test_no_limit() -> None:
    assert common_range([]) is None
    assert common_range([quantizer(0.5), quantizer(0.5, zero=255)]) is None


def test_range_that_is_used() -> None:
    whole = QuantizerRange(np.array([6], np.float32), None, 240)
    assert narrow_range(whole, None) is whole
    assert narrow_range(whole, 6) is whole
    part = narrow_range(whole, 1.5)
    assert (part.values.item(), part.levels) == (1.5, 60)
    assert narrow_range(whole, 1e-3).levels == 1


def test_range_of_each_channel_stays() -> None:
    whole = QuantizerRange(np.array([6, 7], np.float32), 1, 240)
    assert narrow_range(whole, 1.5) is whole


@pytest.mark.parametrize("zero, begins", [(0, True), (2, True), (3, False)])
def test_hundredth_of_the_range_may_be_below_zero(zero: float, *, begins: bool) -> None:
    assert begins_at_zero(quantizer(0.5, zero=zero)) == begins


def test_unknown_range_does_not_begin_at_zero() -> None:
    assert not begins_at_zero(None)

"""Advice about arrays that do not fit: it is checked by following it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from onnx2snn.data.axes import axes_advice
from onnx2snn.data.dataset import InputSpec, dataset
from onnx2snn.errors import CalibrationError

N = None
TRANSPOSED = "the axes look transposed; give "
MISSING = "the axis of the samples is missing; give "
AS_MANY = "its values are as many; give "


@pytest.mark.parametrize(
    "shape, expected, words, call",
    [
        ((6, 8, 8, 3), (N, 3, 8, 8), TRANSPOSED, "data.transpose(0, 3, 1, 2)"),
        ((6, 3, 8, 8), (N, 8, 8, 3), TRANSPOSED, "data.transpose(0, 2, 3, 1)"),
        ((6, 8, 9, 3), (N, 3, N, N), TRANSPOSED, "data.transpose(0, 3, 1, 2)"),
        ((6, 8, 8, 3), (1, 3, 8, 8), TRANSPOSED, "data.transpose(0, 3, 1, 2)"),
        ((6, 9, 8, 3), (N, 3, 8, 9), TRANSPOSED, "data.transpose(0, 3, 2, 1)"),
        ((6, 4, 5, 6, 2), (N, 2, 4, 5, 6), TRANSPOSED, "data.transpose(0, 4, 1, 2, 3)"),
        ((6, 20, 3), (N, 3, N), TRANSPOSED, "data.transpose(0, 2, 1)"),
        ((4, 6), (N, 4), TRANSPOSED, "data.transpose(1, 0)"),
        ((3, 8, 8), (N, 3, 8, 8), MISSING, "data[None]"),
        ((8,), (N, 8), MISSING, "data[None]"),
        ((8, 8), (N, 1, 8, 8), MISSING, "data.reshape(1, 1, 8, 8)"),
        ((6, 8, 8), (N, 1, 8, 8), AS_MANY, "data.reshape(-1, 1, 8, 8)"),
        ((6, 8, 8), (N, 8, 8, 1), AS_MANY, "data.reshape(-1, 8, 8, 1)"),
        ((6, 192), (N, 3, 8, 8), AS_MANY, "data.reshape(-1, 3, 8, 8)"),
        ((6, 3, 8, 8), (N, 192), AS_MANY, "data.reshape(-1, 192)"),
        ((6, 8, 1), (N, 8), AS_MANY, "data.reshape(-1, 8)"),
        ((6,), (N, 1), AS_MANY, "data.reshape(-1, 1)"),
    ],
)
def test_advice(
    shape: tuple[int, ...], expected: tuple[int | None, ...], words: str, call: str
) -> None:
    assert axes_advice(shape, expected) == f": {words}{call}"
    followed = eval(call, {"data": np.zeros(shape, np.float32), "None": None})  # noqa: S307
    spec = InputSpec("image", np.dtype(np.float32), expected)
    assert dataset(followed, (spec,)).samples in {6, 1}


@pytest.mark.parametrize(
    "shape, expected",
    [
        ((6, 4, 16), (N, 8, 8)),
        ((6, 3, 16, 16), (N, 3, 8, 8)),
        ((6, 100), (N, 8)),
        ((), (N, 8)),
        ((2, 6, 8, 8, 3), (N, 3, 8, 8)),
        ((6, 3, 8, 8), (1, 3, 8, 8)),
        ((6, 1, 2, 3, 4, 5, 7), (N, 7, 1, 2, 3, 4, 5)),
    ],
)
def test_no_advice_where_nothing_is_clear(
    shape: tuple[int, ...], expected: tuple[int | None, ...]
) -> None:
    assert axes_advice(shape, expected) == ""


def test_data_with_channels_last_is_told_how_to_fit() -> None:
    spec = InputSpec("image", np.dtype(np.float32), (N, 3, 8, 8))
    message = (
        "array 'image' has shape [6, 8, 8, 3], expected [N, 3, 8, 8]: the axes look "
        "transposed; give data.transpose(0, 3, 1, 2)"
    )
    with pytest.raises(CalibrationError, match=re.escape(message)):
        dataset(np.zeros((6, 8, 8, 3), np.float32), (spec,))

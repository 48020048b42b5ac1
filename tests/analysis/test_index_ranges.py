"""Inputs that are indices into tables."""

from __future__ import annotations

import numpy as np
import pytest

import onnx2snn
from onnx2snn.analysis.index_ranges import index_ranges
from onnx2snn.testing import run_ort
from tests.models import model

TABLE = np.zeros((50, 4), np.float32)
SMALL = np.zeros((20, 4), np.float32)
OFFSET = np.array(3, np.int64)
SHAPE = np.array([-1], np.int64)


@pytest.mark.parametrize(
    "body, expected",
    [
        ("y = Gather (t, x)", (0, 50)),
        ("y = Gather <axis = 1> (t, x)", (0, 4)),
        ("c = Cast <to = 6> (x)  y = Gather (t, c)", (0, 50)),
        ("c = Reshape (x, s)  d = Add (o, c)  y = Gather (t, d)", (-3, 47)),
        ("d = Sub (x, o)  y = Gather (t, d)", (3, 53)),
        ("a = Gather (t, x)  b = Gather (u, x)  y = Add (a, b)", (0, 20)),
        ("y = OneHot (x, n, v)", (0, 7)),
    ],
)
def test_the_range_of_an_input(body: str, expected: tuple[int, int]) -> None:
    constants = {"t": TABLE, "u": SMALL, "o": OFFSET, "s": SHAPE}
    constants |= {"n": np.array(7), "v": np.array([0, 1], np.float32)}
    used = {name: data for name, data in constants.items() if f"{name}" in body}
    ann = model(f"(int64[N,5] x) => (y) {{ {body} }}", **used)
    assert index_ranges(ann) == {"x": expected}


def test_a_mask_is_no_index() -> None:
    ann = model("(int64[N,5] x) => (y) { c = Cast <to = 1> (x)  y = Relu (c) }")
    assert index_ranges(ann) == {}


def test_thresholds_without_data_see_all_tokens() -> None:
    generator = np.random.default_rng(0)
    table = generator.standard_normal((200, 16)).astype(np.float32)
    table[:2] /= 10  # padding and start: what 0 and 1 stand for says little of others
    weights = generator.standard_normal((16, 32)).astype(np.float32)
    readout = generator.standard_normal((32, 3)).astype(np.float32)
    ann = model(
        "(int64[N,5] x) => (float[N,5,3] y) { e = Gather (t, x)  h = MatMul (e, w)  a = Relu (h)"
        "  y = MatMul (a, r) }",
        t=table,
        w=weights,
        r=readout,
    )
    feeds = {"x": generator.integers(0, 200, (100, 5))}
    expected = run_ort(ann, feeds)["y"]
    snn = onnx2snn.load(onnx2snn.convert(ann, 64).model)
    error = np.linalg.norm(snn.run(feeds)["y"] - expected)
    # At 64 levels; with thresholds from tokens 0 and 1 alone, four fifths are clipped away.
    assert error < 0.05 * np.linalg.norm(expected)

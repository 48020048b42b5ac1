from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.channel_axis import channel_axis
from tests.models import model, normal

IMAGE = "float[N,4,6,7] x"
SEQUENCE = "float[N,6,4] x"
WEIGHTS = {
    "w": normal(1, 5, 4, 3, 3),
    "s": normal(2, 4, 5),
    "p": normal(3, 1, 1, 5),
    "shape": np.array([0, -1], np.int64),
    "wl": normal(4, 1, 5, 4),
    "rl": normal(5, 1, 5, 5),
}


def axis_of_y(x: str, text: str) -> int | None:
    ann = model(f"({x}) => (y) {{ {text} }}", **WEIGHTS)
    (y,) = (value for node in ann.graph for value in node.outputs if value.name == "y")
    return channel_axis(y)


@pytest.mark.parametrize(
    "x, text, axis",
    [
        (IMAGE, "y = Conv (x, w)", 1),
        (IMAGE, "y = Relu (x)", 1),
        (IMAGE, "c = Conv (x, w)  p2 = GlobalAveragePool (c)  y = Relu (p2)", 1),
        (IMAGE, "c = Conv (x, w)  y = Transpose <perm = [0, 2, 3, 1]> (c)", 3),
        (
            IMAGE,
            "c = Conv (x, w)  t = Transpose <perm = [0, 2, 3, 1]> (c)  y = Relu (t)",
            3,
        ),
        (IMAGE, "c = Conv (x, w)  y = Transpose (c)", 2),
        (IMAGE, "y = Flatten (x)", 1),
        ("float[N,4] x", "y = MatMul (x, s)", 1),
        ("float[N,4] x", "y = Gemm (x, s)", 1),
        (SEQUENCE, "y = MatMul (x, s)", 2),
        (SEQUENCE, "m = MatMul (x, s)  a = Add (m, p)  y = Relu (a)", 2),
        (SEQUENCE, "m = MatMul (x, s)  a = Add (p, m)  y = Relu (a)", 2),
        (SEQUENCE, "m = MatMul (x, s)  y = Transpose <perm = [2, 0, 1]> (m)", 0),
        ("float[6,3,4] x", "h, y = RNN <hidden_size = 5> (x, wl, rl)", 2),
        ("float[6,3,4] x", "y = RNN <hidden_size = 5> (x, wl, rl)", 3),
        ("float[4] x", "y = Relu (x)", None),
        ("float x", "y = Relu (x)", None),
        ("float[N,C] x", "y = Relu (x)", None),
        ("float[N,6,C] x", "y = Neg (x)", 1),
        (IMAGE, "c = Conv (x, w)  y = ReduceMean <axes = [2], keepdims = 0> (c)", None),
    ],
)
def test_the_axis_of_the_features(x: str, text: str, axis: int | None) -> None:
    assert axis_of_y(x, text) == axis


@pytest.mark.parametrize(
    "text, axis",
    [
        ("y = Relu (r)  z = Conv (y, w)", 1),
        ("y = Relu (r)  p2 = MaxPool <kernel_shape = [2, 2]> (y)  z = Conv (p2, w)", 1),
        ("y = Relu (r)  t = Transpose <perm = [0, 3, 1, 2]> (y)  z = Conv (t, v)", 3),
        ("y = Relu (r)  t = Transpose (y)  z = MatMul (t, s)", 0),
        ("y = Relu (r)  z = MatMul (y, m)", 3),
        ("y = Relu (r)  z = MatMul (n, y)", None),
        (
            "y = Relu (r)  k = Transpose <perm = [0, 1, 3, 2]> (r)  z = MatMul (y, k)",
            None,
        ),
        ("y = Relu (r)  q = Reshape (y, shape)  z = MatMul (q, o)", None),
        ("y = Relu (r)  z = Identity (y)", None),
    ],
)
def test_behind_a_reshape_the_weights_that_read_tell(
    text: str, axis: int | None
) -> None:
    """Neurons behind a group normalization had one threshold for all channels."""
    weights = {
        "images": np.array([4, 4, 6, 7], np.int64),
        "shape": np.array([4, -1], np.int64),
        "w": normal(1, 5, 4, 3, 3),
        "v": normal(2, 5, 7, 3, 3),
        "s": normal(3, 4, 5),
        "m": normal(4, 7, 5),
        "n": normal(5, 5, 6),
        "o": normal(6, 168, 5),
    }
    ann = model(
        f"(float[4,168] x) => (z) {{ r = Reshape (x, images)  {text} }}", **weights
    )
    (y,) = (value for node in ann.graph for value in node.outputs if value.name == "y")
    assert channel_axis(y) == axis


def test_an_unknown_shape() -> None:
    ann = model("(float[N,4] x) => (y) { h = Neg (x)  y = Relu (h) }")
    for node in ann.graph:
        node.outputs[0].shape = None
    assert channel_axis(ann.graph.outputs[0]) is None


def test_a_graph_input() -> None:
    ann = model("(float[N,4,6,7] x) => (y) { y = Relu (x) }")
    assert channel_axis(ann.graph.inputs[0]) == 1

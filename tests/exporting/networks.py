"""Small networks whose parts NIR can say, and their conversions."""

from __future__ import annotations

import numpy as np

import onnx2snn
from tests.models import model, normal

T = 12

HEAD = "(float[N,3,8,7] x) => (float[N,5] z) {"
TAIL = """
  f = Flatten (r)
  z = Gemm <transB = 1> (f, G, g)
}"""


def weights(features: int, **others: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights of the readout, and others."""
    readout = {"G": normal(1, 5, features) / 8, "g": normal(2, 5) / 8}
    return {**readout, **others}


def images(count: int = 24) -> np.ndarray:
    return normal(3, count, 3, 8, 7)


def conv(seed: int, *shape: int) -> np.ndarray:
    """Return the weights of a convolution, which keep the size of what they read."""
    return normal(seed, *shape) / np.sqrt(np.prod(shape[1:]), dtype=np.float32)


RESIDUAL = (
    HEAD
    + """
  a = Conv <pads = [1,1,1,1]> (x, A, b)
  p = Relu (a)
  c = Conv <pads = [1,1,1,1], strides = [2,2]> (p, B, c0)
  q = Relu (c)
  d = Conv <pads = [1,1,1,1]> (q, C)
  s = Slice (p, starts, ends, axes, steps)
  t = Pad (s, amounts)
  e = Add (d, t)
  r = Relu (e)
"""
    + TAIL,
    weights(
        6 * 4 * 4,
        A=conv(4, 4, 3, 3, 3),
        b=normal(5, 4) / 4,
        B=conv(6, 5, 4, 3, 3),
        c0=normal(7, 5) / 4,
        C=conv(8, 6, 5, 3, 3),
        starts=np.array([0, 0]),
        ends=np.array([99, 99]),
        axes=np.array([2, 3]),
        steps=np.array([2, 2]),
        amounts=np.array([0, 1, 0, 0, 0, 1, 0, 0]),
    ),
)
"""A block of a residual network with a shortcut of option A."""

SHAPES = {
    "grouped": (
        """
  a = Conv <pads = [1,1,1,1]> (x, A)
  p = Relu (a)
  c = Conv <group = 2, pads = [1,1,1,1]> (p, B)
  r = Relu (c)
""",
        weights(6 * 56, A=conv(4, 4, 3, 3, 3), B=conv(5, 6, 2, 3, 3)),
    ),
    "wide kernels": (
        """
  a = Conv <pads = [0,1,0,1]> (x, A)
  p = Relu (a)
  c = Conv <pads = [1,0,1,0]> (p, B)
  r = Relu (c)
""",
        weights(6 * 56, A=conv(4, 4, 3, 1, 3), B=conv(5, 6, 4, 3, 1)),
    ),
    "uneven padding": (
        """
  a = Conv <auto_pad = "SAME_UPPER", strides = [2,2]> (x, A)
  p = Relu (a)
  c = Conv <auto_pad = "SAME_UPPER"> (p, B)
  r = Relu (c)
""",
        weights(6 * 16, A=conv(4, 4, 3, 3, 3), B=conv(5, 6, 4, 2, 2)),
    ),
    "concat": (
        """
  a = Conv <pads = [1,1,1,1]> (x, A)
  p = Relu (a)
  c = Conv <pads = [1,1,1,1]> (p, B)
  q = Relu (c)
  k = Concat <axis = 1> (p, q)
  d = Conv (k, C)
  r = Relu (d)
""",
        weights(
            6 * 56,
            A=conv(4, 4, 3, 3, 3),
            B=conv(5, 5, 4, 3, 3),
            C=conv(6, 6, 9, 1, 1),
        ),
    ),
    "pools": (
        """
  a = Conv <pads = [1,1,1,1]> (x, A)
  p = Relu (a)
  m = AveragePool <kernel_shape = [2,2], strides = [2,2]> (p)
  c = Conv <pads = [1,1,1,1]> (m, B)
  q = Relu (c)
  r = GlobalAveragePool (q)
""",
        weights(6, A=conv(4, 4, 3, 3, 3), B=conv(5, 6, 4, 3, 3)),
    ),
    "padded pool": (
        """
  a = Conv (x, A)
  p = Relu (a)
  m = AveragePool <kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1],
    count_include_pad = 1> (p)
  c = Conv (m, B)
  r = Relu (c)
""",
        weights(6 * 16, A=conv(4, 4, 3, 1, 1), B=conv(5, 6, 4, 1, 1)),
    ),
    "transposed": (
        """
  a = Conv (x, A)
  p = Relu (a)
  r = Transpose <perm = [0,2,3,1]> (p)
""",
        weights(4 * 56, A=conv(4, 4, 3, 1, 1)),
    ),
    "sliced and padded": (
        """
  a = Conv (x, A)
  p = Relu (a)
  s = Slice (p, starts, ends, axes)
  c = Conv <pads = [1,1,1,1]> (s, B)
  r = Relu (c)
""",
        weights(
            6 * 20,
            A=conv(4, 4, 3, 1, 1),
            B=conv(5, 6, 4, 3, 3),
            starts=np.array([1, 2]),
            ends=np.array([6, 6]),
            axes=np.array([2, 3]),
        ),
    ),
    "dilated": (
        """
  a = Conv <pads = [2,2,2,2], dilations = [2,2]> (x, A)
  p = Relu (a)
  c = Conv <pads = [0,2,2,2], dilations = [2,2]> (p, B)
  r = Relu (c)
""",
        weights(6 * 42, A=conv(4, 4, 3, 3, 3), B=conv(5, 6, 4, 3, 3)),
    ),
}
"""Name to the nodes of a network in front of its readout, and weights."""


def network(name: str) -> onnx2snn.Conversion:
    """Return the conversion of one of ``SHAPES``, or of ``RESIDUAL``, for readers of NIR."""
    if name == "residual":
        text, arrays = RESIDUAL
    else:
        nodes, arrays = SHAPES[name]
        text = HEAD + nodes + TAIL
    return converted(text, arrays)


def converted(
    text: str, arrays: dict[str, np.ndarray], **options: object
) -> onnx2snn.Conversion:
    chosen = {"target": "nir", "corrections": "none", **options}
    return onnx2snn.convert(
        model(text, **arrays), T=T, calibration={"x": images()}, **chosen
    )

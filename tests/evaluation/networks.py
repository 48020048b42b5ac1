"""Small networks with heads of many kinds, and data for them."""

from __future__ import annotations

import functools

import numpy as np
import onnx.parser
import onnx.reference

import onnx2snn
from tests.models import normal

T = 8
X = normal(3, 40, 8)


@functools.cache
def ann(head: str, outputs: str, domains: str = '"" : 17') -> onnx.ModelProto:
    """Return a network whose ``head`` makes ``outputs`` from the hidden layer ``b`` [N, 6]."""
    rng = np.random.default_rng(0)
    text = f"""
    <ir_version: 8, opset_import: [{domains}]>
    net (float[N,8] x) => ({outputs})
    <float[8,12] A = {{{numbers(rng, 96)}}}, float[12,6] B = {{{numbers(rng, 72)}}},
     float[6,1] one = {{{numbers(rng, 6)}}}, float[6,3] three = {{{numbers(rng, 18)}}},
     float[6,18] map = {{{numbers(rng, 108)}}}, int64[4] nchw = {{-1, 2, 3, 3}},
     int64[3] classes = {{10, 20, 30}}, int64[1] first = {{0}}, int64[2] rows = {{-1, 6}},
     int64[2] column = {{-1, 1}}, float ten = {{10}},
     float zero = {{0}}, float[6] offsets = {{1, 2, 3, 4, 5, 6}},
     float[4,1,1] ramp = {{1, 2, 3, 4}}> {{
        h = MatMul (x, A)
        a = Relu (h)
        k = MatMul (a, B)
        b = Relu (k)
        {head}
    }}
    """
    return onnx.parser.parse_model(text)


def numbers(rng: np.random.Generator, count: int) -> str:
    return ", ".join(f"{value:.3f}" for value in rng.normal(size=count))


@functools.cache
def snn(head: str, outputs: str) -> onnx.ModelProto:
    """Return the same network, converted."""
    return onnx2snn.convert(ann(head, outputs), T=T, calibration=X).model


REGRESSION = "y = MatMul (b, one)", "float[N,1] y"
SIGMOID = "z = MatMul (b, one) y = Sigmoid (z)", "float[N,1] y"
LOGITS = "y = MatMul (b, three)", "float[N,3] y"
SOFTMAX = "z = MatMul (b, three) y = Softmax (z)", "float[N,3] y"
MAP = "z = MatMul (b, map) y = Reshape (z, nchw)", "float[N,2,3,3] y"
MAP_LAST = (
    "z = MatMul (b, map) w = Reshape (z, nchw) y = Transpose <perm = [0, 2, 3, 1]> (w)",
    "float[N,3,3,2] y",
)
LABEL = (
    """z = MatMul (b, three) i = ArgMax <axis = 1, keepdims = 0> (z)
    label = Gather (classes, i)""",
    "float[N,3] z, int64[N] label",
)


def outputs_of(network: onnx.ModelProto, time_steps: int | None = None) -> np.ndarray:
    """Return the first output for all samples: of an ANN, or after so many steps."""
    if time_steps is not None:
        loaded = onnx2snn.load(network)
        return loaded.run(X, time_steps)[loaded.outputs[0]]
    with np.errstate(all="ignore"):  # a Log may have what is no number
        return onnx.reference.ReferenceEvaluator(network).run(None, {"x": X})[0]

"""Test graphs: ONNX text, with weights drawn from a seeded generator."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import onnx_ir as ir

from onnx2snn.analysis.streams import find_streams
from onnx2snn.metadata.scale import SCALE, Scale
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    InferShapes,
    ReplaceActivations,
)

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def model(text: str, header: str = HEADER, **weights: np.ndarray) -> ir.Model:
    """Return the graph in ``text`` with ``weights`` as initializers and shapes inferred."""
    proto = onnx.parser.parse_model(f"{header} g {text}".replace("<>", ""))
    proto.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name) for name, array in weights.items()
    )
    parsed = ir.from_proto(proto)
    InferShapes()(parsed)
    return parsed


def normal(seed: int, *shape: int) -> np.ndarray:
    """Return float32 numbers of mean 0 and variance 1."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def positive(seed: int, *shape: int) -> np.ndarray:
    """Return float32 numbers from 0.5 to 2."""
    return np.random.default_rng(seed).uniform(0.5, 2, shape).astype(np.float32)


def dyadic(seed: int, *shape: int, unit: int = 64, limit: int = 32) -> np.ndarray:
    """Return float32 multiples of ``1 / unit`` up to ``limit`` of them: sums are exact."""
    return (
        np.random.default_rng(seed).integers(-limit, limit + 1, shape) / unit
    ).astype("f4")


def whole(seed: int, *shape: int) -> np.ndarray:
    """Return weights that int8 with one scale an output holds exactly, next to a threshold of 1/2.

    The largest weight of each output, its first axis, is 127/64.
    """
    rng = np.random.default_rng(seed)
    weights = rng.integers(-40, 41, shape)
    weights.reshape(shape[0], -1)[:, 0] = 127
    return (weights / 64).astype(np.float32)


def with_scales(
    ann: ir.Model, theta: float | Scale = 0.5, spike: str = "activations"
) -> ir.Model:
    """Note ``theta`` as the scale of every value of ``ann`` that is to become spikes."""
    streams = find_streams(ann.graph, spike=spike)
    scale = (
        theta if isinstance(theta, Scale) else Scale(np.float32([theta]), None, "graph")
    )
    for value in (*streams.fired, *streams.weight_inputs):
        SCALE.write(value, scale)
    return ann


def single_step_graph(
    ann: ir.Model, theta: float | Scale = 0.5, neuron: str = "gated"
) -> ir.Model:
    """Make ``ann`` a single-step graph, with ``theta`` for every threshold."""
    with_scales(ann, theta)
    ReplaceActivations(neuron)(ann)
    CarryRunningMeans()(ann)
    return ann


def emitted(
    ann: ir.Model,
    time_steps: int = 8,
    theta: float | Scale = 0.5,
    neuron: str = "gated",
) -> onnx.ModelProto:
    """Return the spiking network of ``ann``, with ``theta`` for every threshold."""
    snn = single_step_graph(ann, theta, neuron)
    EmitTimeLoop(time_steps)(snn)
    AttachFunctions()(snn)
    return ir.to_proto(snn)


CLASSIFIER_X = dyadic(1, 3, 2, 6, 5, unit=16)
CLASSIFIER_WEIGHTS = {
    "w": dyadic(2, 4, 2, 3, 3),
    "b": dyadic(3, 4),
    "u": dyadic(4, 3, 4, 2, 2),
    "d": dyadic(5, 3),
    "f": dyadic(6, 3, 5),
    "e": dyadic(7, 5),
}
CLASSIFIER = (
    "(float[N,2,6,5] x) => (float[N,5] y, float[N,5] p) { c = Conv (x, w, b)  a = Relu (c)  "
    "g = Conv (a, u, d)  r = Relu (g)  m = GlobalAveragePool (r)  q = Flatten (m)  "
    "y = Gemm (q, f, e)  p = Softmax (y) }"
)
"""Two layers of neurons on images, then a readout; its weights and inputs are dyadic."""

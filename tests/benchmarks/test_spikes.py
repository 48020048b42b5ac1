"""Counting spikes, against a simulation of each neuron written from its equation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx.numpy_helper
import onnx.parser
import pytest

import onnx2snn
from benchmarks.spikes import spikes_per_neuron

if TYPE_CHECKING:
    from collections.abc import Callable

    from onnx2snn.conversion.convert import Conversion

    Step = Callable[[np.ndarray, np.ndarray, float], np.ndarray]

NET = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,3] x) => (float[N,2] y)
<float[3,4] a = {1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125, 0.75, -0.5, 0.25, 1.0},
 float[4,3] b = {1.0, -0.5, 0.25, 1.0, -1.0, -1.0, 0.5, 0.75, -0.25, 0.5, 1.0, 0.25},
 float[3,2] c = {1.0, -0.5, 0.25, 1.0, 0.5, 0.25}> {
    h = MatMul (x, a)
    r = Relu (h)
    i = MatMul (r, b)
    s = Relu (i)
    y = MatMul (s, c)
}
"""
T = 8


def converted(**options: str) -> Conversion:
    # inputs whose largest activations are dyadic, so that thresholds are and no sum is rounded
    typical = np.array([[1, 1, 1], [1, -1, 0.5]], np.float32)
    net = onnx.parser.parse_model(NET)
    return onnx2snn.convert(net, T=T, calibration=typical, method="opi", **options)


def plain(h: np.ndarray, count: np.ndarray, theta: float) -> np.ndarray:
    del count
    return np.where(h >= theta, 1.0, 0.0)


def gated(h: np.ndarray, count: np.ndarray, theta: float) -> np.ndarray:
    return np.where(h >= theta, 1.0, np.where((h < 0) & (count > 0), -1.0, 0.0))


def augmented(h: np.ndarray, count: np.ndarray, theta: float) -> np.ndarray:
    return np.clip(np.floor(h / theta), -np.minimum(count, 4), 4)


def simulated(x: np.ndarray, thetas: list[float], step: Step) -> float:
    """Return the mean number of spikes of a neuron in lockstep, from half a threshold on."""
    net = onnx.parser.parse_model(NET)
    a, b, _ = (onnx.numpy_helper.to_array(tensor) for tensor in net.graph.initializer)
    shapes = [(len(x), 4), (len(x), 3)]
    v = [np.full(shape, theta / 2) for shape, theta in zip(shapes, thetas, strict=True)]
    counts = [np.zeros(shape) for shape in shapes]
    total = 0.0
    for _ in range(T):
        current = x @ a
        for layer, (theta, weight) in enumerate(zip(thetas, (b, None), strict=True)):
            h = v[layer] + current
            spike = step(h, counts[layer], theta)
            v[layer] = h - theta * spike
            counts[layer] += spike
            total += np.abs(spike).sum()
            current = None if weight is None else theta * spike @ weight
    return float(total / (7 * len(x)))


@pytest.mark.parametrize(
    "neuron, step", [("if", plain), ("gated", gated), ("augmented", augmented)]
)
def test_counts_are_those_of_the_equations(neuron: str, step: Step) -> None:
    x = np.random.default_rng(0).integers(-16, 17, (40, 3)).astype(np.float32) / 16
    conversion = converted(neuron=neuron)
    thetas = [layer["v_threshold_max"] for layer in conversion.report["layers"]]
    assert all(float(theta * 64).is_integer() for theta in thetas)
    found = spikes_per_neuron(conversion.model, {"x": x}, threads=1)
    assert found == pytest.approx(simulated(x, thetas, step), rel=1e-6)
    assert found > 0.5


def test_a_layer_that_fires_alone_is_counted() -> None:
    x = np.random.default_rng(1).integers(-16, 17, (40, 3)).astype(np.float32) / 16
    conversion = converted(schedule="layerwise", collapse=False)
    net = onnx.parser.parse_model(NET)
    a, b, _ = (onnx.numpy_helper.to_array(tensor) for tensor in net.graph.initializer)
    one, two = (layer["v_threshold_max"] for layer in conversion.report["layers"])
    first = np.clip(np.floor(x @ a * T / one + 0.5), 0, T)
    second = np.clip(np.floor((first * one / T) @ b * T / two + 0.5), 0, T)
    found = spikes_per_neuron(conversion.model, {"x": x}, threads=1)
    assert found == pytest.approx((first.sum() + second.sum()) / (7 * len(x)), rel=1e-6)


@pytest.mark.parametrize("schedule", ["lockstep", "staggered"])
def test_counts_are_the_same_with_time_in_the_batch(schedule: str) -> None:
    x = np.random.default_rng(2).integers(-16, 17, (40, 3)).astype(np.float32) / 16
    found = [
        spikes_per_neuron(converted(schedule=schedule, layout=layout).model, {"x": x})
        for layout in ("loop", "multistep")
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert found[0] > 0.5

"""Each method against a small implementation of its equations, ``tests/oracle.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.methods.published import METHODS
from onnx2snn.ops.augmented_if import AUGMENTED_IF
from onnx2snn.runtime import RUNTIMES
from onnx2snn.schedules import time_loops
from tests import oracle
from tests.models import dyadic, model, normal
from tests.oracle import Convolution, Neurons

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.methods.method import Method

T = 4
TEXT = (
    "(float[N,3,7] x) => (y) { c = Conv <pads = [1, 1]> (x, w1, b1)  a1 = Relu (c)  "
    "d = Conv <pads = [1, 1]> (a1, w2, b2)  a2 = Relu (d)  y = Conv (a2, w3, b3) }"
)
SHAPES = {
    "w1": (5, 3, 3),
    "b1": (5,),
    "w2": (4, 5, 3),
    "b2": (4,),
    "w3": (2, 4, 1),
    "b3": (2,),
}
EACH_METHOD = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def is_exact(method: Method) -> bool:
    """Whether no sum is rounded: thresholds are sums of dyadic numbers, and nothing is divided."""
    return method.threshold == "max"


def weights(method: Method) -> dict[str, np.ndarray]:
    if is_exact(method):
        return {name: dyadic(i, *shape, unit=8, limit=6)
                for i, (name, shape) in enumerate(SHAPES.items())}  # fmt: skip
    return {
        name: normal(i, *shape) / 2 for i, (name, shape) in enumerate(SHAPES.items())
    }


def images(method: Method, seed: int, samples: int) -> np.ndarray:
    if is_exact(method):
        return dyadic(seed, samples, 3, 7, unit=16)
    return normal(seed, samples, 3, 7)


def layers(method: Method) -> list[Convolution]:
    found = weights(method)
    return [Convolution(found[f"w{i}"], found[f"b{i}"]) for i in (1, 2, 3)]


def converted(method: Method, x: np.ndarray, **options: object) -> onnx2snn.Conversion:
    ann = model(TEXT, **weights(method))
    return onnx2snn.convert(ann, T, {"x": x}, method=method, hold_out=False, **options)


def constants(snn: ir.Model) -> dict[str, np.ndarray]:
    """Return the constants of a network, in its loops too, by name."""
    graphs = [
        snn.graph,
        *(loop.attributes["body"].as_graph() for loop in time_loops(snn.graph)),
    ]
    return {
        name: value.const_value.numpy().astype(float)
        for graph in graphs
        for name, value in graph.initializers.items()
        if value.const_value is not None
    }


def thresholds(snn: ir.Model) -> list[np.ndarray]:
    """Return the threshold of each layer, per channel or for all of them."""
    found = constants(snn)
    return [found[f"a{i}.v_threshold"][0] for i in (1, 2)]


def most_spikes(method: Method) -> int:
    return method.max_spikes if method.neuron == "augmented" else 1


@EACH_METHOD
def test_thresholds(method: Method) -> None:
    x = images(method, 7, 4000)  # so many that no threshold is drawn toward the others
    found = thresholds(converted(method, x, corrections=("none",)).ir_model)
    levels = method.levels(T)
    for theta, z in zip(found, oracle.activations(layers(method), x), strict=False):
        a = np.maximum(z, 0)
        rows = a.swapaxes(0, 1).reshape(a.shape[1] if method.per_channel else 1, -1)
        values = theta.ravel() * most_spikes(method)
        wanted = oracle.threshold(method.threshold, rows, levels)
        assert values.shape == wanted.shape
        if is_exact(method):
            np.testing.assert_array_equal(values, wanted)
        elif method.threshold == "mse":
            found_error, least_error = [
                oracle.expected_error(rows, t, levels) for t in (values, wanted)
            ]
            # The search goes on in finer steps, so it is no worse; but it takes values to be
            # spread evenly in a bin of the histogram, a part in a thousand of the largest.
            assert (found_error < 1.001 * least_error).all()
        else:  # a bin of the histogram, of which there are 2048 up to the next power of two
            np.testing.assert_allclose(values, wanted, atol=2 * rows.max() / 2048)


@EACH_METHOD
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_outputs(method: Method, runtime: str) -> None:
    calibration, x = images(method, 7, 200), images(method, 8, 20)
    plain = converted(method, calibration, corrections=("none",))
    most = most_spikes(method)
    neurons = [
        Neurons(method.neuron, T, theta * most, method.v_init, most)
        for theta in thresholds(plain.ir_model)
    ]
    if method.schedule == "staggered":
        for each in neurons:
            each.leak = method.leak
        neurons[1].waits = 1  # the input of the first is there from the beginning
    corrected = layers(method)
    if method.corrections:
        corrected = oracle.spiking(corrected, neurons, method.corrections, calibration)
    wanted = oracle.output(corrected, neurons, x)
    y = onnx2snn.load(converted(method, calibration).model, runtime).run({"x": x})["y"]
    uncorrected = onnx2snn.load(plain.model, runtime).run({"x": x})["y"]
    assert (y == uncorrected).all() == (not method.corrections)
    if is_exact(method):
        np.testing.assert_array_equal(y, wanted)
        return
    # float32 against float64: no potential is so near to a threshold that rounding decides
    assert min(neuron.nearest for neuron in neurons) > 1e-6
    np.testing.assert_allclose(y, wanted, atol=2e-5)


def test_the_biases_of_the_steps() -> None:
    """A little more or less of a bias changes no spike of a few samples: here is the table."""
    method = METHODS["ftbc"]
    x = images(method, 7, 200)
    base = thresholds(converted(method, x, corrections=("none",)).ir_model)
    neurons = [Neurons(method.neuron, T, theta, method.v_init) for theta in base]
    oracle.spiking(layers(method), neurons, method.corrections, x)
    found = constants(converted(method, x).ir_model)
    for name, neuron in zip(("a1", "a2"), neurons, strict=True):
        np.testing.assert_allclose(found[f"{name}.biases"], neuron.bias, atol=1e-5)


@pytest.mark.parametrize("sent_before", [0, 3, 40])
def test_the_count_of_h_mt_is_greedy_over_its_thresholds(sent_before: int) -> None:
    """Down, a threshold of n units is taken back where more than n - 1 of them are owed."""
    method, unit = METHODS["h-mt"], 0.5
    assert NEURONS[method.neuron].operators == (AUGMENTED_IF.name,)
    v, current = np.float64(0.125), np.arange(-20, 20, 0.0625)
    left, wanted = v + current, np.zeros_like(current)
    rises = left > 0
    for n in (8, 4, 2, 1):
        up = rises & (left >= n * unit)
        down = ~rises & (left < -(n - 1) * unit) & (sent_before + wanted >= n)
        change = n * (up * 1.0 - down)
        left, wanted = left - change * unit, wanted + change
    most, count = np.float64(method.max_spikes), np.float64(sent_before)
    sent, v_next, _ = AUGMENTED_IF.step(current, v, count, np.float64(unit), most)
    np.testing.assert_array_equal(sent, wanted)
    np.testing.assert_array_equal(v_next, left)

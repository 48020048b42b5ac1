"""What neurons do in every step, recorded beside the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn import OptionError
from onnx2snn.ops import ALL_OPS
from tests.models import dyadic, model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

T = 6
X = dyadic(1, 5, 3, unit=16)
TEXT = (
    "(float[N,3] x) => (float[N,2] y, float[N,4] b) {"
    " h = MatMul (x, w)  [first] a = Relu (h)  g = MatMul (a, v)  [second] b = Relu (g)"
    " y = MatMul (b, u) }"
)


def ann() -> ir.Model:
    return model(TEXT, w=dyadic(2, 3, 6), v=dyadic(3, 6, 4), u=dyadic(4, 4, 2))


def converted(**options: object) -> onnx2snn.Conversion:
    data = normal(5, 64, 3)
    return onnx2snn.convert(ann(), T, data, corrections=(), **options)


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_spikes_and_potentials_follow_from_the_currents(runtime: str) -> None:
    network = onnx2snn.load(converted(), runtime)
    found = network.run(X, record=["current", "spikes", "potential"])
    np.testing.assert_array_equal(found["y"], network.run(X)["y"])
    assert list(found.layers) == ["first", "second"]
    step = ALL_OPS["GatedDoubleThresholdIF"].step
    for layer in found.layers.values():
        theta = layer.threshold
        v = np.broadcast_to(theta / 2, layer.current[0].shape)
        count = np.zeros_like(layer.current[0])
        for current, spikes, potential in zip(
            layer.current, layer.spikes, layer.potential, strict=True
        ):
            expected, v, count = step(current, v, count, theta, np.float32(0))
            np.testing.assert_array_equal(spikes, expected)
            np.testing.assert_array_equal(potential, v)
        assert layer.spikes.any()
    # The second activation is an output: the mean of its spikes, each of them a threshold.
    second = found.layers["second"]
    assert second.activation == "b"
    mean = (second.spikes * second.threshold).mean(axis=0)
    np.testing.assert_allclose(found["b"], mean, rtol=1e-6)


def test_one_layer_one_quantity_and_another_number_of_steps() -> None:
    network = onnx2snn.load(converted())
    found = network.run(X, T=9, record="spikes", layers=["second"])
    assert list(found.layers) == ["second"]
    layer = found.layers["second"]
    assert layer.spikes.shape == (9, 5, 4)
    assert layer.potential is None
    assert layer.current is None


def test_without_record_nothing_is_recorded() -> None:
    found = onnx2snn.load(converted()).run(X)
    assert found.layers == {}
    assert set(found) == {"y", "b"}


def test_a_spike_stands_for_the_same_where_thresholds_are_folded() -> None:
    plain, folded = (
        onnx2snn.load(converted(fold_thresholds=fold)).run(X, record="spikes")
        for fold in (False, True)
    )
    for name, layer in plain.layers.items():
        np.testing.assert_array_equal(folded.layers[name].spikes, layer.spikes)
        np.testing.assert_allclose(
            np.broadcast_to(folded.layers[name].threshold, layer.spikes[0].shape),
            np.broadcast_to(layer.threshold, layer.spikes[0].shape),
            rtol=1e-6,
        )


def test_layers_that_wait_are_recorded_in_every_step_of_the_loop() -> None:
    network = onnx2snn.load(converted(schedule="staggered"))
    found = network.run(X, record="spikes")
    spikes = found.layers["second"].spikes
    assert len(spikes) == network.latency_steps(T) > T
    # It waits for one step of what the first layer, which waits for none or one, sends.
    assert not spikes[0].any()
    assert spikes.any()


def test_names_that_there_are_not() -> None:
    network = onnx2snn.load(converted())
    with pytest.raises(OptionError, match=r"no layer of neurons 'sceond'.*'second'"):
        network.run(X, record="spikes", layers="sceond")
    with pytest.raises(OptionError, match="'voltage' cannot be recorded; choose from"):
        network.run(X, record="voltage")
    with pytest.raises(OptionError, match="say with 'record'"):
        network.run(X, layers="second")


@pytest.mark.parametrize("option", [{"layout": "multistep"}, {"schedule": "layerwise"}])
def test_where_there_is_no_loop_of_all_layers(option: dict[str, str]) -> None:
    network = onnx2snn.load(converted(**option))
    with pytest.raises(OptionError, match="nothing to record"):
        network.run(X, record="spikes")

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.correction import layer as layer_module
from onnx2snn.correction.corrections import balance_threshold, scale_threshold
from onnx2snn.correction.grid import Grid
from onnx2snn.correction.layer import Layer, Sample
from onnx2snn.correction.mean_spikes import mean_over_steps
from onnx2snn.graph import array
from onnx2snn.metadata.scale import Scale
from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import ReplaceActivations
from tests.models import dyadic, model, normal, with_scales

T = 8
THETA = np.float32([0.5, 1, 2])
FACTOR = np.float32([1, 2, 0.5]).reshape(1, 3)


def layer(neuron: str, activation: str = "Sigmoid", v_init: float = 0.5) -> Layer:
    """Return the layer of a network of one activation; a Sigmoid has a signed neuron."""
    ann = model(f"(float[N,3] x) => (y) {{ h = Neg (x)  y = {activation} (h) }}")
    with_scales(ann, Scale(THETA, 1, "graph"))
    ReplaceActivations(neuron, v_init)(ann)
    (found,) = [node for node in ann.graph if is_neuron(node)]
    return Layer.read(found, T, rank=2)


def written(part: Layer) -> dict[str, np.ndarray]:
    """Return the thresholds in the graph."""
    values = zip(part.op.inputs, part.neuron.inputs, strict=True)
    return {
        name: array(value) for name, value in values if name.startswith("v_threshold")
    }


@pytest.mark.parametrize("neuron", ["gated", "if", "augmented"])
@pytest.mark.parametrize("activation", ["Relu", "Sigmoid"])
def test_scaling_a_layer_scales_all_that_it_sends(neuron: str, activation: str) -> None:
    """A neuron with all in another unit does the same: thresholds, potential and current."""
    before, after = layer(neuron, activation), layer(neuron, activation)
    after.scale(FACTOR)
    current = dyadic(1, T, 40, 3, unit=16, limit=48)
    expected = before.spikes(current)
    np.testing.assert_array_equal(after.spikes(current * FACTOR), expected)
    if activation == "Sigmoid":
        assert (expected < 0).any()
    np.testing.assert_array_equal(
        after.mean_output(current * FACTOR), before.mean_output(current) * FACTOR
    )


def test_both_thresholds_of_a_signed_neuron_are_written() -> None:
    signed = layer("if")
    signed.scale(FACTOR)
    signed.write()
    found = written(signed)
    assert list(found) == ["v_threshold", "v_threshold_negative"]
    for values in found.values():
        np.testing.assert_array_equal(values, THETA.reshape(1, 3) * FACTOR)


def test_threshold_scaling_of_a_signed_neuron_is_the_same_on_both_sides() -> None:
    """Bursts of twice the threshold, of either sign, need twice the threshold."""
    signed = layer("if")
    burst = np.zeros((T, 16, 3), np.float32)
    amount = np.linspace(-1, 1, 16, dtype=np.float32)[:, None] * 2 * THETA
    burst[T // 2 :] = 2 * amount
    signed.samples = [Sample(burst, amount)]
    scale_threshold(signed)
    factor = signed.v_threshold / THETA.reshape(1, 3)
    assert (factor > 1).all()
    np.testing.assert_allclose(
        signed.other_inputs["v_threshold_negative"], signed.v_threshold
    )


def test_the_largest_current_is_one_for_the_layer_with_its_bias() -> None:
    plain = layer("if", "Relu", v_init=0.25)
    current = dyadic(2, T, 10, 3, unit=16)
    plain.bias = np.float32([[4, 0, 0]])
    plain.samples = [Sample(current[:, :5], None), Sample(current[:, 5:], None)]
    balance_threshold(plain)
    largest = max(current[..., 0].max() + 4, current[..., 1:].max())
    np.testing.assert_array_equal(plain.v_threshold, np.full((1, 3), largest))
    np.testing.assert_array_equal(plain.v_init, plain.v_threshold / 4)


def test_of_a_signed_neuron_the_largest_magnitude_counts() -> None:
    signed = layer("if")
    signed.signed = True
    current = np.full((T, 1, 3), [0.25, -0.75, 0.5], np.float32)
    signed.samples = [Sample(current, None)]
    balance_threshold(signed)
    np.testing.assert_array_equal(signed.v_threshold, np.full((1, 3), 0.75))
    signed.signed = False
    balance_threshold(signed)
    np.testing.assert_array_equal(signed.v_threshold, np.full((1, 3), 0.5))


def test_a_limit_of_the_activation_and_several_spikes_at_once_bound_the_threshold() -> (
    None
):
    augmented = layer("augmented", "Relu")
    augmented.samples = [Sample(np.full((T, 1, 3), 6, np.float32), None)]
    balance_threshold(augmented)
    np.testing.assert_array_equal(augmented.v_threshold, np.full((1, 3), 6 / 4))
    augmented.bound = 2.0
    balance_threshold(augmented)
    np.testing.assert_array_equal(augmented.v_threshold, np.full((1, 3), 2 / 4))


def test_features_of_a_sequence_are_not_thinned() -> None:
    one = layer("gated", "Relu")
    one.v_threshold = np.ones((1, 1, 1), np.float32)
    one.channel_axis = 2
    whole = Sample(normal(1, T, 4, 20, 30), normal(2, 4, 20, 30))
    assert one.thinned(whole, Grid(5)).target.shape == (4, 5, 30)
    one.channel_axis = None
    assert one.thinned(whole, Grid(5)).current.shape == (T, 4, 20, 5)


def test_thresholds_stay_where_no_current_is_above_zero() -> None:
    plain = layer("if", "Relu")
    plain.samples = [Sample(-np.ones((T, 4, 3), np.float32), None)]
    balance_threshold(plain)
    np.testing.assert_array_equal(plain.v_threshold, THETA.reshape(1, 3))


@pytest.mark.parametrize("bias_steps", [0, T], ids=["one bias", "bias a step"])
@pytest.mark.parametrize("varies", [True, False], ids=["stream", "constant"])
@pytest.mark.parametrize("neuron", ["gated", "if", "augmented", "hard-reset"])
def test_a_layer_sends_the_same_with_and_without_the_native_library(
    neuron: str, bias_steps: int, monkeypatch: pytest.MonkeyPatch, *, varies: bool
) -> None:
    part = layer(neuron)
    shape = (bias_steps, 1, 3) if bias_steps else (1, 3)
    part.bias = dyadic(5, *shape, unit=16)
    current = dyadic(6, T, 40, 3, unit=16, limit=48)
    if not varies:
        current = current[0]
    found = part.spikes(current)
    monkeypatch.setattr(layer_module, "native_firing", lambda _: None)
    expected = part.spikes(current)
    assert expected.any()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("time_steps", [1, 7, 300])
def test_the_mean_of_spikes_has_the_bits_of_numpys(time_steps: int) -> None:
    rng = np.random.default_rng(time_steps)
    spikes = rng.integers(-128, 128, (time_steps, 4, 5)).astype(np.int8)
    expected = spikes.mean(axis=0, dtype=np.float32)
    np.testing.assert_array_equal(
        mean_over_steps(spikes, np.dtype("f4"), SpikeWeights()), expected
    )

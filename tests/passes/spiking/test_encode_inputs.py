from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.metadata.input_coding import RATE, Coding, write_coding
from onnx2snn.ops import DOMAIN
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    ChooseInputCoding,
    EmitTimeLoop,
    EncodeInputs,
    ReplaceActivations,
)
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model, with_scales

MODULUS = 2**31 - 1
ONE = "(float[N,4] x) => (float[N,4] y) { h = Neg (x)  y = Relu (h) }"
STATE = "x.generator"


def encoded(
    text: str, seed: int = 0, magnitude: float = 1.0, **weights: np.ndarray
) -> tuple[ir.Model, ir.passes.PassResult]:
    """Return the single-step graph of a network whose real inputs are rate coded."""
    ann = with_scales(model(text, **weights))
    for value in ann.graph.inputs:
        if value.dtype in {ir.DataType.FLOAT, ir.DataType.FLOAT16}:
            write_coding(value, Coding(RATE, magnitude))
    ReplaceActivations()(ann)
    return ann, EncodeInputs(seed)(ann)


def emitted(snn: ir.Model, time_steps: int, *every_step: str) -> onnx.ModelProto:
    """Return the loop, with the values named as further outputs of all steps."""
    CarryRunningMeans()(snn)
    values = {value.name: value for node in snn.graph for value in node.outputs}
    snn.graph.outputs.extend(values[name] for name in every_step)
    EmitTimeLoop(time_steps, every_step=every_step)(snn)
    AttachFunctions()(snn)
    proto = ir.to_proto(snn)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def spikes(
    x: np.ndarray, time_steps: int, seed: int = 0, magnitude: float = 1.0
) -> np.ndarray:
    """Return the spikes of a network's input, [T, ...]."""
    shape = ",".join(["N", *map(str, x.shape[1:])])
    text = f"(float[{shape}] x) => (float[{shape}] y) {{ h = Neg (x)  y = Relu (h) }}"
    proto = emitted(encoded(text, seed, magnitude)[0], time_steps, "x.spike")
    return run_ort(proto, {"x": x})["x.spike"]


def first_states(count: int, seed: int, position: int = 0) -> np.ndarray:
    """Return what the docstring of the pass says, in integers of any size."""
    b, c = (
        int(s)
        for s in np.random.SeedSequence([seed, position]).generate_state(2) % MODULUS
    )
    mixed = (pow(pow(48271 * i + b, 5, MODULUS) + c, 5, MODULUS) for i in range(count))
    return np.array([max(1, state) for state in mixed])


@pytest.mark.parametrize("seed", [0, 7])
def test_the_states_start_as_the_docstring_says(seed: int) -> None:
    snn, _ = encoded(ONE, seed)
    encoder = next(node for node in snn.graph if node.op_type == "BernoulliEncoder")
    start = encoder.inputs[1]
    assert start is not None
    graph = ir.convenience.extract(snn.graph, [snn.graph.inputs[0]], [start])
    found = run_ort(ir.Model(graph, ir_version=8), {"x": np.zeros((3, 4), np.float32)})
    np.testing.assert_array_equal(found[start.name].ravel(), first_states(12, seed))


def test_states_of_many_elements_are_all_different() -> None:
    states = first_states(20_000, 0)
    assert len(set(states.tolist())) == states.size
    assert states.min() >= 1
    assert states.max() < MODULUS


def test_neighbors_have_nothing_in_common() -> None:
    size, time_steps = 32, 256
    image = np.full((2, 3, size, size), 0.5, np.float32)
    found = spikes(image, time_steps) - 0.5
    for axis in range(1, 5):  # samples, channels, rows, columns
        length = found.shape[axis]
        for lag in {1, 2, length - 1} & set(range(1, length)):
            here = np.arange(length - lag)
            pairs = found.take(here, axis) * found.take(here + lag, axis)
            assert abs(pairs.mean()) / 0.25 < 4 / np.sqrt(pairs.size), (axis, lag)
    # The worst of many pairs of elements, not only the mean: 5 standard errors of one pair.
    flat = found.reshape(time_steps, -1)
    neighbors = (flat[:, :-1] * flat[:, 1:]).mean(axis=0) / 0.25
    assert np.abs(neighbors).max() < 5 / np.sqrt(time_steps)


def test_an_image_of_spikes_has_the_mean_of_the_image() -> None:
    x = dyadic(3, 2, 3, 8, 8)
    magnitude, time_steps = 0.5, 512
    found = magnitude * spikes(x, time_steps, magnitude=magnitude).mean(axis=0)
    deviation = np.sqrt(np.abs(x) * (magnitude - np.abs(x)) / time_steps)
    assert (np.abs(found - x) <= 5 * deviation).all()
    assert (found[np.abs(x) == magnitude] == x[np.abs(x) == magnitude]).all()


def test_the_same_seed_gives_the_same_spikes_and_another_gives_others() -> None:
    x = dyadic(3, 2, 40)
    first = spikes(x, 8, seed=3)
    np.testing.assert_array_equal(first, spikes(x, 8, seed=3))
    assert np.mean(first != spikes(x, 8, seed=4)) > 0.1


def test_runtimes_agree_to_the_last_bit() -> None:
    text = "(float[N,4] x) => (float[N,3] y) { h = Gemm (x, w, b)  a = Relu (h)  y = Gemm (a, v) }"
    weights = {"w": dyadic(1, 4, 5), "b": dyadic(2, 5), "v": dyadic(3, 5, 3)}
    proto = emitted(encoded(text, magnitude=0.5, **weights)[0], 16, "x.spike")
    x = {"x": dyadic(4, 6, 4)}
    ours, theirs = run_ort(proto, x), run_reference(proto, x)
    np.testing.assert_array_equal(ours["y"], theirs["y"])
    joined = theirs["x.spike"]  # onnx's evaluator joins the steps along axis 0
    np.testing.assert_array_equal(
        ours["x.spike"], joined.reshape(ours["x.spike"].shape)
    )
    assert set(np.unique(ours["x.spike"])) == {-1, 0, 1}


def test_inputs_have_random_numbers_of_their_own() -> None:
    text = "(float[N,40] a, float[N,40] b) => (float[N,40] y) { h = Add (a, b)  y = Relu (h) }"
    proto = emitted(encoded(text)[0], 4, "a.spike", "b.spike")
    x = np.full((2, 40), 0.5, np.float32)
    found = run_ort(proto, {"a": x, "b": x})
    assert np.mean(found["a.spike"] != found["b.spike"]) > 0.25


def test_what_reads_the_shape_is_not_given_spikes() -> None:
    snn, _ = encoded(
        "(float[N,M] x) => (float[?,?] y, int64[2] s) { s = Shape (x)  h = Reshape (x, s)  "
        "y = Relu (h) }"
    )
    shape = next(node for node in snn.graph if node.outputs[0].name == "s")
    assert shape.inputs[0] is snn.graph.inputs[0]


def test_a_half_precision_input_is_encoded_behind_its_cast() -> None:
    snn, _ = encoded(
        "(float16[N,4] x) => (float[N,4] y) { h = Cast <to = 1> (x)  y = Relu (h) }"
    )
    encoder = next(node for node in snn.graph if node.op_type == "BernoulliEncoder")
    assert encoder.inputs[0] is not None
    assert encoder.inputs[0].name == "h"


def test_behind_the_encoder_all_is_spikes() -> None:
    snn, _ = encoded("(float[N,4] x) => (float[N,3] y) { h = Gemm (x, w)  y = Relu (h) }",
                     w=dyadic(1, 4, 3))  # fmt: skip
    streams = find_streams(snn.graph)
    kinds = {
        node.op_type: classification.kind
        for node, classification in streams.classifications.items()
    }
    assert kinds["BernoulliEncoder"] is NodeKind.SPIKING
    assert kinds["Gemm"] is NodeKind.LINEAR
    assert streams.is_spike_driven(
        next(node for node in snn.graph if node.op_type == "Gemm")
    )


def test_a_second_run_and_a_network_without_rate_coding() -> None:
    snn, result = encoded(ONE)
    assert result.modified
    assert snn.opset_imports[DOMAIN] == 1
    assert not EncodeInputs()(snn).modified
    ann = model(ONE)
    ChooseInputCoding(events=("x",))(ann)
    assert not EncodeInputs()(ann).modified

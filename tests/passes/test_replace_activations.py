from __future__ import annotations

import json

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx_ir.passes import PreconditionError

from onnx2snn.ops import ALL_OPS
from onnx2snn.passes import AttachFunctions, ReplaceActivations
from onnx2snn.scale import Scale
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model, normal, with_scales

THETAS = np.array([0.25, 0.5, 2], np.float32)
X = dyadic(1, 2, 3, 4, 5, unit=16, limit=48)


def layer(node: str = "Relu (h)", scale: Scale | None = None) -> ir.Model:
    ann = model(
        f"(float[N,3,4,5] x) => (float[N,3,4,5] y) {{ h = Neg (x)  y = {node} }}",
        low=np.zeros((), np.float32),
        high=np.array(0.75, np.float32),
    )
    (scale or Scale(THETAS, 1, "calibration")).write(ann.graph.node(1))
    return ann


def first_step(snn: ir.Model, **feeds: np.ndarray) -> np.ndarray:
    """Return ``y`` of the first step, the same in both oracles."""
    AttachFunctions()(snn)
    onnx.checker.check_model(ir.to_proto(snn), full_check=True)
    y = run_ort(snn, feeds)["y"]
    np.testing.assert_array_equal(y, run_reference(snn, feeds)["y"])
    return y


@pytest.mark.parametrize("neuron", ["gated", "if"])
@pytest.mark.parametrize("v_init", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("node", ["Relu (h)", "Clip (h, low, high)"])
def test_the_first_step_of_each_channel(node: str, v_init: float, neuron: str) -> None:
    snn = layer(node)
    assert ReplaceActivations(neuron, v_init)(snn).modified
    theta = THETAS.reshape(3, 1, 1)
    # from v_init * theta, a neuron fires if the current covers the rest; none can take back
    np.testing.assert_array_equal(first_step(snn, x=X), theta * ((1 - v_init) * theta <= -X))


def test_a_threshold_for_the_whole_tensor() -> None:
    snn = layer(scale=Scale(np.array([0.75], np.float32), None, "graph"))
    ReplaceActivations()(snn)
    np.testing.assert_array_equal(first_step(snn, x=X), 0.75 * (-X >= 0.375))


def test_channels_along_the_last_axis() -> None:
    snn = layer(scale=Scale(np.array([1, 2, 3, 4, 5], np.float32) / 4, 3, "graph"))
    ReplaceActivations()(snn)
    theta = np.arange(1, 6, dtype=np.float32) / 4
    np.testing.assert_array_equal(first_step(snn, x=X), theta * (theta / 2 <= -X))


def test_doubles() -> None:
    ann = model("(double[N,3] x) => (double[N,3] y) { y = Relu (x) }")
    ReplaceActivations()(with_scales(ann, 0.5))
    y = first_step(ann, x=np.array([[0.25, 0.2, -1]]))
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [[0.5, 0, 0]])


def test_the_current_is_a_graph_input_and_the_spikes_an_output() -> None:
    ann = model("(float[N,3] x) => (float[N,3] y, float[N,3] z) { y = Relu (x)  z = Neg (y) }")
    ReplaceActivations()(with_scales(ann, 0.5))
    np.testing.assert_array_equal(first_step(ann, x=np.float32([[1, 0.2, -1]])), [[0.5, 0, 0]])


def test_the_neuron_says_what_it_was() -> None:
    ann = layer()
    ann.graph.node(1).name = "activation"
    ReplaceActivations()(ann)
    neuron = next(node for node in ann.graph if node.op_type in ALL_OPS)
    assert (neuron.domain, neuron.op_type) == ("ai.onnx2snn", "GatedDoubleThresholdIF")
    assert neuron.name == "activation"
    assert ann.opset_imports["ai.onnx2snn"] == 1
    assert dict(neuron.metadata_props) == {
        "onnx2snn.activation": "Relu",
        "onnx2snn.activation_output": "y",
        "onnx2snn.threshold_origin": "calibration",
    }
    assert {value.name: str(value.shape) for value in neuron.outputs} == {
        f"y.{name}": "[N,3,4,5]" for name in ("spike", "v_next", "count_next")
    }
    output = ann.graph.outputs[0]
    assert (output.name, str(output.shape), output.dtype) == ("y", "[N,3,4,5]", ir.DataType.FLOAT)


def test_states_have_the_shape_of_the_batch() -> None:
    ann = layer()
    ReplaceActivations()(ann)
    neuron = next(node for node in ann.graph if node.op_type in ALL_OPS)
    assert [str(neuron.inputs[position].shape) for position in (1, 2)] == ["[N,3,4,5]"] * 2


@pytest.mark.parametrize("x", ["float[2,3,4,5] x", "float[N,C,H,W] x"])
def test_states_of_other_shapes(x: str) -> None:
    ann = model(f"({x}) => (y) {{ y = Relu (x) }}")
    ReplaceActivations()(with_scales(ann, 0.5))
    np.testing.assert_array_equal(first_step(ann, x=X), 0.5 * (X >= 0.25))
    state = next(node for node in ann.graph if node.op_type in ALL_OPS).inputs[1]
    assert state is not None
    assert str(state.shape) == x[5:-2]


def test_again_there_is_nothing_to_do() -> None:
    ann = layer()
    ReplaceActivations()(ann)
    once = ir.to_proto(ann).SerializeToString(deterministic=True)
    assert not ReplaceActivations()(ann).modified
    assert ir.to_proto(ann).SerializeToString(deterministic=True) == once


@pytest.mark.parametrize(
    "node",
    [
        "Clip (h, high)",
        "Clip (h, low, low)",
        "Clip (h, k)",
        "Clip (h, low, k)",
        "Relu (c)",
        "Relu (i)",
    ],
)
def test_left_alone(node: str) -> None:
    ann = model(
        f"(float[N,3] x, int32[2] i, float k) => (y) {{ h = Neg (x)  y = {node} }}",
        low=np.zeros((), np.float32),
        high=np.array(0.75, np.float32),
        c=normal(1, 3),
    )
    assert not ReplaceActivations()(with_scales(ann)).modified


def test_subgraphs_are_left_alone() -> None:
    ann = model(
        "(float[N,3] x, bool c) => (float[N,3] y) { y = If (c) <then_branch = t () => "
        "(float[N,3] p) { p = Relu (x) }, else_branch = e () => (float[N,3] q) { q = Neg (x) }> }"
    )
    assert not ReplaceActivations()(ann).modified


def test_activations_without_a_scale() -> None:
    ann = model("(float[N,3] x) => (y) { h = Relu (x)  g = Neg (h)  y = Relu (g) }")
    with pytest.raises(PreconditionError, match="no scale on h, y; run the pass 'calibrate'"):
        ReplaceActivations()(ann)


def test_an_unknown_neuron() -> None:
    with pytest.raises(ValueError, match="neuron must be one of gated, if, not 'lif'"):
        ReplaceActivations("lif")


@pytest.mark.parametrize("v_init", [-0.1, 1.5, float("nan")])
def test_a_potential_out_of_range(v_init: float) -> None:
    with pytest.raises(ValueError, match=rf"v_init .* not {v_init}"):
        ReplaceActivations(v_init=v_init)


def test_the_scale_is_plain_json() -> None:
    ann = layer()
    assert json.loads(ann.graph.node(1).metadata_props["onnx2snn.scale"])["axis"] == 1

from __future__ import annotations

import json

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx_ir.passes import PreconditionError

from onnx2snn.errors import OptionError
from onnx2snn.metadata.scale import SCALE, Scale
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model, normal, positive, with_scales

THETAS = np.array([0.25, 0.5, 2], np.float32)
X = dyadic(1, 2, 3, 4, 5, unit=16, limit=48)


def layer(node: str = "Relu (h)", scale: Scale | None = None) -> ir.Model:
    ann = model(
        f"(float[N,3,4,5] x) => (float[N,3,4,5] y) {{ h = Neg (x)  y = {node} }}",
        low=np.zeros((), np.float32),
        high=np.array(0.75, np.float32),
    )
    scale = scale or Scale(THETAS, 1, "calibration")
    SCALE.write(ann.graph.node(1).outputs[0], scale)
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
    np.testing.assert_array_equal(
        first_step(snn, x=X), theta * ((1 - v_init) * theta <= -X)
    )


@pytest.mark.parametrize("node", ["Relu (h)", "Clip (h, low, high)"])
def test_the_first_step_of_augmented_neurons(node: str) -> None:
    snn = layer(node)
    ReplaceActivations("augmented", max_spikes=2)(snn)
    theta = THETAS.reshape(3, 1, 1)
    expected = np.clip(np.floor(-2 * X / theta + 0.5), 0, 2) / 2 * theta
    np.testing.assert_array_equal(first_step(snn, x=X), expected)
    assert (expected == theta / 2).any()


def test_the_first_step_of_inverse_leaky_neurons() -> None:
    snn = layer()
    ReplaceActivations("inverse-leaky", 0.25)(snn)
    theta = THETAS.reshape(3, 1, 1)
    np.testing.assert_array_equal(first_step(snn, x=X), theta * (0.75 * theta <= -X))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_spikes": 0}, "max_spikes must be 1 to 127 a step, not 0"),
        ({"max_spikes": 128}, "not 128"),
        ({"max_spikes": 2.5}, "not 2.5"),
        ({"leak": 1.0}, "leak must be above 1 and at most 3, not 1.0"),
        ({"leak": 3.5}, "not 3.5"),
        ({"neuron": "inverse-leaky", "leak": 2.5}, "at most 2 .*, not 2.5"),
        ({"leak": float("nan")}, "not nan"),
    ],
)
def test_numbers_that_no_neuron_can_have(
    options: dict[str, float], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        ReplaceActivations(**options)


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
    ann = model(
        "(float[N,3] x) => (float[N,3] y, float[N,3] z) { y = Relu (x)  z = Neg (y) }"
    )
    ReplaceActivations()(with_scales(ann, 0.5))
    np.testing.assert_array_equal(
        first_step(ann, x=np.float32([[1, 0.2, -1]])), [[0.5, 0, 0]]
    )


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
    assert (output.name, str(output.shape), output.dtype) == (
        "y",
        "[N,3,4,5]",
        ir.DataType.FLOAT,
    )


def test_states_have_the_shape_of_the_batch() -> None:
    ann = layer()
    ReplaceActivations()(ann)
    neuron = next(node for node in ann.graph if node.op_type in ALL_OPS)
    assert [str(neuron.inputs[position].shape) for position in (1, 2)] == [
        "[N,3,4,5]"
    ] * 2


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


@pytest.mark.parametrize("node", ["Relu (c)", "Relu (i)"])
def test_left_alone(node: str) -> None:
    ann = model(f"(int32[2] i) => (y) {{ y = {node} }}", c=normal(1, 3))
    assert not ReplaceActivations()(with_scales(ann)).modified


@pytest.mark.parametrize(
    "node", ["Clip (h, k)", "Clip (h, low, k)", "Clip (h, k, high)"]
)
def test_a_bound_that_is_no_constant_keeps_the_activation(node: str) -> None:
    ann = model(
        f"(float[N,3] x, float k) => (float[N,3] y) {{ h = Neg (x)  y = {node} }}",
        low=np.zeros((), np.float32),
        high=np.array(0.75, np.float32),
    )
    snn = with_scales(ann)
    assert ReplaceActivations()(snn).modified
    (clip,) = (node for node in snn.graph if node.op_type == "Clip")
    (use,) = clip.outputs[0].uses()
    assert is_neuron(use.node)


def test_subgraphs_are_left_alone() -> None:
    ann = model(
        "(float[N,3] x, bool c) => (float[N,3] y) { y = If (c) <then_branch = t () => "
        "(float[N,3] p) { p = Relu (x) }, else_branch = e () => (float[N,3] q) { q = Neg (x) }> }"
    )
    assert not ReplaceActivations()(ann).modified


def test_activations_without_a_scale() -> None:
    ann = model("(float[N,3] x) => (y) { h = Relu (x)  g = Neg (h)  y = Relu (g) }")
    with pytest.raises(
        PreconditionError, match="no scale on h, y; run the pass 'calibrate'"
    ):
        ReplaceActivations()(ann)


def test_an_unknown_neuron() -> None:
    names = "gated, if, hard-reset, augmented, inverse-leaky, weighted"
    with pytest.raises(ValueError, match=f"neuron must be one of {names}, not 'lif'"):
        ReplaceActivations("lif")


@pytest.mark.parametrize("v_init", [-0.1, 1.5, float("nan")])
def test_a_potential_out_of_range(v_init: float) -> None:
    with pytest.raises(ValueError, match=rf"v_init .* not {v_init}"):
        ReplaceActivations(v_init=v_init)


def test_the_scale_is_plain_json() -> None:
    ann = layer()
    assert (
        json.loads(ann.graph.outputs[0].metadata_props["onnx2snn.scale"])["axis"] == 1
    )


T = 32
ROWS = dyadic(2, 5, 4, unit=16, limit=32)
SLOPE = np.float32([0.25, 0.5, 2, -0.5])
SIGNED = {
    "sigmoid": "a = Sigmoid (h)",
    "tanh": "a = Tanh (h)",
    "leaky": "a = LeakyRelu <alpha = 0.25> (h)",
    "prelu": "a = PRelu (h, slope)",
    "silu": "s = Sigmoid (h)  a = Mul (h, s)",
    "symmetric clip": "a = Clip (h, minus, high)",
    "clip from below 0": "a = Clip (h, minus)",
    "clip to above 0": "a = Clip (h, , high)",
    "clip from above 0": "a = Clip (h, high)",
    "clip to nothing": "a = Clip (h, low, low)",
}
DYADIC = [name for name in SIGNED if name not in {"sigmoid", "tanh", "silu"}]


def signed(name: str) -> ir.Model:
    """Return an ANN in which weights read the activation ``a``, a function of ``h``."""
    return model(
        f"(float[N,4] x) => (y, a) {{ h = Neg (x)  {SIGNED[name]}  y = Gemm (a, w) }}",
        w=dyadic(3, 4, 4),
        slope=SLOPE,
        low=np.zeros((), np.float32),
        high=np.array(0.75, np.float32),
        minus=np.array(-0.75, np.float32),
    )


def spiking(ann: ir.Model, neuron: str = "gated", theta: float = 4, spike: str = "activations"
            ) -> ir.Model:  # fmt: skip
    """Return the emitted network of ``ann``, which stays as it is."""
    snn = with_scales(ann.clone(), theta, spike)
    ReplaceActivations(neuron, spike=spike)(snn)
    CarryRunningMeans()(snn)
    EmitTimeLoop(T)(snn)
    AttachFunctions()(snn)
    onnx.checker.check_model(ir.to_proto(snn), full_check=True)
    return snn


def neurons(snn: ir.Model) -> list[ir.Node]:
    return [node for node in snn.graph if is_neuron(node)]


@pytest.mark.parametrize("neuron", ["gated", "if"])
@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_neuron_settles_on_the_activation(name: str, neuron: str) -> None:
    ann = signed(name)
    wanted = run_ort(ann, {"x": ROWS})["a"]
    found = run_ort(spiking(ann, neuron), {"x": ROWS})
    # from v_init = theta / 2 the count is rounded; from 0, with thresholds on both sides, it may
    # lack just less than a whole spike
    bound = 4 / T / (2 if neuron == "gated" else 1)
    assert np.abs(found["a"] - wanted).max() <= bound + 1e-6
    np.testing.assert_array_equal(found["a"] * T / 4, np.round(found["a"] * T / 4))
    np.testing.assert_allclose(found["y"], found["a"] @ dyadic(3, 4, 4), atol=1e-5)


@pytest.mark.parametrize("name", DYADIC)
def test_a_signed_neuron_rounds_exactly(name: str) -> None:
    ann = signed(name)
    wanted = run_ort(ann, {"x": ROWS})["a"]
    expected = np.floor(wanted * T / 4 + 0.5) * 4 / T
    np.testing.assert_array_equal(run_ort(spiking(ann), {"x": ROWS})["a"], expected)


def test_a_signed_neuron_reaches_no_further_than_its_threshold() -> None:
    ann = signed("leaky")
    wanted = np.clip(run_ort(ann, {"x": ROWS})["a"], -0.25, 0.25)
    found = run_ort(spiking(ann, theta=0.25), {"x": ROWS})["a"]
    np.testing.assert_array_equal(found, np.floor(wanted * T * 4 + 0.5) / T / 4)
    assert {wanted.min(), wanted.max()} == {-0.25, 0.25}


@pytest.mark.parametrize(
    "neuron, op, states",
    [
        (
            "gated",
            "GatedDoubleThresholdIF",
            {"v": 1, "count": 2**20, "v_threshold_negative": 0},
        ),
        ("if", "DoubleThresholdIF", {"v": 0, "v_threshold_negative": 2}),
        (
            "augmented",
            "AugmentedIF",
            {"v": 0.25, "count": 2**20, "v_threshold": 0.5, "max_spikes": 4},
        ),
        ("inverse-leaky", "SignedInverseLeakyIF", {"v": 1, "leak": 2}),
    ],
)
def test_how_a_signed_neuron_starts(
    neuron: str, op: str, states: dict[str, float]
) -> None:
    ann = with_scales(signed("tanh"), 2)
    ReplaceActivations(neuron)(ann)
    (node,) = neurons(ann)
    assert node.op_type == op
    found = dict(zip(ALL_OPS[op].inputs, node.inputs, strict=True))
    for name, number in ({"v_threshold": 2} | states).items():
        np.testing.assert_array_equal(starting_value(found[name]), number, name)


@pytest.mark.parametrize("spike", ["activations", "all"])
def test_no_two_nodes_have_the_same_name(spike: str) -> None:
    ann = signed("silu")
    for index, node in enumerate(ann.graph):
        node.name = f"node{index}"
    with_scales(ann, 2, spike)
    ReplaceActivations(spike=spike)(ann)
    names = [node.name for node in ann.graph if node.name]
    assert len(names) == len(set(names))
    assert set(names) >= {
        "node0",
        "node1",
        "node2",
        "node3",
        "node2.neuron",
        "node2.neuron.charge",
    }
    values = [value.name for node in ann.graph for value in node.outputs]
    assert len(values) == len(set(values))


def test_a_signed_neuron_says_behind_what_it_stands() -> None:
    ann = with_scales(signed("leaky"), 2)
    ReplaceActivations()(ann)
    (neuron,) = neurons(ann)
    assert dict(neuron.metadata_props) == {
        "onnx2snn.activation": "LeakyRelu",
        "onnx2snn.activation_output": "a",
        "onnx2snn.threshold_origin": "graph",
    }
    current = neuron.inputs[0]
    assert current is not None
    assert current.producer().op_type == "LeakyRelu"
    assert [value.name for value in ann.graph.outputs] == ["y", "a"]
    assert not ReplaceActivations()(ann).modified


def test_the_other_outputs_of_a_recurrent_operator() -> None:
    ann = model(
        "(float[5,N,4] x) => (y, h) { h, last = RNN <hidden_size = 3> (x, k, r)  "
        "y = MatMul (last, w) }",
        k=normal(1, 1, 3, 4),
        r=normal(2, 1, 3, 3),
        w=dyadic(3, 3, 2),
    )
    x = normal(4, 5, 2, 4)
    wanted = run_ort(ann, {"x": x})
    found = run_ort(spiking(ann, theta=2), {"x": x})
    np.testing.assert_allclose(found["h"], wanted["h"], rtol=1e-6)
    last = np.floor(wanted["h"][-1] * T / 2 + 0.5) * 2 / T
    np.testing.assert_allclose(found["y"], last @ dyadic(3, 3, 2), atol=1e-6)


FED = (
    "(float[N,3,6,5] x) => (y, n, z) {{ c = Conv (x, k)  "
    "p = ReduceMean <axes = [3], keepdims = 0> (c)  t = Transpose <perm = [0, 2, 1]> (p)  "
    "n = {}  m = MatMul (n, w)  z = Neg (n)  y = Exp (m) }}"
)
FED_WEIGHTS = {
    "k": normal(1, 4, 3, 3, 3),
    "w": dyadic(2, 4, 3),
    "g": positive(3, 4),
    "d": normal(4, 4),
}


@pytest.mark.parametrize("node", ["Softmax (t)", "LayerNormalization (t, g, d)"])
def test_a_neuron_in_front_of_all_weights_but_the_first(node: str) -> None:
    ann = model(FED.format(node), **FED_WEIGHTS)
    assert not ReplaceActivations()(with_scales(ann.clone(), 4)).modified
    snn = with_scales(ann.clone(), 4, "all")
    assert ReplaceActivations(spike="all")(snn).modified
    (neuron,) = neurons(snn)
    assert neuron.inputs[0] is not None
    assert (neuron.name, neuron.inputs[0].name) == ("n.neuron", "n")
    readers = {
        n.op_type: [v.name for v in n.inputs if v is not None] for n in snn.graph
    }
    assert readers["Conv"] == ["x", "k"]
    assert readers["MatMul"] == ["n.spikes", "w"]
    assert readers["Neg"] == ["n"]
    x = normal(5, 2, 3, 6, 5)
    wanted, found = (
        run_ort(ann, {"x": x}),
        run_ort(spiking(ann, theta=8, spike="all"), {"x": x}),
    )
    np.testing.assert_allclose(found["n"], wanted["n"], rtol=1e-5)
    np.testing.assert_array_equal(found["z"], -found["n"])
    rounded = np.floor(wanted["n"] * T / 8 + 0.5) * 8 / T
    np.testing.assert_allclose(
        found["y"], np.exp(rounded @ FED_WEIGHTS["w"]), rtol=1e-4
    )


def test_a_product_of_two_values_keeps_reading_them() -> None:
    text = (
        "(float[N,4] x) => (y) { c = Gemm (x, w)  n = Softmax (c)  m = MatMul (n, w)  "
        "t = Transpose (n)  q = MatMul (n, t)  y = MatMul (q, m) }"
    )
    ann = with_scales(model(text, w=dyadic(2, 4, 4)), 1, "all")
    ReplaceActivations(spike="all")(ann)
    inputs = [
        [v.name for v in node.inputs] for node in ann.graph if node.op_type == "MatMul"
    ]
    assert sorted(inputs) == [["n", "t"], ["n.spikes", "w"], ["q", "m"]]


def test_values_in_front_of_weights_without_a_scale() -> None:
    ann = model(FED.format("Softmax (t)"), **FED_WEIGHTS)
    with pytest.raises(
        PreconditionError, match="no scale on n; run the pass 'calibrate'"
    ):
        ReplaceActivations(spike="all")(ann)


def test_spikes_in_front_of_weights_need_no_further_neuron() -> None:
    ann = with_scales(signed("silu"), 2, "all")
    ReplaceActivations(spike="all")(ann)
    assert [node.name for node in neurons(ann)] == ["a.neuron"]

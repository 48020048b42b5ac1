from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import onnx2snn
from onnx2snn.analysis.streams import find_streams
from onnx2snn.errors import OptionError
from onnx2snn.graph import set_array
from onnx2snn.metadata.scale import SCALE, Scale
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    ChooseInputCoding,
    EmitLayerwise,
    ReplaceActivations,
)
from onnx2snn.schedules import layers_in_a_row, time_loops, time_steps_of
from onnx2snn.schedules.initial_states import set_starting_value
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.testing import run_ort, run_reference
from tests.models import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    CLASSIFIER_X,
    dyadic,
    model,
    with_scales,
)
from tests.random_graphs import networks, threshold

if TYPE_CHECKING:
    from tests.random_graphs import Network

NEURONS = ["gated", "if", "augmented", "inverse-leaky"]
FORMS = pytest.mark.parametrize(
    "collapse", [True, False], ids=["collapsed", "step by step"]
)


def dyadic_theta(theta: float, neuron: str, time_steps: int) -> float:
    """Return a threshold near ``theta`` of which every digit is dyadic."""
    levels = 2**time_steps - 1 if neuron == "inverse-leaky" else time_steps
    return theta * levels / 2 ** np.ceil(np.log2(levels))


def layerwise(
    ann: ir.Model,
    time_steps: int = 8,
    theta: float = 0.5,
    neuron: str = "gated",
    *,
    collapse: bool = True,
) -> onnx.ModelProto:
    snn = with_scales(ann, dyadic_theta(theta, neuron, time_steps))
    return emit(snn, time_steps, neuron, collapse=collapse)


def emit(
    snn: ir.Model, time_steps: int, neuron: str, *, collapse: bool
) -> onnx.ModelProto:
    ReplaceActivations(neuron)(snn)
    assert EmitLayerwise(time_steps, collapse)(snn).modified
    AttachFunctions()(snn)
    return ir.to_proto(snn)


def quantized(z: np.ndarray, levels: int, theta: float) -> np.ndarray:
    digit = np.float32(theta / levels)
    return digit * np.clip(np.floor(z / digit + np.float32(0.5)), 0, levels)


@FORMS
@pytest.mark.parametrize("time_steps", [1, 3, 4, 7])
@pytest.mark.parametrize("neuron", NEURONS)
def test_a_layer_is_the_quantizer_of_its_input(
    neuron: str,
    time_steps: int,
    collapse: bool,  # noqa: FBT001
) -> None:
    theta = dyadic_theta(1, neuron, time_steps)
    levels = {"augmented": 4 * time_steps, "inverse-leaky": 2**time_steps - 1}
    ann = model("(float[N,4] x) => (float[N,4] y) { h = MatMul (x, k)  y = Relu (h) }",
                k=dyadic(8, 4, 4))  # fmt: skip
    proto = layerwise(ann, time_steps, 1, neuron, collapse=collapse)
    x = dyadic(9, 64, 4, unit=16)
    y = run_ort(proto, {"x": x})["y"]
    expected = quantized(x @ dyadic(8, 4, 4), levels.get(neuron, time_steps), theta)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(y, run_reference(proto, {"x": x})["y"])
    assert {0.0, theta} <= set(y.ravel().tolist())


@FORMS
@pytest.mark.parametrize("neuron", NEURONS)
def test_signed_neurons_quantize_below_zero_alike(
    neuron: str,
    collapse: bool,  # noqa: FBT001
) -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] y) { h = Neg (x)  y = LeakyRelu <alpha=1.0> (h) }"
    )
    proto = layerwise(ann, 4, 1, neuron, collapse=collapse)
    x = dyadic(9, 64, 4, unit=64, limit=80)
    y = run_ort(proto, {"x": x})["y"]
    theta = dyadic_theta(1, neuron, 4)
    levels = {"augmented": 16, "inverse-leaky": 15}.get(neuron, 4)
    digit = theta / levels
    if neuron == "inverse-leaky":  # the magnitude is rounded
        expected = np.sign(-x) * quantized(np.abs(x), levels, theta)
    elif neuron == "if":  # starts at 0: cut off
        expected = digit * np.trunc(np.clip(-x, -1, 1) / digit)
    else:
        expected = digit * np.clip(np.floor(-x / digit + 0.5), -levels, levels)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(y, run_reference(proto, {"x": x})["y"])


def scaled(network: Network, neuron: str, time_steps: int) -> ir.Model:
    """Return a copy of a network with thresholds that suit the sizes of its values."""
    ann = network.ann.clone()
    for value in find_streams(ann.graph).fired:
        theta = dyadic_theta(threshold(network.sizes[value.name]), neuron, time_steps)
        SCALE.write(value, Scale(np.float32([theta]), None, "graph"))
    return ann


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(networks(exact=True), st.sampled_from(NEURONS), st.sampled_from([1, 2, 3, 4, 6]))
def test_both_forms_and_runtimes_give_the_same_bits(
    network: Network, neuron: str, time_steps: int
) -> None:
    x = dyadic(9, 2, 4, 6, 5, unit=16, limit=16)
    forms = [
        emit(scaled(network, neuron, time_steps), time_steps, neuron, collapse=collapse)
        for collapse in (True, False)
    ]
    expected = run_ort(forms[0], {"x": x})
    for proto in forms:
        onnx.checker.check_model(proto, full_check=True)
        for found in (
            run_ort(proto, {"x": x}),
            onnx2snn.load(proto, "numpy").run({"x": x}),
        ):
            assert found.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(
                    found[name], array, f"{name} of {network.ops}"
                )


def loops(graph: ir.Graph) -> list[str]:
    return [str(node.name) for node in graph if node.op_type == "Loop"]


def network(
    time_steps: int = 4, neuron: str = "gated", *, collapse: bool = True
) -> ir.Model:
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    return ir.from_proto(layerwise(ann, time_steps, 0.25, neuron, collapse=collapse))


def test_collapsed_weights_and_neurons_run_once() -> None:
    graph = network().graph
    assert loops(graph) == []
    ops = [node.op_type for node in graph]
    assert [op for op in ops if op in {"Conv", "Gemm", "Softmax"}] == [
        "Conv",
        "Conv",
        "Gemm",
        "Softmax",
    ]
    neurons = [node for node in graph if is_neuron(node)]
    assert [node.op_type for node in neurons] == [
        "GatedDoubleThresholdIFClosedForm"
    ] * 2
    assert [node.name for node in neurons] == ["a", "r"]
    assert [named_inputs(node)["v_threshold"].name for node in neurons] == [
        "a.v_threshold",
        "r.v_threshold",
    ]
    assert "Mul" not in ops, "the formula gives what the spikes stand for"
    assert time_steps_of(graph) is graph.inputs[-1]


@pytest.mark.parametrize(
    "neuron, changed",
    [
        ("inverse-leaky", {"y.leak": np.float32(1.5)}),
        ("gated", {"y.v_threshold_negative": np.float32([[0.25]])}),
    ],
)
def test_a_neuron_without_a_formula_stays_in_its_loop(
    neuron: str, changed: dict[str, np.ndarray]
) -> None:
    ann = with_scales(model("(float[N,4] x) => (y) { y = Relu (x) }"), 1)
    ReplaceActivations(neuron)(ann)
    for name, data in changed.items():
        set_array(ann.graph.initializers[name], data)
    EmitLayerwise(4)(ann)
    assert loops(ann.graph) == ["onnx2snn.layer_loop.y"]


@pytest.mark.parametrize("changed", ["y.v_threshold_negative", "y.v_init"])
def test_signs_that_are_not_alike_stay_in_their_loop(changed: str) -> None:
    text = "(float[N,4] x) => (float[N,4] y) { y = Clip (x, low, high) }"
    bounds = {"low": np.float32(-1), "high": np.float32(1)}
    ann = with_scales(model(text, **bounds), 1)
    ReplaceActivations("if")(ann)
    (neuron,) = [node for node in ann.graph if is_neuron(node)]
    assert neuron.op_type == "DoubleThresholdIF"
    value = {
        "y.v_threshold_negative": named_inputs(neuron)["v_threshold_negative"],
        "y.v_init": named_inputs(neuron)["v"],
    }[changed]
    set_starting_value(value, np.float32([[0.5]]))
    EmitLayerwise(4)(ann)
    assert len(loops(ann.graph)) == 1


def test_spikes_that_others_read_stay_in_their_loop() -> None:
    ann = with_scales(model("(float[N,4] x) => (y) { y = Relu (x) }"), 1)
    ReplaceActivations()(ann)
    (neuron,) = [node for node in ann.graph if is_neuron(node)]
    spikes = ir.node("Neg", [neuron.outputs[0]])
    spikes.outputs[0].name = "spikes"
    ann.graph.append(spikes)
    EmitLayerwise(4)(ann)
    assert loops(ann.graph) == ["onnx2snn.layer_loop.y"]


def body(loop: ir.Node) -> ir.Graph:
    return loop.attributes["body"].as_graph()


def test_step_by_step_every_weight_behind_a_neuron_is_driven_by_spikes() -> None:
    graph = network(collapse=False).graph
    assert loops(graph) == [
        "onnx2snn.layer_loop.a",
        "onnx2snn.segment_loop.g",
        "onnx2snn.layer_loop.r",
        "onnx2snn.segment_loop.y",
    ]
    outside = [node.op_type for node in graph]
    assert outside.count("Conv") == 1, "the first, of the input itself"
    assert "Gemm" not in outside
    segments = [
        node for node in graph if str(node.name).startswith("onnx2snn.segment_loop")
    ]
    assert [node.op_type for node in body(segments[1])][:6] == [
        "Gather",
        "Mul",
        "GlobalAveragePool",
        "Flatten",
        "Gemm",
        "Equal",
    ]
    assert {"u.body", "d.body"} <= set(body(segments[0]).initializers)
    assert not {"u", "d", "f", "e"} & set(graph.initializers)


@FORMS
@pytest.mark.parametrize("neuron", ["gated", "inverse-leaky"])
def test_time_steps_by_default_and_at_run_time(
    neuron: str,
    collapse: bool,  # noqa: FBT001
) -> None:
    seven, three = (
        emit(
            with_scales(model(CLASSIFIER, **CLASSIFIER_WEIGHTS), 0.25),
            t,
            neuron,
            collapse=collapse,
        )
        for t in (7, 3)
    )
    for name in ("y", "p"):
        given = run_ort(seven, {"x": CLASSIFIER_X, "T": np.array(3)})[name]
        np.testing.assert_array_equal(given, run_ort(three, {"x": CLASSIFIER_X})[name])
        assert (given != run_ort(seven, {"x": CLASSIFIER_X})[name]).any()


@FORMS
@pytest.mark.parametrize("neuron", NEURONS)
def test_many_steps_come_close_to_the_ann(neuron: str, collapse: bool) -> None:  # noqa: FBT001
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    expected = run_ort(ann, {"x": CLASSIFIER_X})
    proto = emit(with_scales(ann, 8), 4, neuron, collapse=collapse)
    steps = 14 if neuron == "inverse-leaky" else 1024
    found = run_ort(proto, {"x": CLASSIFIER_X, "T": np.array(steps)})
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=0.01)
        few = np.abs(
            run_ort(proto, {"x": CLASSIFIER_X, "T": np.array(1)})[name] - array
        ).max()
        assert few > 2 * np.abs(found[name] - array).max()


@FORMS
def test_more_steps_than_a_float_has_digits(collapse: bool) -> None:  # noqa: FBT001
    proto = layerwise(
        model(CLASSIFIER, **CLASSIFIER_WEIGHTS),
        4,
        2,
        "inverse-leaky",
        collapse=collapse,
    )
    far = run_ort(proto, {"x": CLASSIFIER_X, "T": np.array(400)})
    for name, array in run_ort(proto, {"x": CLASSIFIER_X, "T": np.array(24)}).items():
        np.testing.assert_allclose(far[name], array, atol=1e-5)


@FORMS
@pytest.mark.parametrize("leak", [1.25, 1.5, 2.0])
def test_leaks(leak: float, collapse: bool) -> None:  # noqa: FBT001
    ann = with_scales(model("(float[N,4] x) => (y) { h = Neg (x)  y = Relu (h) }"), 1)
    ReplaceActivations("inverse-leaky", leak=leak)(ann)
    EmitLayerwise(20, collapse)(ann)
    AttachFunctions()(ann)
    x = dyadic(9, 64, 4, unit=64, limit=80)
    y = run_ort(ann, {"x": x})["y"]
    np.testing.assert_allclose(y, np.clip(-x, 0, 1), atol=1.5 * leak**-20 * 20)


@pytest.mark.parametrize("batch", [1, 2, 7])
@FORMS
def test_any_batch(batch: int, collapse: bool) -> None:  # noqa: FBT001
    proto = ir.to_proto(network(collapse=collapse))
    x = dyadic(9, batch, 2, 6, 5, unit=16)
    alone = [run_ort(proto, {"x": row[None]})["y"] for row in x]
    np.testing.assert_array_equal(run_ort(proto, {"x": x})["y"], np.concatenate(alone))


@FORMS
def test_the_signature_is_kept(collapse: bool) -> None:  # noqa: FBT001
    graph = network(11, collapse=collapse).graph
    found = [(v.name, str(v.shape), v.dtype) for v in (*graph.inputs, *graph.outputs)]
    assert found == [
        ("x", "[N,2,6,5]", ir.DataType.FLOAT),
        ("T", "[]", ir.DataType.INT64),
        ("y", "[N,5]", ir.DataType.FLOAT),
        ("p", "[N,5]", ir.DataType.FLOAT),
    ]
    assert graph.initializers["T"].const_value is not None
    assert graph.initializers["T"].const_value.numpy() == 11


@FORMS
def test_what_is_not_linear_is_computed_once_on_what_the_layers_sent(
    collapse: bool,  # noqa: FBT001
) -> None:
    ann = model(
        "(float[N,4] x) => (y) { h = MatMul (x, k)  a = Relu (h)  q = MatMul (a, k)  "
        "s = Softmax (q)  m = Mul (s, a)  c = MatMul (m, k)  r = Relu (c)  y = MatMul (r, k) }",
        k=dyadic(1, 4, 4),
    )
    expected = run_ort(ann, {"x": dyadic(2, 5, 4, unit=16)})["y"]
    proto = emit(with_scales(ann, 2), 10, "inverse-leaky", collapse=collapse)
    onnx.checker.check_model(proto, full_check=True)
    (softmax,) = [node for node in proto.graph.node if node.op_type == "Softmax"]
    assert softmax.output[0] == "s"
    found = run_ort(proto, {"x": dyadic(2, 5, 4, unit=16)})["y"]
    np.testing.assert_allclose(found, expected, atol=0.01)


@FORMS
def test_unknown_ranks(collapse: bool) -> None:  # noqa: FBT001
    ann = model(
        "(float[N,4] x, int64[r] s) => (y) { h = Reshape (x, s)  a = Relu (h)  n = Neg (a)  "
        "m = Add (n, c)  y = Relu (m) }",
        c=np.array(0.5, np.float32),
    )
    for node in ann.graph:
        node.outputs[0].shape = None
    feeds = {"x": dyadic(3, 6, 4, unit=16), "s": np.array([2, 3, 4])}
    y = run_ort(layerwise(ann, 4, collapse=collapse), feeds)["y"]
    inner = quantized(feeds["x"], 4, 0.5)
    np.testing.assert_array_equal(y, quantized(0.5 - inner, 4, 0.5).reshape(2, 3, 4))


@FORMS
def test_an_output_between_layers(collapse: bool) -> None:  # noqa: FBT001
    ann = model(
        "(float[N,4] x) => (float[N,4] a, float[N,4] m, float[N,4] y) { a = Relu (x)  "
        "n = Neg (a)  m = Add (n, c)  y = Relu (m) }",
        c=np.array(0.25, np.float32),
    )
    proto = layerwise(ann, 4, 1, collapse=collapse)
    onnx.checker.check_model(proto, full_check=True)
    found = run_ort(proto, {"x": dyadic(3, 5, 4, unit=16)})
    assert list(found) == ["a", "m", "y"]
    np.testing.assert_array_equal(found["m"], np.float32(0.25) - found["a"])
    np.testing.assert_array_equal(found["y"], quantized(found["m"], 4, 1))


def test_names_that_are_taken() -> None:
    text = "(float[N,4] x) => (float[N,4] y) { T = Neg (x)  step = Relu (T)  go_on = Neg (step)"
    proto = layerwise(model(f"{text}  y = Relu (go_on) }}"), 4, collapse=False)
    onnx.checker.check_model(proto, full_check=True)
    assert [value.name for value in proto.graph.input] == ["x", "T_1"]
    np.testing.assert_array_equal(
        run_ort(proto, {"x": dyadic(3, 5, 4)})["y"], np.zeros((5, 4))
    )


def test_without_neurons_nothing_is_done() -> None:
    ann = model("(float[N,4] x) => (y) { y = Relu (x) }")
    assert not EmitLayerwise()(ann).modified
    assert [value.name for value in ann.graph.inputs] == ["x"]


def test_an_emitted_network_is_not_emitted_again() -> None:
    snn = network()
    once = ir.to_proto(snn).SerializeToString(deterministic=True)
    assert not EmitLayerwise()(snn).modified
    assert ir.to_proto(snn).SerializeToString(deterministic=True) == once


@pytest.mark.parametrize("coding", ["events", "rate"])
def test_an_input_that_is_a_stream(coding: str) -> None:
    ann = with_scales(
        model("(float[N,4] image) => (y) { h = Neg (image)  y = Relu (h) }")
    )
    ChooseInputCoding(**{coding: ("image",)})(ann)
    ReplaceActivations()(ann)
    with pytest.raises(
        OptionError, match=r"'image' is a stream.*choose the schedule lockstep"
    ):
        EmitLayerwise()(ann)


def test_less_than_one_step() -> None:
    with pytest.raises(OptionError, match="at least 1, not 0"):
        EmitLayerwise(0)


@FORMS
def test_layers_in_a_row(collapse: bool) -> None:  # noqa: FBT001
    ann = model(
        "(float[N,4] x) => (y) { a = Relu (x)  n = MatMul (a, k)  b = Relu (n)  m = MatMul (x, k)  "
        "c = Relu (m)  s = Sub (b, c)  d = Relu (s)  y = MatMul (d, k) }",
        k=dyadic(1, 4, 4),
    )
    graph = ir.from_proto(layerwise(ann, collapse=collapse)).graph
    assert len(time_loops(graph)) == (0 if collapse else 4)
    assert layers_in_a_row(graph) == 3


def test_layers_that_leak_differently_drive_the_same_weights() -> None:
    text = "a = Relu (x)  n = Neg (x)  b = Relu (n)  s = Concat <axis = 1> (a, b)"
    ann = model(
        f"(float[N,4] x) => (y) {{ {text}  y = MatMul (s, k) }}", k=dyadic(1, 8, 4)
    )
    x = {"x": dyadic(2, 16, 4, unit=16, limit=16)}
    expected = run_ort(ann, x)["y"]
    ReplaceActivations("inverse-leaky")(with_scales(ann, 1))
    set_array(ann.graph.initializers["b.leak"], np.array(1.5))
    EmitLayerwise(30, collapse=False)(ann)
    AttachFunctions()(ann)
    np.testing.assert_allclose(run_ort(ann, x)["y"], expected, atol=1e-4)

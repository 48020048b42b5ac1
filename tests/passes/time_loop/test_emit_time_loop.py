from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from onnx2snn.passes import AttachFunctions, ChooseInputCoding, EmitTimeLoop
from onnx2snn.schedules import time_loops
from onnx2snn.testing import run_ort, run_reference
from tests.models import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    CLASSIFIER_X,
    dyadic,
    emitted,
    model,
    single_step_graph,
)


def ops(graph: ir.Graph) -> list[str]:
    return [node.op_type for node in graph]


def network(time_steps: int = 8) -> onnx.ModelProto:
    return emitted(model(CLASSIFIER, **CLASSIFIER_WEIGHTS), time_steps, theta=0.25)


def body_of(proto: onnx.ModelProto) -> ir.Graph:
    (loop,) = time_loops(ir.from_proto(proto).graph)
    return loop.attributes["body"].as_graph()


def test_prologue_loop_and_epilogue() -> None:
    around = ops(ir.from_proto(network()).graph)
    loop = around.index("Loop")
    assert around[:loop].count("Conv") == 1
    assert set(around[:loop]) <= {"Conv", "Shape", "Concat", "Expand"}
    behind = ["Div", "Mul", "GlobalAveragePool", "Flatten", "Gemm", "Softmax"]
    assert around[loop + 1 :] == behind
    inside = ops(body_of(network()))
    assert [op for op in inside if op in {"Conv", "GatedDoubleThresholdIF"}] == [
        "GatedDoubleThresholdIF",
        "Conv",
        "GatedDoubleThresholdIF",
    ]


def test_the_weights_of_the_loop_are_initializers_of_its_body() -> None:
    snn = ir.from_proto(network())
    body = body_of(network())
    assert {"u", "d"} <= set(body.initializers)
    assert not {"u", "d"} & set(snn.graph.initializers)
    assert {"w", "b", "f", "e", "T"} <= set(snn.graph.initializers)
    inner = {*body.inputs, *body.initializers.values()}
    inner |= {value for node in body for value in node.outputs}
    outer = {
        v.name for node in body for v in node.inputs if v is not None and v not in inner
    }
    assert outer == {"c"}, "the loop reads more than the static current"


def test_a_weight_that_is_read_inside_and_outside() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] y) { c = Gemm (x, k, z)  a = Relu (c)  g = Gemm (a, k, z)  "
        "r = Relu (g)  y = Gemm (r, k, z) }",
        k=dyadic(1, 4, 4),
        z=dyadic(2, 4),
    )
    proto = emitted(ann)
    onnx.checker.check_model(proto, full_check=True)
    assert {"k.body", "z.body"} <= set(body_of(proto).initializers)
    x = {"x": dyadic(3, 5, 4, unit=16)}
    np.testing.assert_array_equal(run_ort(proto, x)["y"], run_reference(proto, x)["y"])


def test_time_steps_by_default_and_at_run_time() -> None:
    five, three = network(5), network(3)
    for name in ("y", "p"):
        given = run_ort(five, {"x": CLASSIFIER_X, "T": np.array(3)})[name]
        np.testing.assert_array_equal(given, run_ort(three, {"x": CLASSIFIER_X})[name])
        assert (given != run_ort(five, {"x": CLASSIFIER_X})[name]).any()


def test_the_signature_is_kept() -> None:
    graph = ir.from_proto(network(11)).graph
    found = [(v.name, str(v.shape), v.dtype) for v in (*graph.inputs, *graph.outputs)]
    assert found == [
        ("x", "[N,2,6,5]", ir.DataType.FLOAT),
        ("T", "[]", ir.DataType.INT64),
        ("y", "[N,5]", ir.DataType.FLOAT),
        ("p", "[N,5]", ir.DataType.FLOAT),
    ]
    assert graph.initializers["T"].const_value is not None
    assert graph.initializers["T"].const_value.numpy() == 11


def test_the_file_is_valid_and_runs_in_stock_runtimes_alike() -> None:
    proto = network(32)
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(
        proto, check_type=True, strict_mode=True, data_prop=True
    )
    stock = onnxruntime.InferenceSession(proto.SerializeToString())
    assert [value.name for value in stock.get_inputs()] == ["x"]
    assert [value.name for value in stock.get_overridable_initializers()] == ["T"]
    y, _ = stock.run(None, {"x": CLASSIFIER_X})
    np.testing.assert_array_equal(
        y, ReferenceEvaluator(proto).run(None, {"x": CLASSIFIER_X})[0]
    )
    np.testing.assert_array_equal(y, run_ort(proto, {"x": CLASSIFIER_X})["y"])


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_any_batch(batch: int) -> None:
    x = dyadic(9, batch, 2, 6, 5, unit=16)
    alone = [run_ort(network(), {"x": row[None]})["y"] for row in x]
    np.testing.assert_array_equal(
        run_ort(network(), {"x": x})["y"], np.concatenate(alone)
    )


def test_names_that_are_taken() -> None:
    text = "(float[N,4] x) => (float[N,4] y) { T = Neg (x)  step = Relu (T)  go_on = Exp (step)"
    ann = model(f"{text}  y = Relu (go_on) }}")
    other = model(text.replace("T", "u").replace("step", "v").replace("go_on", "w")
                  + "  y = Relu (w) }")  # fmt: skip
    feeds = {"x": dyadic(3, 5, 4, unit=16)}
    found, expected = emitted(ann, 5), emitted(other, 5)
    onnx.checker.check_model(found, full_check=True)
    np.testing.assert_array_equal(
        run_ort(found, feeds)["y"], run_ort(expected, feeds)["y"]
    )
    assert [value.name for value in found.graph.input] == ["x", "T_1"]


@pytest.mark.parametrize("stated", ["float[N,4] x", "float[?,?] x", "float[N,M] x"])
def test_states_broadcast_where_shapes_are_unknown(stated: str) -> None:
    text = "=> (y) { u = Unique <sorted = 1, axis = 1> (x)  a = Relu (u)  h = Neg (a)  y = Relu (h)"
    ann = model(f"({stated}) {text} }}")
    feeds = {"x": dyadic(3, 5, 4, unit=16)}
    proto = emitted(ann, 6)
    onnx.checker.check_model(proto, full_check=True)
    y = run_ort(proto, feeds)["y"]
    assert y.shape == (5, 4)
    np.testing.assert_array_equal(y, run_reference(proto, feeds)["y"])


def test_unknown_ranks() -> None:
    ann = model(
        "(float[N,4] x, int64[r] s) => (y) { h = Reshape (x, s)  y = Relu (h) }"
    )
    for node in ann.graph:
        node.outputs[0].shape = None
    feeds = {"x": dyadic(3, 6, 4, unit=16), "s": np.array([2, 3, 4])}
    y = run_ort(emitted(ann, 4), feeds)["y"]
    expected = np.clip(np.floor(8 * feeds["x"] + 0.5), 0, 4) / 8
    np.testing.assert_array_equal(y, expected.reshape(2, 3, 4))


def test_an_output_that_is_made_in_the_loop() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] m, float[N,4] y) { a = Relu (x)  m = Exp (a)  h = Neg (m)  "
        "y = Relu (h) }"
    )
    feeds = {"x": dyadic(3, 5, 4, unit=16)}
    proto = emitted(ann, 4)
    onnx.checker.check_model(proto, full_check=True)
    found = run_ort(proto, feeds)
    assert list(found) == ["m", "y"]
    rate = np.clip(np.floor(8 * feeds["x"] + 0.5), 0, 4) / 8
    np.testing.assert_allclose(found["m"], np.exp(rate), rtol=1e-6)


def test_every_step() -> None:
    snn = single_step_graph(
        model("(float[N,4] x) => (float[N,4] y) { h = Neg (x)  y = Relu (h) }")
    )
    neuron = next(node for node in snn.graph if "spike" in str(node.outputs[0].name))
    snn.graph.outputs.append(neuron.outputs[0])
    EmitTimeLoop(6, every_step=("y.spike",))(snn)
    AttachFunctions()(snn)
    onnx.checker.check_model(ir.to_proto(snn), full_check=True)
    assert str(snn.graph.outputs[1].shape) == "[T,N,4]"
    found = run_ort(snn, {"x": dyadic(3, 5, 4, unit=16)})
    assert found["y.spike"].shape == (6, 5, 4)
    np.testing.assert_array_equal(
        found["y.spike"].mean(axis=0, dtype="f4") / 2, found["y"]
    )


def test_every_step_of_a_final_output() -> None:
    snn = single_step_graph(
        model("(float[N,4] x) => (float[N,4] y) { h = Neg (x)  y = Relu (h) }")
    )
    saved = ir.to_proto(snn).SerializeToString()
    EmitTimeLoop(6, every_step=("y",))(snn)
    AttachFunctions()(snn)
    feeds = {"x": dyadic(3, 5, 4, unit=16)}
    found = run_ort(snn, feeds)["y"]
    for t in range(1, 7):
        other = ir.from_proto(onnx.load_from_string(saved))
        EmitTimeLoop(t)(other)
        AttachFunctions()(other)
        np.testing.assert_array_equal(found[t - 1], run_ort(other, feeds)["y"])


@pytest.mark.parametrize("batch", ["3", "N"])
def test_events(batch: str) -> None:
    snn = model(
        f"(float[{batch},4] x) => (float[{batch},4] y) {{ h = Neg (x)  y = Relu (h) }}"
    )
    single_step_graph(snn)
    EmitTimeLoop(6, events=("x",))(snn)
    AttachFunctions()(snn)
    assert [str(value.shape) for value in snn.graph.inputs] == [f"[T,{batch},4]"]
    onnx.checker.check_model(ir.to_proto(snn), full_check=True)
    spikes = -np.random.default_rng(1).integers(0, 2, (6, 3, 4)).astype(np.float32) / 2
    y = run_ort(snn, {"x": spikes})["y"]
    np.testing.assert_array_equal(y, -spikes.mean(axis=0, dtype="f4"))
    np.testing.assert_array_equal(y, run_reference(snn, {"x": spikes})["y"])
    longer = np.concatenate([spikes, 0 * spikes])  # T is the number of slices
    np.testing.assert_array_equal(run_ort(snn, {"x": longer})["y"], y / 2)


def test_an_input_noted_as_events() -> None:
    ann = model(
        "(float[N,4] x, float[N,4] z) => (float[N,4] y) { h = Add (x, z)  y = Relu (h) }"
    )
    ChooseInputCoding(events=("x",))(ann)
    snn = single_step_graph(ann)
    EmitTimeLoop(6)(snn)
    AttachFunctions()(snn)
    onnx.checker.check_model(ir.to_proto(snn), full_check=True)
    assert [str(value.shape) for value in snn.graph.inputs] == ["[T,N,4]", "[N,4]"]
    events = np.random.default_rng(1).integers(0, 2, (8, 3, 4)).astype(np.float32) / 4
    still = np.full((3, 4), 0.125, np.float32)
    y = run_ort(snn, {"x": events, "z": still})["y"]
    expected = np.clip(np.floor(2 * (events.sum(axis=0) + 8 * still) + 0.5), 0, 8) / 16
    np.testing.assert_array_equal(y, expected)


def test_without_states_there_is_no_loop() -> None:
    ann = model("(float[N,4] x) => (y) { y = Relu (x) }")
    assert not EmitTimeLoop()(ann).modified
    assert not time_loops(ann.graph)


def test_an_emitted_network_is_not_emitted_again() -> None:
    snn = single_step_graph(model("(float[N,4] x) => (y) { y = Relu (x) }"))
    assert EmitTimeLoop()(snn).modified
    once = ir.to_proto(snn).SerializeToString(deterministic=True)
    assert not EmitTimeLoop()(snn).modified
    assert ir.to_proto(snn).SerializeToString(deterministic=True) == once


def test_a_branch_inside_the_loop_keeps_its_weights() -> None:
    ann = model(
        "(float[N,4] x, bool c) => (y) { a = Relu (x)  h = If (c) <then_branch = t () => "
        "(float[N,4] p) { p = MatMul (a, k) }, else_branch = e () => (float[N,4] q) "
        "{ q = Gemm (a, k, z) }>  r = Relu (h)  y = MatMul (r, k) }",
        k=dyadic(1, 4, 4),
        z=dyadic(2, 4),
    )
    proto = emitted(ann, 8)
    onnx.checker.check_model(proto, full_check=True)
    for flag in (True, False):
        feeds = {"x": dyadic(3, 5, 4, unit=16), "c": np.array(flag)}
        np.testing.assert_array_equal(
            run_ort(proto, feeds)["y"], run_reference(proto, feeds)["y"]
        )
    assert {"k.body", "z"} <= set(body_of(proto).initializers)


@pytest.mark.parametrize("time_steps", [0, -3])
def test_less_than_one_step(time_steps: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, not {time_steps}"):
        EmitTimeLoop(time_steps)

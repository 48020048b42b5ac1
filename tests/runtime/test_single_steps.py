"""A file of one step, with the states in and out, and a network that is stepped."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

import onnx2snn
from onnx2snn import OptionError, RuntimeShapeError, UnsupportedError
from onnx2snn.schedules import take_step_out_of_loop, time_loops
from onnx2snn.testing import run_reference
from tests.models import (
    CLASSIFIER,
    CLASSIFIER_WEIGHTS,
    CLASSIFIER_X,
    dyadic,
    model,
    normal,
    single_step_graph,
)

T = 6
PLAIN: dict[str, Any] = {"threshold": "max", "per_channel": False, "corrections": ()}
IMAGES = dyadic(6, 40, 2, 6, 5, unit=16)
TWO_INPUTS = (
    "(float[N,4] x, float[N,M,3] z) => (float[N,M,4] y, float[N,4] e) "
    "{ a = MatMul (x, w)  e = Relu (a)  b = MatMul (z, u)  f = Relu (b)  i = Unsqueeze (e, one) "
    " s = Add (f, i)  y = Relu (s) }"
)
TWO_WEIGHTS = {
    "w": dyadic(2, 4, 4),
    "u": dyadic(3, 3, 4),
    "one": np.array([1], np.int64),
}
TWO_FEEDS = {"x": dyadic(4, 2, 4, unit=16), "z": dyadic(5, 2, 3, 3, unit=16)}


def converted(
    text: str = CLASSIFIER,
    arrays: dict[str, np.ndarray] = CLASSIFIER_WEIGHTS,
    data: Any = None,
    **options: Any,
) -> Any:
    ann = ir.to_proto(model(text, **arrays))
    data = {"x": IMAGES} if data is None else data
    return onnx2snn.convert(ann, T, data, **(PLAIN | options))


class ByHand:
    """A file of one step as a program in any language runs it: by names of inputs and outputs."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self.session = onnxruntime.InferenceSession(proto.SerializeToString())
        self.feeds: dict[str, np.ndarray] = {"reset": np.ones((), bool)}
        for value in self.session.get_inputs():
            is_whole = value.type == "tensor(int64)"
            dtype = np.int64 if is_whole else np.float32
            self.feeds.setdefault(value.name, np.zeros([1] * len(value.shape), dtype))

    def step(self, **feeds: np.ndarray) -> dict[str, np.ndarray]:
        names = [value.name for value in self.session.get_outputs()]
        found = self.session.run(None, self.feeds | feeds)
        outputs = dict(zip(names, found, strict=True))
        for name in self.feeds:
            if f"{name}.next" in outputs:
                self.feeds[name] = outputs.pop(f"{name}.next")
        self.feeds["reset"] = np.zeros((), bool)
        return outputs


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"neuron": "augmented"},
        {"neuron": "if"},
        {"input_coding": "rate"},
        {"corrections": ("step-bias",)},
        {"weights": "int8"},
        {"fold_thresholds": True},
        {"inline": True},
    ],
    ids=str,
)
def test_steps_give_the_bits_of_the_loop(options: dict[str, Any]) -> None:
    loop = onnx2snn.load(converted(**(options | {"inline": False})), "ort")
    conversion = converted(layout="step", **options)
    onnx.checker.check_model(conversion.model, full_check=True)
    assert not time_loops(conversion.ir_model.graph)
    assert conversion.report["layers"] == converted(**options).report["layers"]
    by_hand = ByHand(conversion.model)
    for t in range(1, T + 3):
        expected = loop.run(CLASSIFIER_X, t)
        stepped = loop.step(CLASSIFIER_X)
        found = by_hand.step(x=CLASSIFIER_X)
        assert list(found) == list(stepped) == list(expected)
        for name, data in expected.items():
            np.testing.assert_array_equal(found[name], data)
            np.testing.assert_array_equal(stepped[name], data)


def test_weights_that_are_not_dyadic() -> None:
    rng_weights = {
        name: normal(seed, *w.shape) * np.float32(0.3)
        for seed, (name, w) in enumerate(CLASSIFIER_WEIGHTS.items())
    }
    data = {"x": normal(20, 64, 2, 6, 5)}
    ann = ir.to_proto(model(CLASSIFIER, **rng_weights))
    network = onnx2snn.load(onnx2snn.convert(ann, T, data), "ort")
    x = normal(21, 5, 2, 6, 5)
    for t in range(1, T + 1):
        found = network.step(x)
        for name, expected in network.run(x, t).items():
            np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize("runtime", ["auto", "numpy"])
def test_several_inputs_and_outputs_and_another_batch(runtime: str) -> None:
    data = [{"x": x[None], "z": dyadic(i, 1, 3, 3, unit=16)} for i, x in
            enumerate(dyadic(9, 8, 4, unit=16))]  # fmt: skip
    conversion = converted(TWO_INPUTS, TWO_WEIGHTS, data, layout="step")
    network = onnx2snn.load(conversion, runtime)
    assert [spec.name for spec in network.inputs] == ["x", "z"]
    assert network.outputs == ("y", "e")
    for samples in (2, 1):
        feeds = {name: values[:samples] for name, values in TWO_FEEDS.items()}
        network.reset()
        for t in (1, 2, 3):
            found = network.step(feeds)
            for name, expected in network.run(feeds, t).items():
                np.testing.assert_array_equal(found[name], expected)


def test_a_slice_of_events_a_step() -> None:
    events = dyadic(5, 40, T, 2, 6, 5, unit=16)
    conversion = converted(data={"x": events}, input_coding="events", layout="step")
    network = onnx2snn.load(conversion, "ort")
    assert network.events == ("x",)
    x = np.ascontiguousarray(events[:3].swapaxes(0, 1))
    by_hand = ByHand(conversion.model)
    for t in range(1, T + 1):
        expected = network.run(x[:t])["y"]
        np.testing.assert_array_equal(network.step(x[t - 1])["y"], expected)
        np.testing.assert_array_equal(by_hand.step(x=x[t - 1])["y"], expected)


def test_each_step_may_see_another_frame() -> None:
    conversion = converted(layout="step")
    network = conversion.network
    by_hand = ByHand(conversion.model)
    frames = dyadic(8, 5, 1, 2, 6, 5, unit=16)
    for frame in frames:
        found = network.step(frame)["y"]
        np.testing.assert_array_equal(found, by_hand.step(x=frame)["y"])
    assert np.abs(network.step(frames[0])["y"] - network.run(frames[0], 6)["y"]).max()


def test_reset_begins_anew_and_other_shapes_need_it() -> None:
    network = converted().network
    network.reset()  # nothing to reset yet
    first = network.step(CLASSIFIER_X)["y"]
    second = network.step(CLASSIFIER_X)["y"]
    assert np.abs(first - second).max() > 0
    expected = r"x \[3, 2, 6, 5\], and this step has x \[1, 2, 6, 5\]: call reset\(\)"
    with pytest.raises(RuntimeShapeError, match=expected):
        network.step(CLASSIFIER_X[:1])
    with pytest.raises(RuntimeShapeError, match=r"'x'.*was given shape \[3, 2, 6\]"):
        network.step(CLASSIFIER_X[..., 0])
    network.reset()
    np.testing.assert_array_equal(network.step(CLASSIFIER_X[:1])["y"], first[:1])


def test_onnx_itself_runs_a_step() -> None:
    proto = converted(layout="step").model
    by_hand = ByHand(proto)
    found = run_reference(proto, by_hand.feeds | {"x": CLASSIFIER_X})
    expected = by_hand.step(x=CLASSIFIER_X)["y"]
    np.testing.assert_allclose(found["y"], expected, atol=1e-6)


def test_names_of_the_ann_stay_its_own() -> None:
    text = (
        "(float[N,4] reset) => (float[N,4] y) { a = MatMul (reset, w)  [n] b = Relu (a)  "
        "y = MatMul (b, w) }"
    )
    data = dyadic(3, 8, 4, unit=16)
    conversion = converted(text, {"w": dyadic(2, 4, 4)}, data, layout="step")
    names = [value.name for value in conversion.model.graph.input]
    assert names[:3] == ["reset", "reset_1", "n.v"]
    network = conversion.network
    np.testing.assert_array_equal(network.step(data)["y"], network.run(data, 1)["y"])


def test_ways_back_to_the_loop_and_to_the_batch() -> None:
    loop, step = converted(), converted(layout="step")
    back = onnx2snn.change_layout(step, "loop")
    assert back.model.graph.node[-1].op_type == loop.model.graph.node[-1].op_type
    assert [value.name for value in back.model.graph.input] == ["x", "T"]
    moved = onnx2snn.change_layout(step, "multistep")
    again = onnx2snn.change_layout(back, "step").model
    assert sorted(v.name for v in again.graph.input) == sorted(
        value.name for value in step.model.graph.input
    )
    for other in (back, moved):
        found = onnx2snn.load(other, "ort").run(CLASSIFIER_X, 3)["y"]
        expected = onnx2snn.load(loop, "ort").run(CLASSIFIER_X, 3)["y"]
        np.testing.assert_allclose(found, expected, atol=1e-6)
    recorded = step.network.run(CLASSIFIER_X, record="spikes")
    assert recorded.layers["a"].spikes.shape == (T, 3, 4, 4, 3)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"schedule": "staggered"}, "layout step is of use with the schedule lockstep"),
        ({"schedule": "layerwise"}, "layout step is of use with the schedule lockstep"),
        ({"early_exit": True}, "early_exit is of use with the layout loop"),
    ],
    ids=str,
)
def test_what_a_conversion_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        converted(layout="step", **options)


def test_a_latency_leaves_it_in_lockstep() -> None:
    conversion = converted(layout="step", latency=T + 2, **dict.fromkeys(PLAIN))
    assert conversion.report["schedule"] == "lockstep"
    assert "layout step" in conversion.report["schedule_reason"]


def test_what_a_file_refuses() -> None:
    with pytest.raises(OptionError, match="there after the last one only: a file of"):
        onnx2snn.change_layout(converted(schedule="staggered"), "step")
    with pytest.raises(OptionError, match="it fires layer by layer"):
        converted(schedule="layerwise").network.step(CLASSIFIER_X)
    with pytest.raises(OptionError, match="no way back to step: take the file"):
        converted(layout="multistep").network.step(CLASSIFIER_X)
    early = converted(early_exit=True)
    with pytest.raises(OptionError, match="ends early, which a file of one step"):
        onnx2snn.change_layout(early, "step")


def test_networks_in_branches_are_refused() -> None:
    branch = "{ z = If (c) <then_branch = t () => (float[N,4] p) { h = MatMul (x, w)  r = Relu (h)"
    text = (
        f"(float[N,4] x, bool c) => (float[N,4] y) {branch}  p = MatMul (r, w) }}, else_branch = "
        "e () => (float[N,4] q) { q = Identity (x) }>  y = Identity (z) }"
    )
    data = [{"x": dyadic(1, 2, 4, unit=16), "c": np.ones((), bool)}]
    ann = model(text, w=dyadic(2, 4, 4))
    with pytest.raises(OptionError, match="layout step does not fit If 'y'"):
        onnx2snn.convert(ann, T, data, layout="step")
    with pytest.raises(OptionError, match="in the branches of an If, with time steps"):
        onnx2snn.change_layout(onnx2snn.convert(ann, T, data), "step")


def test_a_state_of_unknown_rank_is_refused() -> None:
    snn = single_step_graph(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    from onnx2snn.passes import EmitTimeLoop  # noqa: PLC0415 (one test)

    EmitTimeLoop(T)(snn)
    (loop,) = time_loops(snn.graph)
    body = loop.attributes["body"].as_graph()
    neuron = next(node for node in body if node.name == "a")
    neuron.inputs[0].shape = None
    with pytest.raises(UnsupportedError, match="'a': the rank of its input is not"):
        take_step_out_of_loop(loop, ())

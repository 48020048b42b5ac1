"""Networks whose inputs are spikes or events."""

from __future__ import annotations

import json
import logging
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn._version import FORMAT_VERSION
from onnx2snn.graph import array
from onnx2snn.schedules import time_loops
from onnx2snn.testing import run_ort
from tests.models import dyadic, emitted, model, normal

TEXT = (
    "(float[N,2,7,5] x) => (float[N,5] y) { c = Conv (x, w, b)  a = Relu (c)  "
    "g = Conv (a, u, d)  r = Relu (g)  m = GlobalAveragePool (r)  q = Flatten (m)  "
    "y = Gemm (q, f, e) }"
)
WEIGHTS = {
    "w": normal(2, 4, 2, 3, 3) / 4,
    "b": normal(3, 4) / 8,
    "u": normal(4, 3, 4, 2, 2) / 3,
    "d": normal(5, 3) / 8,
    "f": normal(6, 3, 5),
    "e": normal(7, 5),
}
T = 12
EVENTS = (np.random.default_rng(0).random((60, T, 2, 7, 5)) < 0.3).astype(np.float32)
IMAGES = (np.random.default_rng(1).random((60, 2, 7, 5)) ** 2).astype(np.float32)
TWO = (
    "(float[N,4] image, float[N,4] pose, int64[N] index) => (float[N,3] y) "
    "{ s = Sub (image, pose)  h = Gemm (s, w)  a = Relu (h)  g = Gather (v, index)  "
    "p = Add (a, g)  y = Gemm (p, u) }"
)


def ann() -> onnx.ModelProto:
    return ir.to_proto(model(TEXT, **WEIGHTS))


def two_inputs() -> onnx.ModelProto:
    weights = {"w": normal(1, 4, 4), "u": normal(2, 4, 3), "v": normal(3, 7, 4)}
    return ir.to_proto(model(TWO, **weights))


def expected(events: np.ndarray) -> np.ndarray:
    """Return the ANN's output for the mean of events [N, T, ...]."""
    return run_ort(ann(), {"x": events.mean(axis=1, dtype=np.float32)})["y"]


def time_first(events: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(events.swapaxes(0, 1))


@pytest.fixture(scope="module")
def on_events() -> onnx2snn.Conversion:
    return onnx2snn.convert(
        ann(), T=T, calibration={"x": EVENTS}, input_coding="events"
    )


@pytest.fixture(scope="module")
def on_rates() -> onnx2snn.Conversion:
    return onnx2snn.convert(ann(), T=32, calibration={"x": IMAGES}, input_coding="rate")


def kinds(conversion: onnx2snn.Conversion) -> list[tuple[str, str, str | None]]:
    nodes = conversion.report["analysis"]["nodes"]
    return [(node["op"], node["kind"], node["driver"]) for node in nodes[:4]]


CODED = [
    ("Conv", "linear", "spikes"),
    ("Relu", "spiking", None),
    ("Conv", "linear", "spikes"),
    ("Relu", "spiking", None),
]


# Events


def test_an_input_of_events_has_an_axis_for_time_and_there_is_no_t(
    on_events: onnx2snn.Conversion,
) -> None:
    onnx.checker.check_model(on_events.model, full_check=True)
    graph = ir.from_proto(on_events.model).graph
    assert [(v.name, str(v.shape)) for v in graph.inputs] == [("x", "[T,N,2,7,5]")]
    assert [(v.name, str(v.shape)) for v in graph.outputs] == [("y", "[N,5]")]


def test_all_weights_are_driven_by_events_and_spikes(
    on_events: onnx2snn.Conversion,
) -> None:
    assert kinds(on_events) == CODED
    macs = on_events.report["analysis"]["macs"]
    assert macs["static"] == macs["analog"] == macs["real"] == 0
    assert on_events.report["input_coding"] == {
        "x": {"kind": "events", "magnitude": None}
    }
    notes = {entry.key: entry.value for entry in on_events.model.metadata_props}
    assert json.loads(notes["onnx2snn.input_coding"]) == {"x": "events"}
    assert notes["onnx2snn.T"] == "12"


def test_the_output_is_that_of_the_ann_on_the_mean_of_the_events(
    on_events: onnx2snn.Conversion,
) -> None:
    y = onnx2snn.load(on_events.model).run({"x": time_first(EVENTS)})["y"]
    assert np.abs(y - expected(EVENTS)).mean() < 0.1 * expected(EVENTS).std()


def test_biases_are_corrected_on_the_events_themselves() -> None:
    """In a burst the neurons saturate; what they then lack does not show in the mean."""
    burst = np.zeros_like(EVENTS)
    burst[:, :3] = EVENTS[:, :3] * 3
    lacks = []
    for corrections in (("threshold-scaling",), ("threshold-scaling", "bias")):
        conversion = onnx2snn.convert(
            ann(),
            T=T,
            calibration={"x": burst},
            input_coding="events",
            corrections=corrections,
        )
        y = onnx2snn.load(conversion.model).run({"x": time_first(burst)})["y"]
        lacks.append(np.abs((y - expected(burst)).mean(axis=0)).max())
    assert lacks[1] < lacks[0] / 3


def test_the_network_runs_for_as_many_steps_as_there_are_events() -> None:
    conversion = onnx2snn.convert(
        ann(),
        T=T,
        calibration={"x": EVENTS},
        input_coding="events",
        threshold="max",
        corrections=(),
    )
    network = onnx2snn.load(conversion.model)
    assert network.events == ("x",)
    assert network.T == T
    events = time_first(EVENTS)
    longer = np.concatenate([events] * 8)
    error = [
        np.abs(network.run({"x": x})["y"] - expected(EVENTS)).mean()
        for x in (events, longer)
    ]
    assert error[1] < error[0] / 2
    assert network.steps_in({"x": longer}) == 8 * T


def test_part_of_the_events(on_events: onnx2snn.Conversion) -> None:
    network = onnx2snn.load(on_events.model)
    events = time_first(EVENTS)
    at = network.run_at({"x": events}, [1, 5, T])
    for t, found in at.items():
        np.testing.assert_array_equal(found["y"], network.run({"x": events}, T=t)["y"])
        np.testing.assert_array_equal(found["y"], network.run({"x": events[:t]})["y"])


@pytest.mark.parametrize(
    "feeds, wanted, message",
    [
        (
            EVENTS[:, 0],
            None,
            r"'x' float32 \[N, 2, 7, 5\], with an axis for time in front, was ",
        ),
        (
            time_first(EVENTS),
            T + 1,
            r"'x' holds events of 12 steps, and T = 13 is asked for",
        ),
        (
            time_first(EVENTS)[:0],
            None,
            r"'x' holds events of 0 steps, and T = 1 is asked for",
        ),
    ],
)
def test_feeds_that_are_no_events(
    feeds: np.ndarray, wanted: int | None, message: str, on_events: onnx2snn.Conversion
) -> None:
    with pytest.raises(onnx2snn.RuntimeShapeError, match=message):
        onnx2snn.load(on_events.model).run({"x": feeds}, T=wanted)


@pytest.mark.parametrize(
    "data",
    [EVENTS[:, :8], time_first(EVENTS), EVENTS[:, 0]],
    ids=["T", "time first", "no time"],
)
def test_calibration_data_that_is_no_events(data: np.ndarray) -> None:
    message = r"expected \[N, 12, 2, 7, 5\](.|\n)*events 'x' is \[N, T, ...\]: .* T = 12 steps"
    with pytest.raises(onnx2snn.CalibrationError, match=message):
        onnx2snn.convert(ann(), T=T, calibration={"x": data}, input_coding="events")


def test_events_are_scored_with_samples_first(on_events: onnx2snn.Conversion) -> None:
    labels = expected(EVENTS).argmax(axis=1)
    data = {"x": EVENTS, "y": labels}
    found = onnx2snn.evaluate(on_events.model, data, ann=ann(), batch_size=7)
    assert list(found.top1) == [T]
    assert found.ann_top1 == 100
    assert found.top1 == found.agreement
    y = onnx2snn.load(on_events.model).run({"x": time_first(EVENTS)})["y"]
    assert found.top1[T] == round(100 * float(np.mean(y.argmax(axis=1) == labels)), 2)
    assert list(onnx2snn.evaluate(on_events.model, data, time_steps=[4, 2]).top1) == [
        2,
        4,
    ]


def test_events_without_data() -> None:
    conversion = onnx2snn.convert(ann(), T=T, input_coding="events")
    y = onnx2snn.load(conversion.model).run({"x": time_first(EVENTS)})["y"]
    assert y.shape == (60, 5)


def test_dyadic_events_are_bit_equal_in_both_runtimes() -> None:
    weights = {name: dyadic(3, *value.shape) for name, value in WEIGHTS.items()}
    network = model(TEXT, **weights)
    onnx2snn.passes.ChooseInputCoding(events=("x",))(network)
    snn = emitted(network, theta=0.25)
    notes = {"onnx2snn.format": str(FORMAT_VERSION), "onnx2snn.T": "8"}
    notes |= {"onnx2snn.input_coding": '{"x": "events"}'}
    onnx.helper.set_model_props(snn, notes)
    feeds = {"x": time_first(EVENTS)[:8]}
    ours, numpy = (
        onnx2snn.load(snn, runtime).run(feeds)["y"] for runtime in ("ort", "numpy")
    )
    np.testing.assert_array_equal(ours, numpy)


def test_a_network_of_events_that_does_not_say_so() -> None:
    network = model(TEXT, **WEIGHTS)
    onnx2snn.passes.ChooseInputCoding(events=("x",))(network)
    with pytest.raises(
        onnx2snn.InvalidModelError, match="do not say which of its inputs are ev"
    ):
        onnx2snn.load(emitted(network))


# Rates


def test_the_first_weights_are_driven_by_spikes(on_rates: onnx2snn.Conversion) -> None:
    onnx.checker.check_model(on_rates.model, full_check=True)
    assert kinds(on_rates) == CODED
    assert onnx2snn.analyze(ann(), input_coding="rate") == on_rates.report["analysis"]
    (loop,) = time_loops(ir.from_proto(on_rates.model).graph)
    inside = [node.op_type for node in loop.attributes["body"].as_graph()]
    assert inside.count("BernoulliEncoder") == 1
    assert inside.count("Conv") == 2


def test_a_spike_stands_for_the_largest_magnitude_in_the_data(
    on_rates: onnx2snn.Conversion,
) -> None:
    coding = on_rates.report["input_coding"]["x"]
    assert coding == {"kind": "rate", "magnitude": float(np.abs(IMAGES).max())}
    (loop,) = time_loops(ir.from_proto(on_rates.model).graph)
    body = loop.attributes["body"].as_graph()
    encoder = next(node for node in body if node.op_type == "BernoulliEncoder")
    assert array(encoder.inputs[2]) == np.abs(IMAGES).max()


def test_without_data_inputs_are_taken_for_numbers_up_to_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "onnx2snn"):
        conversion = onnx2snn.convert(ann(), T=4, input_coding="rate")
    assert conversion.report["input_coding"]["x"]["magnitude"] == 1
    assert "rate coding takes 'x' to lie between -1 and 1" in caplog.text


def test_more_steps_come_closer_to_the_ann(on_rates: onnx2snn.Conversion) -> None:
    network = onnx2snn.load(on_rates.model)
    target = run_ort(ann(), {"x": IMAGES})["y"]
    found = network.run_at({"x": IMAGES}, [4, 32, 512])
    errors = [np.abs(outputs["y"] - target).mean() for outputs in found.values()]
    assert (
        errors[0] > 2 * errors[1] > 4 * errors[2]
    )  # a random error falls with the root of T
    assert errors[2] < 0.05 * target.std()


def test_the_seed_is_part_of_the_file() -> None:
    def run(seed: int) -> np.ndarray:
        snn = onnx2snn.convert(
            ann(), T=8, input_coding="rate", seed=seed, calibration=IMAGES
        )
        return onnx2snn.load(snn.model).run({"x": IMAGES})["y"]

    np.testing.assert_array_equal(run(1), run(1))
    assert (run(1) != run(2)).any()


def test_biases_are_corrected_on_the_spikes_themselves() -> None:
    target = run_ort(ann(), {"x": IMAGES})["y"]
    lacks = []
    for corrections in ((), ("bias",)):
        conversion = onnx2snn.convert(
            ann(),
            T=4,
            calibration=IMAGES,
            input_coding="rate",
            corrections=corrections,
        )
        y = onnx2snn.load(conversion.model).run({"x": IMAGES})["y"]
        lacks.append(np.abs((y - target).mean(axis=0)).max())
    assert lacks[1] < lacks[0] / 2


def test_dyadic_spikes_are_bit_equal_in_both_runtimes() -> None:
    weights = {name: dyadic(3, *value.shape) for name, value in WEIGHTS.items()}
    network = ir.to_proto(model(TEXT, **weights))
    x = np.abs(dyadic(9, 5, 2, 7, 5))
    conversion = onnx2snn.convert(
        network,
        T=16,
        calibration=x,
        input_coding="rate",
        corrections=(),
        threshold="max",
    )
    assert conversion.report["input_coding"]["x"]["magnitude"] == 0.5
    feeds = {"x": x}
    ours, numpy = (
        onnx2snn.load(conversion.model, r).run(feeds)["y"] for r in ("ort", "numpy")
    )
    np.testing.assert_array_equal(ours, numpy)


def test_a_half_precision_network() -> None:
    text = TEXT.replace("float[", "float16[")
    half = ir.to_proto(
        model(text, **{k: v.astype(np.float16) for k, v in WEIGHTS.items()})
    )
    x = IMAGES.astype(np.float16)
    network = onnx2snn.load(
        onnx2snn.convert(half, T=32, calibration=x, input_coding="rate").model
    )
    y = network.run({"x": x}, T=256)["y"]
    target = run_ort(ann(), {"x": IMAGES})["y"]
    assert y.dtype == np.float16
    assert np.abs(y - target).mean() < 0.1 * target.std()


# Which inputs


def test_all_real_inputs_or_some_by_name() -> None:
    def codings(option: Any) -> dict[str, str]:
        found = onnx2snn.convert(two_inputs(), T=4, input_coding=option).report[
            "input_coding"
        ]
        return {name: coding["kind"] for name, coding in found.items()}

    assert codings("rate") == {"image": "rate", "pose": "rate", "index": "direct"}
    by_name = {"image": "events", "pose": "direct", "index": "direct"}
    assert codings("image=events") == codings({"image": "events"}) == by_name
    both = {"image": "events", "pose": "rate", "index": "direct"}
    assert codings("image=events, pose=rate") == both
    assert codings("direct") == codings({}) == dict.fromkeys(both, "direct")


def test_events_beside_an_input_that_stays() -> None:
    rng = np.random.default_rng(0)
    data = {
        "image": rng.random((30, 16, 4)).astype(np.float32),
        "pose": rng.random((30, 4)).astype(np.float32),
        "index": rng.integers(0, 7, 30),
    }
    conversion = onnx2snn.convert(
        two_inputs(), T=16, calibration=data, input_coding={"image": "events"}
    )
    feeds = data | {"image": time_first(data["image"])}
    y = onnx2snn.load(conversion.model).run(feeds)["y"]
    mean = data | {"image": data["image"].mean(axis=1)}
    target = run_ort(two_inputs(), mean)["y"]
    assert np.abs(y - target).mean() < 0.1 * target.std()
    scored = onnx2snn.evaluate(
        conversion.model, data, ann=two_inputs(), task="classification"
    )
    assert scored.agreement[16] > 80


def test_events_of_different_lengths() -> None:
    conversion = onnx2snn.convert(two_inputs(), T=4, input_coding="events")
    feeds = {
        "image": np.zeros((4, 2, 4), np.float32),
        "pose": np.zeros((5, 2, 4), np.float32),
        "index": np.zeros(2, np.int64),
    }
    with pytest.raises(onnx2snn.RuntimeShapeError, match="'image': 4, 'pose': 5"):
        onnx2snn.load(conversion.model).run(feeds)


@pytest.mark.parametrize(
    "option, message",
    [
        ("spikes", "input_coding must be one of direct, rate, events, .* not 'spikes'"),
        (
            "image=spikes",
            "input_coding must be one of direct, rate, events, .*'image=spikes'",
        ),
        (
            "picture=rate",
            "input_coding: the network has no input 'picture', but 'image', 'index'",
        ),
        (
            "index=rate",
            "input_coding: input 'index' int64 .* does not hold real numbers",
        ),
    ],
)
def test_codings_that_are_refused(option: str, message: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        onnx2snn.analyze(two_inputs(), input_coding=option)


@pytest.mark.parametrize(
    "text, coding, message",
    [
        (
            "(int64[N] x) => (float[N] y) { c = Cast <to = 1> (x)  y = Relu (c) }",
            "rate",
            "no inpu",
        ),
        (
            "(float x) => (float y) { y = Relu (x) }",
            "events",
            "no known shape to put an axis",
        ),
    ],
)
def test_inputs_that_cannot_be_coded(text: str, coding: str, message: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        onnx2snn.analyze(ir.to_proto(model(text)), input_coding=coding)


BYTES = """(uint8[N,4] x) => (float[N,4] y) {
    c = Cast <to = 1> (x)  d = Div (c, most)  h = MatMul (d, w)  r = Relu (h)  y = MatMul (r, w)
}"""


def of_bytes() -> ir.Model:
    return model(BYTES, most=np.float32(255), w=np.eye(4, dtype=np.float32))


@pytest.mark.parametrize("with_data", [False, True])
def test_bytes_that_are_cast_become_random_spikes(*, with_data: bool) -> None:
    """Was refused, as no real numbers."""
    x = np.uint8([[0, 255, 51, 102], [204, 0, 153, 255]])
    data = [{"x": x}] if with_data else None
    snn = onnx2snn.convert(of_bytes(), T=512, calibration=data, input_coding="rate")
    found = onnx2snn.load(snn.model).run({"x": x})["y"]
    # the error of a mean of 512 spikes is below 4.5 * sqrt(1 / 4 / 512) in all but 1 of 10^5
    np.testing.assert_allclose(found, x / 255, rtol=0, atol=0.1)


def test_bytes_that_are_events() -> None:
    x = np.uint8(np.arange(32).reshape(4, 2, 4) * 8)
    snn = onnx2snn.convert(of_bytes(), T=4, input_coding="events", corrections=())
    direct = onnx2snn.convert(of_bytes(), T=4, corrections=())
    found = onnx2snn.load(snn.model).run({"x": x})["y"]
    assert found.shape == onnx2snn.load(direct.model).run({"x": x[0]})["y"].shape


def test_bytes_that_are_indices_are_refused() -> None:
    text = """(uint8[N,4] x) => (float[N,4,4] y) {
        i = Cast <to = 7> (x)  g = Gather (w, i)  h = MatMul (g, w)  r = Relu (h)
        y = MatMul (r, w) }"""
    ann = model(text, w=np.eye(4, dtype=np.float32))
    with pytest.raises(onnx2snn.OptionError, match="'x' holds integers"):
        onnx2snn.convert(ann, T=4, input_coding={"x": "rate"})

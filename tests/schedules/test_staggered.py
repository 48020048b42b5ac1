"""Conversions whose layers are staggered, from the ANN to scores and reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn import OptionError, cli
from onnx2snn.metadata.step_count import StepCount
from onnx2snn.methods import Method
from onnx2snn.testing import run_ort
from tests.models import dyadic, model
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = {"image": np.load(DIGITS / "calibration.npz")["image"][:64]}
TEST = {key: array[:100] for key, array in np.load(DIGITS / "test.npz").items()}


@pytest.fixture(scope="module")
def conversion() -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, 4, CALIBRATION, schedule="staggered")


def test_the_report_has_t_and_latency(
    conversion: onnx2snn.Conversion,
) -> None:
    report = conversion.report
    assert problems(report, "report-1.json") == []
    assert (report["T"], report["schedule"]) == (4, "staggered")
    # four layers of neurons, of which the first has its input from the beginning
    assert report["latency_steps"] == 7
    assert (report["levels"], report["levels_per_spike"]) == (25, 4)
    assert [layer["neuron"] for layer in report["layers"]] == [
        "GatedInverseLeakyIF"
    ] * 4


@pytest.mark.parametrize(
    "options, latency",
    [
        ({"schedule": "staggered", "layout": "multistep"}, 7),
        ({"schedule": "staggered", "delays": "joins"}, 5),
        ({"schedule": "staggered", "delays": "none"}, 4),
        ({"schedule": "layerwise"}, 16),
        ({"schedule": "layerwise", "collapse": False}, 16),
        ({}, 4),
    ],
)
def test_latency_of_each_schedule(options: dict[str, Any], latency: int) -> None:
    conversion = onnx2snn.convert(ANN, 4, **options)
    assert conversion.report["latency_steps"] == latency
    network = onnx2snn.load(conversion.model)
    assert network.latency_steps() == latency
    # what layers wait does not depend on T, and layer by layer all of it does
    factor = 4 if options.get("schedule") == "layerwise" else 1
    assert network.latency_steps(6) == latency + 2 * factor
    props = {entry.key: entry.value for entry in conversion.model.metadata_props}
    assert StepCount.parse(props["onnx2snn.latency"]).at(4) == latency


def test_thresholds_are_reported_as_those_of_the_activation() -> None:
    options = {"schedule": "staggered", "corrections": "none", "leak": 2.0}
    found = [
        onnx2snn.convert(ANN, 4, CALIBRATION, delays=delays, **options).report
        for delays in ("all", "none")
    ]
    largest = [
        [layer["v_threshold_max"] for layer in report["layers"]] for report in found
    ]
    assert largest[0] == largest[1]


def test_the_file_is_valid(conversion: onnx2snn.Conversion) -> None:
    onnx.checker.check_model(conversion.model, full_check=True)
    onnx.shape_inference.infer_shapes(
        conversion.model, check_type=True, strict_mode=True
    )
    assert [value.name for value in conversion.model.graph.input] == ["image", "T"]


@pytest.mark.parametrize("layout", ["loop", "multistep"])
def test_scores_have_the_latency_of_each_t(layout: str) -> None:
    snn = onnx2snn.convert(ANN, 4, CALIBRATION, schedule="staggered", layout=layout)
    score = onnx2snn.evaluate(snn, TEST, ann=ANN, T=[2, 4, 6])
    assert score.latency_steps == {2: 5, 4: 7, 6: 9}
    assert problems(score.as_dict(), "evaluation-1.json") == []
    # 25 stairs for each activation are as good as the ANN on digits
    assert score.top1[4] >= score.ann_top1 - 1
    assert score.agreement[6] >= 98
    network = onnx2snn.load(snn)
    (scores,) = network.run({"image": TEST["image"]}, 2).values()
    right = (scores.argmax(axis=1) == TEST["y"]).mean()
    assert score.top1[2] == round(100 * float(right), 2)


def test_both_layouts_tell_the_same() -> None:
    found = []
    for layout in ("loop", "multistep"):
        snn = onnx2snn.convert(ANN, 4, CALIBRATION, schedule="staggered", layout=layout)
        found.append(onnx2snn.load(snn, "ort").run({"image": TEST["image"]}))
    # the same spikes, whose weights are added up for one step or for all: floats may differ
    for one, other in zip(*(each.values() for each in found), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_many_outputs_of_unequal_depth() -> None:
    ann = model(
        """(float[N,6] x) => (p, q, float[N,6] r) {
            c1 = MatMul (x, w1)  a1 = Relu (c1)  p = MatMul (a1, w2)
            c2 = MatMul (a1, w2)  a2 = Relu (c2)
            c3 = MatMul (a2, w1)  q3 = Add (c3, a1)  a3 = Relu (q3)
            s = Sigmoid (a3)  c4 = MatMul (s, w1)  a4 = LeakyRelu (c4)
            q = Softmax (a4)  r = Identity (a2) }""",
        w1=dyadic(1, 6, 6),
        w2=dyadic(2, 6, 6),
    )
    x = {"x": dyadic(3, 50, 6, unit=16)}
    expected = run_ort(ann, x)
    options = {"schedule": "staggered", "threshold": "max", "corrections": "none"}
    snn = onnx2snn.convert(ann, 12, x, **options)
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(snn, runtime).run(x)
        for name, wanted in expected.items():
            # 4095 stairs; but a ReLU cannot owe what it did not send, and stays too large
            np.testing.assert_allclose(found[name], wanted, atol=0.05, err_msg=name)


def test_corrections_bring_it_closer() -> None:
    errors = []
    for corrections in ("none", "weights,threshold-scaling"):
        snn = onnx2snn.convert(
            ANN, 2, CALIBRATION, schedule="staggered", corrections=corrections
        )
        score = onnx2snn.evaluate(snn, TEST, ann=ANN, T=2)
        (by_steps,) = score.deviations.values()
        errors.append(by_steps[2].relative_error)
    assert errors[1] < errors[0]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"neuron": "gated"}, "staggered needs the neuron 'weighted', not 'gated'"),
        ({"delays": "some"}, "delays must be one of all, joins, none, not 'some'"),
        ({"corrections": "step-bias"}, "'step-bias' needs the schedule lockstep"),
        (
            {"corrections": "potential"},
            "'potential' does not fit the neuron 'weighted'",
        ),
        ({"collapse": False}, "collapse is of use with the schedule layerwise"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        onnx2snn.Options(schedule="staggered", **options)


@pytest.mark.parametrize("schedule", ["lockstep", "layerwise"])
def test_weighted_spikes_need_it(schedule: str) -> None:
    with pytest.raises(OptionError, match="'weighted' needs the schedule staggered"):
        Method(neuron="weighted", schedule=schedule)


@pytest.mark.parametrize("coding", ["rate", "events"])
def test_an_input_that_is_a_stream_is_refused_by_name(coding: str) -> None:
    with pytest.raises(OptionError, match=r"schedule staggered .*'image' is a stream"):
        onnx2snn.convert(ANN, 4, schedule="staggered", input_coding=coding)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"delays": "joins"},
        {"delays": "none"},
        {"weights": "int8"},
        {"fold_thresholds": True},
        {"latency": 6, "method": "staggered"},
    ],
    ids=str,
)
def test_its_loop_is_laid_out_anew_with_the_same_outputs(
    options: dict[str, Any],
) -> None:
    chosen = {"schedule": "staggered"} | options
    loop = onnx2snn.convert(ANN, 4, CALIBRATION, **chosen)
    batch = onnx2snn.convert(ANN, 4, CALIBRATION, layout="multistep", **chosen)
    moved = onnx2snn.change_layout(loop, "multistep")
    onnx.checker.check_model(moved.model, full_check=True)
    networks = [onnx2snn.load(each, "ort") for each in (loop, batch, moved)]
    latency = loop.report["latency_steps"]
    assert [each.latency_steps() for each in networks] == [latency] * 3
    assert [each.weight_passes() for each in networks] == [latency, 4, 4]
    feeds = {"image": TEST["image"][:20]}
    for time_steps in (2, 4, 7):
        wanted, *others = (each.run(feeds, time_steps)["logits"] for each in networks)
        for found in others:
            # the same spikes, whose weights are added up for one step or for all
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)
    # nothing is left of delays and windows
    kinds = {node.op_type for node in moved.ir_model.graph.all_nodes()}
    assert kinds.isdisjoint({"Delay", "Where", "Loop"})


@pytest.mark.parametrize(
    "options", [{"weights": "int8"}, {"fold_thresholds": True}], ids=str
)
def test_rounded_weights_and_folded_thresholds_cost_little(
    options: dict[str, Any],
) -> None:
    chosen = {"schedule": "staggered", "corrections": "none", "hold_out": False}
    plain = onnx2snn.convert(ANN, 4, CALIBRATION, **chosen)
    other = onnx2snn.convert(ANN, 4, CALIBRATION, **chosen, **options)
    assert other.report["weights"] == options.get("weights", "float")
    errors = []
    for snn in (plain, other):
        score = onnx2snn.evaluate(snn, TEST, ann=ANN, T=4)
        (by_steps,) = score.deviations.values()
        errors.append(by_steps[4].relative_error)
    # an 8-bit grid is 1/254 of the largest weight off at most
    assert errors[1] == pytest.approx(errors[0], abs=0.01)


def test_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "test.npz", **TEST)
    snn = str(tmp_path / "snn.onnx")
    words = ["convert", ANN, "-o", snn, "--T", "4", "--schedule", "staggered"]
    words += ["--delays", "joins", "--calibration", str(DIGITS / "calibration.npz")]
    assert cli.main(words) == 0
    assert "T = 4, answer after 5 steps, 5 passes over the weights" in " ".join(
        capsys.readouterr().out.split()
    )
    assert cli.main(["evaluate", snn, "--data", str(tmp_path / "test.npz")]) == 0
    cells = capsys.readouterr().out.replace("│", " ").split()
    at = cells.index("4")
    assert cells[at : at + 3] == ["4", "5", "5"]


@pytest.mark.parametrize(
    "latency, most, schedule",
    [
        (4, 4, "lockstep"),
        (5, 5, "staggered"),
        (6, 6, "staggered"),
        (20, 7, "staggered"),
    ],
)
@pytest.mark.parametrize("calibration", [CALIBRATION, None])
def test_a_latency_chooses_the_schedule_and_who_waits(
    calibration: object, latency: int, most: int, schedule: str
) -> None:
    report = onnx2snn.convert(ANN, 4, calibration, latency=latency).report
    assert report["schedule"] == schedule
    assert report["latency_steps"] <= most
    assert calibration or report["latency_steps"] == most


def test_who_waits_is_no_worse_than_none_or_the_joins() -> None:
    options = {"schedule": "staggered", "corrections": "none"}
    choices = [{"latency": 5}, {"delays": "none"}, {"delays": "joins"}]
    errors = []
    for choice in choices:
        snn = onnx2snn.convert(ANN, 4, CALIBRATION, **options, **choice)
        score = onnx2snn.evaluate(snn, CALIBRATION, ann=ANN, T=4)
        (by_steps,) = score.deviations.values()
        errors.append(by_steps[4].relative_error)
    # floats are added up in another order in the search
    assert errors[0] <= min(errors[1:]) * (1 + 1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"latency": 3}, "latency must be at least T = 4, not 3"),
        ({"latency": "7"}, "latency must be a whole number, not '7'"),
        (
            {"latency": 7, "schedule": "layerwise"},
            "latency is of use with the schedule staggered only",
        ),
        (
            {"latency": 7, "schedule": "lockstep"},
            "latency is of use with the schedule staggered only",
        ),
        (
            {"latency": 7, "method": "spikeconverter"},
            "latency is of use with the schedule staggered only",
        ),
    ],
)
def test_a_latency_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        onnx2snn.convert(ANN, 4, **options)


def test_a_latency_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convert", ANN, "-o", str(tmp_path / "snn.onnx"), "--T", "4"]
    words += ["--latency", "5"]
    assert cli.main(words) == 0
    assert "T = 4, answer after 5 steps, 5 passes over the weights" in " ".join(
        capsys.readouterr().out.split()
    )

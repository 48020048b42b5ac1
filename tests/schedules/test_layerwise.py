"""Conversions whose layers fire one after another, from the ANN to scores and reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn
from onnx2snn import cli
from onnx2snn.graph import array
from onnx2snn.methods import Method
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules import time_loops
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.testing import run_ort
from tests.models import dyadic, model
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = {"image": np.load(DIGITS / "calibration.npz")["image"][:64]}
TEST = {key: array[:100] for key, array in np.load(DIGITS / "test.npz").items()}
BEST = {"schedule": "layerwise", "neuron": "inverse-leaky"}
FORMS = pytest.mark.parametrize(
    "collapse", [True, False], ids=["collapsed", "step by step"]
)


@pytest.fixture(scope="module")
def conversion() -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, 4, CALIBRATION, **BEST)


@FORMS
@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_scores_at_several_t_are_those_of_single_runs(
    runtime: str,
    collapse: bool,  # noqa: FBT001
) -> None:
    snn = onnx2snn.convert(ANN, 4, CALIBRATION, collapse=collapse, **BEST).model
    score = onnx2snn.evaluate(snn, TEST, ann=ANN, time_steps=[2, 4, 8], runtime=runtime)
    network = onnx2snn.load(snn, runtime)
    for steps in (2, 4, 8):
        (scores,) = network.run({"image": TEST["image"]}, steps).values()
        right = (scores.argmax(axis=1) == TEST["y"]).mean()
        assert score.top1[steps] == round(100 * float(right), 2)
    assert score.agreement[8] >= 99
    assert score.agreement[4] >= 98


def test_one_layer_alone_is_scored_at_each_t_for_itself() -> None:
    ann = model("(float[N,4] x) => (float[N,4] y) { h = MatMul (x, k)  a = Relu (h)  "
                "y = MatMul (a, k) }", k=dyadic(1, 4, 4))  # fmt: skip
    x = dyadic(2, 20, 4, unit=16)
    snn = onnx2snn.load(onnx2snn.convert(ann, 4, {"x": x}, **BEST).model)
    for steps, outputs in snn.run_at({"x": x}, [1, 2, 6]).items():
        np.testing.assert_array_equal(outputs["y"], snn.run({"x": x}, steps)["y"])


@pytest.mark.parametrize(
    "options, levels, sizes",
    [
        (BEST, 15, 4),
        ({"schedule": "layerwise", "neuron": "augmented", "max_spikes": 3}, 12, 3),
        ({"schedule": "layerwise"}, 4, 1),
        ({"neuron": "augmented"}, 16, 4),
        ({}, 4, 1),
    ],
)
def test_the_report_states_latency_and_levels(
    options: dict[str, Any], levels: int, sizes: int
) -> None:
    report = onnx2snn.convert(ANN, 4, CALIBRATION, **options).report
    assert problems(report, "report-1.json") == []
    assert (report["levels"], report["levels_per_spike"]) == (levels, sizes)
    layerwise = options.get("schedule") == "layerwise"
    assert report["schedule"] == ("layerwise" if layerwise else "lockstep")
    assert report["latency_steps"] == (4 * 4 if layerwise else 4)


def test_the_report_has_the_thresholds_of_the_largest_values(
    conversion: onnx2snn.Conversion,
) -> None:
    layers = conversion.report["layers"]
    assert [layer["neuron"] for layer in layers] == ["InverseLeakyIF"] * 4
    for layer in layers:
        assert 0 < layer["v_threshold_min"] < layer["v_threshold_max"]
    graph = conversion.ir_model.graph
    neuron = next(node for node in graph if is_neuron(node))
    theta = array(named_inputs(neuron)["v_threshold"])
    assert layers[0]["v_threshold_max"] == theta.max()


def test_the_report_is_that_of_the_network_with_steps(
    conversion: onnx2snn.Conversion,
) -> None:
    in_steps = onnx2snn.convert(ANN, 4, CALIBRATION, collapse=False, **BEST)
    assert len(time_loops(in_steps.ir_model.graph)) == 4
    # errors of outputs, which are rounded in another order; and T steps behind an empty one
    others = {"held_out", "weight_passes"}
    passes = [each.report["weight_passes"] for each in (conversion, in_steps)]
    assert passes == [1, 5]
    for key in conversion.report.keys() - others:
        assert in_steps.report[key] == conversion.report[key]


def test_the_file_says_what_it_is(conversion: onnx2snn.Conversion) -> None:
    onnx.checker.check_model(conversion.model, full_check=True)
    onnx.shape_inference.infer_shapes(
        conversion.model, check_type=True, strict_mode=True
    )
    props = {entry.key: entry.value for entry in conversion.model.metadata_props}
    assert props["onnx2snn.schedule"] == "layerwise"
    assert [value.name for value in conversion.model.graph.input] == ["image", "T"]
    ops = [node.op_type for node in conversion.model.graph.node]
    assert ops.count("InverseLeakyIFClosedForm") == 4
    assert "Loop" not in ops


def test_a_layer_hands_on_the_mean_activation_of_the_ann() -> None:
    ann = model(
        "(float[N,3,6,5] x) => (y) { c = Conv (x, w, b)  a = Relu (c)  g = Conv (a, u)  "
        "r = Relu (g)  y = Conv (r, u) }",
        w=dyadic(2, 4, 3, 3, 2),
        b=dyadic(3, 4),
        u=dyadic(4, 4, 4, 2, 2),
    )
    x = {"x": dyadic(1, 40, 3, 6, 5, unit=16)}
    expected = run_ort(ann, x)["y"].mean(axis=(0, 2, 3))
    errors = {}
    for correct in (True, False):
        options = {"schedule": "layerwise", "corrections": ("bias",) if correct else ()}
        snn = onnx2snn.load(onnx2snn.convert(ann, 2, x, **options).model)
        errors[correct] = np.abs(snn.run(x)["y"].mean(axis=(0, 2, 3)) - expected).max()
    assert errors[True] < errors[False] / 2


@FORMS
def test_networks_in_branches(collapse: bool) -> None:  # noqa: FBT001
    weights = {"w": dyadic(2, 4, 6), "v": dyadic(3, 6, 4)}
    inner = "h = MatMul (x, w)  a = Relu (h)  {} = MatMul (a, v)"
    branches = (
        f"then_branch = t () => (float[N,4] p) {{ {inner.format('p')} }}, "
        "else_branch = e () => (float[N,4] q) { q = Neg (x) }"
    )
    ann = model(
        f"(float[N,4] x, bool c) => (float[N,4] y) {{ z = If (c) <{branches}>  "
        "k = MatMul (z, w)  s = Relu (k)  y = MatMul (s, v) }",
        **weights,
    )
    alone = model(
        f"(float[N,4] x) => (float[N,4] y) {{ {inner.format('z')}  k = MatMul (z, w)  "
        "s = Relu (k)  y = MatMul (s, v) }",
        **weights,
    )
    x = dyadic(1, 5, 4, unit=16)
    feeds = {"x": x, "c": np.array(True)}  # noqa: FBT003
    options = BEST | {"threshold": "max", "collapse": collapse, "corrections": ()}
    conversion = onnx2snn.convert(ann, 3, [feeds], **options)
    onnx.checker.check_model(conversion.model, full_check=True)
    assert [value.name for value in conversion.model.graph.input] == ["x", "c", "T"]
    assert conversion.report["latency_steps"] == 6
    snn = onnx2snn.load(conversion.model)
    expected = run_ort(alone, {"x": x})["y"]
    np.testing.assert_allclose(snn.run(feeds, 16)["y"], expected, atol=1e-3)
    assert np.abs(snn.run(feeds, 2)["y"] - expected).max() > 1e-2
    evaluated = onnx2snn.load(conversion.model, "numpy").run(feeds, 3)["y"]
    np.testing.assert_allclose(evaluated, snn.run(feeds, 3)["y"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("neuron", ["gated", "augmented", "inverse-leaky"])
@pytest.mark.parametrize("name", ["double", "float16"])
def test_other_types_than_float32(name: str, neuron: str) -> None:
    dtype = {"double": np.float64, "float16": np.float16}[name]
    ann = model(
        f"({name}[N,4] x) => ({name}[N,4] y) {{ h = MatMul (x, k)  a = Relu (h)  "
        "g = MatMul (a, k)  r = Tanh (g)  y = MatMul (r, k) }",
        k=dyadic(1, 4, 4).astype(dtype),
    )
    x = dyadic(2, 40, 4, unit=16).astype(dtype)
    (expected,) = ReferenceEvaluator(ir.to_proto(ann)).run(None, {"x": x})
    for collapse in (True, False):
        snn = onnx2snn.convert(
            ir.to_proto(ann),
            8,
            {"x": x},
            schedule="layerwise",
            neuron=neuron,
            collapse=collapse,
        )
        found = onnx2snn.load(snn.model).run({"x": x})["y"]
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize("coding", ["rate", "events"])
def test_an_input_that_is_a_stream_is_refused_by_name(coding: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=r"'image' is a stream of its own"):
        onnx2snn.convert(ANN, 4, schedule="layerwise", input_coding=coding)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"schedule": "wave"},
            "schedule must be one of lockstep, staggered, layerwise, not 'wave'",
        ),
        ({"neuron": "inverse-leaky"}, "'inverse-leaky' needs the schedule layerwise"),
        (
            {"neuron": "augmented", "max_spikes": 0},
            "max_spikes must be 1 to 127 a step, not 0",
        ),
        (
            {**BEST, "leak": 3.0},
            "leak must be above 1 and at most 2 where .* 0 and 1, not 3.0",
        ),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(onnx2snn.OptionError, match=message):
        onnx2snn.Options(**options)


@pytest.mark.parametrize(
    "neuron, leak, time_steps, levels",
    [
        ("inverse-leaky", 2.0, 1, 1),
        ("inverse-leaky", 2.0, 8, 255),
        ("inverse-leaky", 2.0, 2000, 2**16),
        ("inverse-leaky", 1.5, 4, 8),  # 1 + 1.5 + 2.25 + 3.375 of the smallest digit
        ("augmented", 2.0, 8, 32),
        ("gated", 2.0, 8, 8),
        ("if", 2.0, 2**16, 2**16),
    ],
)
def test_levels(neuron: str, leak: float, time_steps: int, levels: int) -> None:
    schedule = "layerwise" if neuron == "inverse-leaky" else "lockstep"
    method = Method(neuron=neuron, schedule=schedule, max_spikes=4, leak=leak)
    assert method.levels(time_steps) == levels


def test_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "test.npz", **TEST)
    found = {}
    for flag in ("--collapse", "--no-collapse"):
        snn, out = str(tmp_path / f"snn{flag}.onnx"), str(tmp_path / f"out{flag}.npz")
        data = str(DIGITS / "calibration.npz")
        words = [
            "convert",
            ANN,
            "-o",
            snn,
            "--T",
            "4",
            "--calibration",
            data,
            flag,
            "--quiet",
        ]
        assert (
            cli.main([*words, "--schedule", "layerwise", "--neuron", "inverse-leaky"])
            == 0
        )
        words = [
            "evaluate",
            snn,
            "--data",
            str(tmp_path / "test.npz"),
            "--T",
            "2,4",
            "--json",
        ]
        capsys.readouterr()
        assert cli.main(words) == 0
        assert json.loads(capsys.readouterr().out)["top1"]["4"] >= 97
        words = [
            "run",
            snn,
            "--data",
            str(tmp_path / "test.npz"),
            "-o",
            out,
            "--T",
            "8",
        ]
        np.savez(tmp_path / "test.npz", image=TEST["image"], y=TEST["y"])
        assert cli.main([*words, "--quiet"]) == 0
        (found[flag],) = np.load(out).values()
    np.testing.assert_allclose(*found.values(), rtol=1e-3, atol=1e-2)

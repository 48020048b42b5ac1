"""The ways in which a file takes T, and files without model-local functions."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

import onnx2snn
from onnx2snn import OptionError, UnsupportedError, cli
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, dyadic, model

if TYPE_CHECKING:
    from pathlib import Path

T = 6
PLAIN: dict[str, Any] = {
    "threshold": "max",
    "per_channel": False,
    "corrections": ("none",),
}
IMAGES = dyadic(6, 40, 2, 6, 5, unit=16)
ANN = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
FORMS = [
    {"layout": "loop"},
    {"layout": "multistep"},
    {"schedule": "layerwise"},
    {"schedule": "staggered"},
    {"early_exit": True},
    {"weights": "int8"},
]


@functools.cache
def converted(**options: Any) -> Any:
    return onnx2snn.convert(ANN, T, {"x": IMAGES}, **(PLAIN | options))


def run_file(proto: onnx.ModelProto, **feeds: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return session.run(["y"], {"x": CLASSIFIER_X, **feeds})[0]


@pytest.mark.parametrize("options", FORMS, ids=str)
def test_t_is_taken_as_it_is_asked_for(options: dict[str, Any]) -> None:
    given = converted(**options)
    expected = {t: run_file(given.model, T=np.array(t)) for t in (1, 4, T)}
    required = converted(T_input="required", **options)
    onnx.checker.check_model(required.model, full_check=True)
    assert [value.name for value in required.model.graph.input] == ["x", "T"]
    for t, answer in expected.items():
        found = run_file(required.model, T=np.array(t))
        np.testing.assert_array_equal(found, answer)
    assert required.network.T == T
    assert [spec.name for spec in required.network.inputs] == ["x"]
    fixed = converted(T_input="fixed", **options)
    assert [value.name for value in fixed.model.graph.input] == ["x"]
    np.testing.assert_array_equal(run_file(fixed.model), expected[T])
    for one in (required, fixed):
        network = onnx2snn.load(one, "ort")
        np.testing.assert_array_equal(network.run(CLASSIFIER_X)["y"], expected[T])
        back = onnx2snn.change_layout(one, T_input="optional").model
        found = run_file(back, T=np.array(4))
        np.testing.assert_array_equal(found, expected[4])


def test_a_fixed_t_runs_at_no_other_number_but_tells_the_steps_before() -> None:
    network = onnx2snn.load(converted(T_input="fixed"), "ort")
    expected = onnx2snn.load(converted(), "ort").run_at(CLASSIFIER_X, [2, T])
    for t, outputs in network.run_at(CLASSIFIER_X, [2, T]).items():
        np.testing.assert_array_equal(outputs["y"], expected[t]["y"])
    with pytest.raises(OptionError, match=f"fixed at {T} in its file, and 4 is asked"):
        network.run(CLASSIFIER_X, 4)
    with pytest.raises(OptionError, match="and 7 is asked for; 'onnx2snn layout --T-i"):
        network.run_at(CLASSIFIER_X, [2, 7])


def test_an_early_exit_is_chosen_for_a_file_that_must_be_fed_t() -> None:
    labelled = {"x": IMAGES, "y": np.zeros(len(IMAGES), np.int64)}
    found = onnx2snn.evaluate(
        converted(T_input="required"), labelled, early_exit={"x": IMAGES}
    )
    assert found.samples == len(IMAGES)


def test_where_there_is_no_input_t() -> None:
    with pytest.raises(OptionError, match="T_input is of use with the layout loop or"):
        converted(layout="step", T_input="required")
    with pytest.raises(OptionError, match="T_input 'fixed' is of no use with events"):
        converted(input_coding="events", T_input="fixed")
    with pytest.raises(OptionError, match="T_input must be one of optional, required"):
        converted(T_input="free")
    step = converted(layout="step")
    with pytest.raises(OptionError, match="no input T, as each run is a step"):
        onnx2snn.change_layout(step, T_input="required")
    events = dyadic(5, 8, T, 2, 6, 5, unit=16)
    with_events = onnx2snn.convert(
        ANN, T, {"x": events}, input_coding="events", **PLAIN
    )
    with pytest.raises(OptionError, match="as its events have the length T"):
        onnx2snn.change_layout(with_events, T_input="fixed")


@pytest.mark.parametrize("options", [*FORMS, {"neuron": "augmented"}], ids=str)
def test_an_inlined_file_has_onnx_alone_and_the_same_bits(
    options: dict[str, Any],
) -> None:
    given = converted(**options)
    inlined = converted(inline=True, **options)
    proto = inlined.model
    onnx.checker.check_model(proto, full_check=True)
    assert not proto.functions
    assert [entry.domain for entry in proto.opset_import] == [""]
    assert "ai.onnx2snn" not in {node.domain for node in inlined.ir_model.graph}
    for t in (1, T):
        found = run_file(proto, T=np.array(t))
        np.testing.assert_array_equal(found, run_file(given.model, T=np.array(t)))
    same = onnx2snn.change_layout(given, inline=True)
    np.testing.assert_array_equal(run_file(same.model), run_file(given.model))
    assert inlined.report["layers"] == given.report["layers"]
    assert inlined.network.latency_steps(9) == given.network.latency_steps(9)


def test_what_needs_the_operators_says_so() -> None:
    inlined = converted(inline=True)
    with pytest.raises(OptionError, match="layout loop is the only one that it can"):
        onnx2snn.change_layout(inlined, "multistep")
    with pytest.raises(OptionError, match="nothing to record: the operators of the"):
        inlined.network.run(CLASSIFIER_X, record="spikes")
    with pytest.raises(OptionError, match="compile the file that was not inlined"):
        onnx2snn.compile_network(converted(layout="multistep", inline=True))
    with pytest.raises(UnsupportedError, match="a spiking network already, with its"):
        onnx2snn.convert(inlined.model, T)
    from onnx2snn.torch import tune  # noqa: PLC0415 (an extra)

    with pytest.raises(UnsupportedError, match="tune the file that was not inlined"):
        tune(inlined, ANN, {"x": IMAGES}, epochs=1)


def test_corrections_are_held_out_in_a_form_that_runs() -> None:
    plain = onnx2snn.convert(ANN, T, {"x": IMAGES})
    step = onnx2snn.convert(ANN, T, {"x": IMAGES}, layout="step", inline=True)
    assert step.report["held_out"] == plain.report["held_out"]
    assert step.report["layers"] == plain.report["layers"]


def test_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop, changed = tmp_path / "loop.onnx", tmp_path / "changed.onnx"
    converted().save(loop)
    arguments = [str(loop), "-o", str(changed)]
    assert cli.main(["layout", *arguments, "--T-input", "required", "--inline"]) == 0
    assert "a step is an iteration of a Loop" in capsys.readouterr().out
    proto = onnx.load(changed)
    assert not proto.functions
    assert [value.name for value in proto.graph.initializer].count("T") == 0
    assert cli.main(["layout", *arguments, "--layout", "step", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "step"
    assert (
        cli.main(["evaluate", str(changed), "--data", _data(tmp_path), "--json"]) == 0
    )


def _data(folder: Path) -> str:
    path = folder / "data.npz"
    np.savez(path, x=IMAGES, y=np.zeros(len(IMAGES), np.int64))
    return str(path)


@pytest.mark.parametrize("layout", ["loop", "step"])
def test_an_inlined_file_runs_in_openvino(layout: str, tmp_path: Path) -> None:
    openvino = pytest.importorskip(
        "openvino", reason="no OpenVINO here: pip install openvino"
    )
    path = tmp_path / "snn.onnx"
    converted(layout=layout, inline=True).save(path)
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    feeds = {"x": CLASSIFIER_X}
    for given in compiled.inputs[1:]:
        rank = given.get_partial_shape().rank.get_length()
        dtype = given.get_element_type().to_dtype()
        feeds[given.get_any_name()] = np.ones([1] * rank, dtype)  # reset is true
    session = onnxruntime.InferenceSession(path)
    names = [value.name for value in session.get_outputs()]
    expected = dict(zip(names, session.run(None, feeds), strict=True))
    found = compiled(feeds)
    for name in ("y", "p"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-5)

"""Tuning a converted network on data without labels."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.numpy_helper import to_array

import onnx2snn
from onnx2snn import cli
from onnx2snn.errors import (
    CalibrationError,
    InvalidModelError,
    OptionError,
    UnsupportedError,
)
from onnx2snn.progress import listening
from onnx2snn.testing import run_ort
from onnx2snn.torch import Tuning, tune
from tests.models import model, normal

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
IMAGES = np.load(DIGITS / "calibration.npz")["image"]


@pytest.fixture(scope="module")
def snn(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = str(tmp_path_factory.mktemp("snn") / "snn.onnx")
    onnx2snn.convert(
        ANN, T=2, calibration=IMAGES[:64], corrections="threshold-scaling"
    ).save(path)
    return path


@pytest.fixture(scope="module")
def tuned(snn: str) -> Tuning:
    return tune(snn, ANN, IMAGES, epochs=4)


def distance(network: Any) -> float:
    """Return how far the network is from its ANN on images that it was not tuned on."""
    images = np.load(DIGITS / "test.npz")["image"][:200]
    expected = run_ort(onnx.load(ANN), {"image": images})
    found = onnx2snn.load(network, threads=1).run({"image": images})
    return float(
        sum(np.square(found[name] - expected[name]).mean() for name in expected)
    )


def constants(network: ir.Model) -> dict[str, np.ndarray]:
    graphs = [network.graph, *network.graph.subgraphs()]
    return {n: v.const_value.numpy() for g in graphs for n, v in g.initializers.items()}


def test_the_network_comes_closer_to_its_ann(snn: str, tuned: Tuning) -> None:
    assert tuned.epochs[-1].loss < tuned.epochs[0].loss
    assert distance(tuned.ir_model) < 0.8 * distance(snn)


def test_all_but_constants_and_metadata_stays(
    snn: str, tuned: Tuning, tmp_path: Path
) -> None:
    tuned.save(tmp_path / "tuned.onnx")
    before, after = onnx.load(snn), onnx.load(tmp_path / "tuned.onnx")
    onnx.checker.check_model(after, full_check=True)
    old, new = constants(ir.from_proto(before)), constants(ir.from_proto(after))
    assert old.keys() == new.keys()
    assert all(old[name].shape == new[name].shape for name in old)
    assert all(old[name].dtype == new[name].dtype for name in old)
    changed = {name for name in old if not np.array_equal(old[name], new[name])}
    kinds = {name.split(".")[-1] for name in changed}
    assert {"v_threshold", "v_init_value"} <= kinds | {
        name.split(".")[-2] for name in changed if "." in name
    }
    same = {name for name in old if re.search("count|negative|axes|shape|dim", name)}
    assert same
    assert not same & changed
    for proto in (before, after):
        del proto.metadata_props[:]
        _forget(proto.graph)
    assert before == after


def _forget(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        tensor.CopyFrom(
            onnx.numpy_helper.from_array(np.zeros_like(to_array(tensor)), tensor.name)
        )
    for node in graph.node:
        for attribute in node.attribute:
            _forget(attribute.g)


def test_a_threshold_is_the_same_inside_and_behind_the_loop(tuned: Tuning) -> None:
    found = constants(tuned.ir_model)
    inside = [name for name in found if name.endswith(".v_threshold.body")]
    assert inside
    for name in inside:
        np.testing.assert_array_equal(found[name], found[name.removesuffix(".body")])


def test_the_metadata_say_with_what_it_was_tuned(snn: str, tuned: Tuning) -> None:
    props = dict(tuned.ir_model.metadata_props)
    noted = json.loads(props.pop("onnx2snn.tuned"))
    before = {entry.key: entry.value for entry in onnx.load(snn).metadata_props}
    assert props == before
    assert noted.pop("ann_sha256") == before["onnx2snn.source_sha256"]
    assert len(noted.pop("calibration_sha256")) == 64
    assert noted == {
        "samples": len(IMAGES), "epochs": 4, "rate": 0.005, "batch_size": 32, "seed": 0
    }  # fmt: skip


def test_the_same_seed_gives_the_same_network_and_another_another(snn: str) -> None:
    first, again, other = (
        constants(tune(snn, ANN, IMAGES[:96], epochs=1, seed=seed).ir_model)
        for seed in (3, 3, 4)
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


def test_the_model_that_was_given_is_not_changed(snn: str) -> None:
    given = ir.load(snn)
    before = {name: array.copy() for name, array in constants(given).items()}
    tune(given, ANN, IMAGES[:32], epochs=1)
    assert all(
        np.array_equal(before[name], array) for name, array in constants(given).items()
    )
    assert "onnx2snn.tuned" not in given.metadata_props


def test_batches_of_the_network_s_own_size_are_kept_and_told_of() -> None:
    ann = model(
        "(float[4,3] x) => (float[4,2] y) { h = MatMul (x, w) [relu] a = Relu (h)"
        " y = MatMul (a, u) }",
        w=normal(1, 3, 8),
        u=normal(2, 8, 2),
    )
    x = normal(3, 42, 3)
    snn = onnx2snn.convert(ann, 2, x).ir_model
    heard: list[tuple[str, int, int | None]] = []
    with listening(lambda name, done, total: heard.append((name, done, total))):
        tuned = tune(snn, ann, x, epochs=2, batch_size=4)
    told = [event for event in heard if event[0].startswith("tune")]
    assert told[0] == ("tune, epoch 1 of 2", 0, 11)
    assert told[-1] == ("tune, epoch 2 of 2", 11, 11)
    assert np.isfinite([epoch.loss for epoch in tuned.epochs]).all()


def small_ann(size: float = 1.0) -> ir.Model:
    return model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w) a = Relu (h) y = MatMul (a, u) }",
        w=size * normal(1, 3, 8),
        u=normal(2, 8, 2),
    )


def test_events_are_as_many_steps_as_the_network_was_made_for() -> None:
    events = normal(3, 64, 4, 3)
    snn = onnx2snn.convert(
        small_ann(), 4, {"x": events}, input_coding="events"
    ).ir_model
    tuned = tune(snn, small_ann(1.5), {"x": events}, epochs=20, batch_size=4)
    assert tuned.epochs[-1].outputs < 0.7 * tuned.epochs[0].outputs
    with pytest.raises(CalibrationError, match=r"expected \[N, 4, 3\]"):
        tune(snn, small_ann(), {"x": normal(3, 64, 5, 3)})


def test_thresholds_stay_positive() -> None:
    ann = small_ann()
    snn = onnx2snn.convert(ann, 2, normal(3, 64, 3)).ir_model
    old = constants(snn)
    new = constants(
        tune(
            snn, ann, normal(3, 64, 3), epochs=8, learning_rate=4.0, batch_size=4
        ).ir_model
    )
    names = [name for name in old if name.endswith("v_threshold")]
    ratios = np.concatenate([(new[name] / old[name]).reshape(-1) for name in names])
    assert ratios.min() >= 0.0099  # and it was needed:
    assert ratios.min() < 0.0101


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        (
            {"learning_rate": 0.0},
            "learning_rate must be larger than 0 and finite, not 0.0",
        ),
        ({"learning_rate": float("inf")}, "not inf"),
        ({"rate": -1.0}, "learning_rate must be larger than 0 and finite, not -1.0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"epochs": "2"}, "epochs must be a whole number, not '2'"),
        ({"batch_size": 8.0}, r"batch_size must be a whole number, not 8\.0"),
        ({"seed": None}, "seed must be a whole number, not None"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, not 'fast'"),
        ({"epoch": 2}, r"tune\(\) has no argument 'epoch'; did you mean 'epochs'"),
    ],
)
def test_options_that_are_refused(
    snn: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        tune(snn, ANN, IMAGES, **options)


def test_a_network_that_is_not_the_ann_is_refused(
    snn: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CalibrationError, match="is a spiking network; give the ANN"):
        tune(snn, snn, IMAGES[:32], epochs=1)
    narrow = onnx.load(ANN)
    output = narrow.graph.output[0].name
    for node in narrow.graph.node:
        node.output[:] = ["wide" if name == output else name for name in node.output]
    narrow.graph.initializer.append(onnx.numpy_helper.from_array(np.array([7]), "ends"))
    narrow.graph.initializer.append(
        onnx.numpy_helper.from_array(np.array([0]), "starts")
    )
    narrow.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "axes"))
    narrow.graph.node.append(
        onnx.helper.make_node("Slice", ["wide", "starts", "ends", "axes"], [output])
    )
    del narrow.graph.output[0].type.tensor_type.shape.dim[:]
    narrow.graph.output[0].type.tensor_type.ClearField("shape")
    with pytest.raises(
        CalibrationError, match=r"not the ANN .* is \[32, 7\], not \[32, 10\]"
    ):
        tune(snn, narrow, IMAGES[:32], epochs=1)
    assert "is not the file this network was made from" in caplog.text


def test_a_rate_that_leads_nowhere_ends_the_tuning(snn: str) -> None:
    with pytest.raises(
        OptionError,
        match=r"the loss became .*: choose a learning rate lower than 1e\+30",
    ):
        tune(snn, ANN, IMAGES, epochs=2, learning_rate=1e30)


def test_a_wrong_file_is_refused(snn: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"digits\.onnx has no loop over time"):
        tune(ANN, ANN, IMAGES)
    other = model("(float[N,5] q) => (float[N,5] y) { y = Relu (q) }")
    with pytest.raises(CalibrationError, match=r"is not the ANN .* inputs \['q'\]"):
        tune(snn, other, IMAGES)
    renamed = onnx.load(ANN)
    name = renamed.graph.output[0].name
    renamed.graph.output[0].name = "scores"
    next(node for node in renamed.graph.node if name in node.output).output[:] = [
        "scores"
    ]
    with pytest.raises(
        CalibrationError, match=r"is not the ANN .* outputs \['scores'\]"
    ):
        tune(snn, renamed, IMAGES)
    with pytest.raises(CalibrationError, match=r"missing\.npz"):
        tune(snn, ANN, str(tmp_path / "missing.npz"))
    with pytest.raises(CalibrationError, match="'image'"):
        tune(snn, ANN, {"image": IMAGES[:, :, :4]})


@pytest.mark.parametrize("spelling", ["--learning-rate", "--rate"])
def test_the_command_writes_a_network_that_runs(
    snn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    data, out = str(tmp_path / "data.npz"), str(tmp_path / "tuned.onnx")
    np.savez(data, image=IMAGES[:64])
    arguments = ["tune", snn, "--ann", ANN, "--calibration", data, "-o", out]
    options = ["--epochs", "1", spelling, "0.002", "--batch-size", "16", "--seed", "5"]
    assert cli.main([*arguments, *options]) == 0
    printed = capsys.readouterr()
    assert "tuned on 64 samples" in printed.out
    assert printed.err == ""
    noted = json.loads(onnx2snn.load(out).model.metadata_props["onnx2snn.tuned"])
    assert {key: noted[key] for key in ("epochs", "rate", "batch_size", "seed")} == {
        "epochs": 1, "rate": 0.002, "batch_size": 16, "seed": 5
    }  # fmt: skip
    same = constants(
        tune(snn, ANN, data, epochs=1, rate=0.002, batch_size=16, seed=5).ir_model
    )
    found = constants(ir.load(out))
    assert all(np.array_equal(found[name], same[name]) for name in found)


def test_without_torch_the_command_says_how_to_install_it(
    snn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith("onnx2snn.torch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    arguments = ["tune", snn, "--ann", ANN, "--calibration", "x.npz"]
    assert cli.main([*arguments, "-o", str(tmp_path / "o.onnx")]) == 1
    assert "no module 'torch': pip install 'onnx2snn[torch]'" in capsys.readouterr().err


def test_a_network_that_torch_cannot_express_is_refused_before_data_is_read() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,3] y)"
        " { h = Relu (x)  [odd] n = LpNormalization (h)  y = Relu (n) }"
    )
    snn = onnx2snn.convert(ann, 2, normal(3, 64, 3)).ir_model
    with pytest.raises(UnsupportedError, match="LpNormalization"):
        tune(snn, ann, iter([]))


def test_scores_are_compared_where_the_readout_is_of_another_domain() -> None:
    ann = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]> net (float[N,3] x) => '
        "(float[N,3] y) { h = MatMul (x, w)  a = Relu (h)  z = MatMul (a, w)  "
        '[apart] y = com.microsoft.CDist <metric = "euclidean"> (z, w) }'
    )
    ann.graph.initializer.append(onnx.numpy_helper.from_array(normal(1, 3, 3), "w"))
    snn = onnx2snn.convert(ann, 4, corrections=())
    tuned = tune(snn, ann, normal(2, 256, 3), epochs=3)
    assert tuned.epochs[-1].outputs < tuned.epochs[0].outputs


PIPELINE = (
    "(float[N,8] x) => ({outputs}) <int64[3] classes = {{7, 8, 9}}> {{"
    " s = ai.onnx.ml.Scaler <offset = [0.5], scale = [2.0]> (x)"
    " h = MatMul (s, a)  r = Relu (h)  z = MatMul (r, b)"
    " i = ArgMax <axis = 1, keepdims = 0> (z)"
    " label = ai.onnx.ml.ArrayFeatureExtractor (classes, i) }}"
)
ML_HEADER = '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>'


def pipeline(outputs: str) -> ir.Model:
    """Return a classifier as scikit-learn's converter writes them, untrained."""
    text = PIPELINE.format(outputs=outputs)
    return model(text, ML_HEADER, a=normal(1, 8, 16), b=normal(2, 16, 3))


def test_a_scaler_in_front_and_labels_behind_stay_as_they_are() -> None:
    ann = pipeline("int64[1,N] label, float[N,3] z")
    data = normal(3, 256, 8)
    snn = onnx2snn.convert(ann, 2, data, corrections=())
    tuned = tune(snn, ann, data, epochs=3)
    assert tuned.epochs[-1].outputs < tuned.epochs[0].outputs
    operators = {node.op_type for node in tuned.ir_model.graph}
    assert {"Scaler", "ArrayFeatureExtractor"} <= operators
    fresh = normal(4, 200, 8)
    expected = run_ort(ir.to_proto(ann), {"x": fresh})
    before, after = (onnx2snn.load(each).run({"x": fresh}) for each in (snn, tuned))
    distances = [
        np.square(each["z"] - expected["z"]).mean() for each in (before, after)
    ]
    assert distances[1] < distances[0]
    # The label follows from the scores, as in the ANN: the first of the largest.
    labels = np.array([7, 8, 9])[after["z"].argmax(axis=1)]
    np.testing.assert_array_equal(after["label"].reshape(-1), labels)


def test_where_labels_are_the_only_output_scores_are_compared() -> None:
    ann = pipeline("int64[1,N] label")
    data = normal(3, 256, 8)
    snn = onnx2snn.convert(ann, 2, data, corrections=())
    tuned = tune(snn, ann, data, epochs=3)
    assert tuned.epochs[-1].outputs < tuned.epochs[0].outputs
    assert [value.name for value in tuned.ir_model.graph.outputs] == ["label"]


def test_text_in_front_and_behind_is_no_matter_for_torch() -> None:
    text = (
        "(string[N,1] t, float[N,7] x) => (float[N,3] z, string[N] label)"
        ' <string[3] classes = {"a", "b", "c"}> {'
        " s = Identity (t)"
        ' c = ai.onnx.ml.OneHotEncoder <cats_strings = ["u", "v"]> (s)'
        " d = Squeeze (c, axis)  j = Concat <axis = 1> (d, x)"
        " h = MatMul (j, a)  r = Relu (h)  z = MatMul (r, b)"
        " i = ArgMax <axis = 1, keepdims = 0> (z)  label = Gather (classes, i) }"
    )
    weights = {"a": normal(1, 9, 16), "b": normal(2, 16, 3), "axis": np.array([1])}
    ann = model(text, ML_HEADER, **weights)
    words = np.array(["u", "v"])[np.arange(128) % 2].reshape(-1, 1)
    data = {"t": words, "x": normal(3, 128, 7)}
    snn = onnx2snn.convert(ann, 2, data, corrections=())
    tuned = tune(snn, ann, data, epochs=3)
    assert tuned.epochs[-1].outputs < tuned.epochs[0].outputs
    found = onnx2snn.load(tuned).run(data)
    answers = np.array(["a", "b", "c"])[found["z"].argmax(axis=1)]
    np.testing.assert_array_equal(found["label"], answers)


def test_weights_that_onnxruntime_computes_with_are_not_trained() -> None:
    text = (
        "(float[N,8] x) => (float[N,4] y) { p = MatMul (x, a)"
        " n = LpNormalization (p)  h = MatMul (n, a)  r = Relu (h)  y = MatMul (r, b) }"
    )
    ann = model(text, a=normal(1, 8, 8), b=normal(2, 8, 4))
    data = normal(3, 64, 8)
    snn = onnx2snn.convert(ann, 2, data, corrections=())
    tuned = tune(snn, ann, data, epochs=1)
    before, after = constants(snn.ir_model), constants(tuned.ir_model)
    np.testing.assert_array_equal(after["a"], before["a"])
    assert not np.array_equal(after["b"], before["b"])

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = DIGITS / "digits.onnx"
FORMS = ["str", "path", "bytes", "proto", "ir", "gs"]
CALIBRATION = {"image": np.load(DIGITS / "calibration.npz")["image"][:64]}

MLP = """
<ir_version: 8, opset_import: ["" : 17]>
mlp (float[N,2] x) => (float[N,3] scores, float[N,3] hidden)
<float[2,3] w1 = {1.0, -0.5, 0.25, 0.5, 1.0, -1.0}, float[3] b1 = {0.25, -0.5, 0.125},
 float[3,3] w2 = {1.0, 0.25, 0.0, -0.5, 1.0, 0.0, 1.0, 0.0, 1.0}> {
    [first] h1 = MatMul (x, w1)
    [bias] c1 = Add (h1, b1)
    [relu1] a1 = Relu (c1)
    [second] h2 = MatMul (a1, w2)
    [relu2] hidden = Relu (h2)
    [head] scores = MatMul (hidden, w2)
}
"""
MLP_DATA = np.random.default_rng(3).standard_normal((24, 2)).astype(np.float32)


def given_as(form: str) -> Any:
    proto = onnx.load(ANN)
    return {
        "str": str(ANN),
        "path": ANN,
        "bytes": ANN.read_bytes(),
        "proto": proto,
        "ir": ir.from_proto(proto),
        "gs": gs.import_onnx(proto),
    }[form]


def as_bytes(model: Any) -> bytes:
    """Return what the model is, in full, whatever it is."""
    if isinstance(model, gs.Graph):
        model = gs.export_onnx(model)
    if isinstance(model, ir.Model):
        model = ir.to_proto(model)
    if isinstance(model, onnx.ModelProto):
        return model.SerializeToString(deterministic=True)
    return model if isinstance(model, bytes) else Path(model).read_bytes()


def without_digest(conversion: onnx2snn.Conversion) -> onnx.ModelProto:
    """Return the network without the digest of its source, which is that of the given form."""
    model = onnx.ModelProto()
    model.CopyFrom(conversion.model)
    kept = [p for p in model.metadata_props if p.key != "onnx2snn.source_sha256"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return model


@pytest.fixture(scope="module")
def conversion() -> onnx2snn.Conversion:
    return onnx2snn.convert(ANN, T=4, calibration=CALIBRATION)


@pytest.fixture(scope="module")
def mlp() -> onnx2snn.Conversion:
    return onnx2snn.convert(onnx.parser.parse_model(MLP), T=4, calibration=MLP_DATA)


def props(conversion: onnx2snn.Conversion) -> dict[str, str]:
    return {
        p.key.removeprefix("onnx2snn."): p.value
        for p in conversion.model.metadata_props
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_model_gives_the_same_network(
    form: str, conversion: onnx2snn.Conversion
) -> None:
    model = given_as(form)
    before = as_bytes(model)
    converted = onnx2snn.convert(model, T=4, calibration=CALIBRATION)
    assert as_bytes(model) == before
    ours, reference = without_digest(converted), without_digest(conversion)
    if form == "gs":  # export_onnx orders, names and types things its own way
        feeds = {"image": CALIBRATION["image"][:8]}
        got, expected = (
            onnx2snn.load(each).run(feeds)["logits"] for each in (ours, reference)
        )
        np.testing.assert_array_equal(got, expected)
        assert len(converted.report["layers"]) == len(conversion.report["layers"])
    else:
        assert ours == reference


def test_what_a_conversion_shows_of_itself_fits_into_a_line() -> None:
    shown = repr(onnx2snn.convert(ANN, 4, CALIBRATION))
    assert shown.startswith("Conversion('digits.onnx', T=4, ")
    assert "layers of neurons, 'auto: GatedDoubleThresholdIF" in shown
    assert len(shown) < 200


def test_the_same_conversion_twice_gives_the_same_bytes(
    conversion: onnx2snn.Conversion,
) -> None:
    again = onnx2snn.convert(ANN, T=4, calibration=CALIBRATION)
    assert again.model.SerializeToString() == conversion.model.SerializeToString()
    assert again.report == conversion.report


def test_random_inputs_follow_from_the_seed() -> None:
    model = onnx.parser.parse_model(MLP)
    once, again, other = (
        onnx2snn.convert(model, T=4, seed=seed).model.SerializeToString()
        for seed in (1, 1, 2)
    )
    assert once == again
    assert once != other


def test_the_emitted_model_is_valid_and_keeps_names_types_and_shapes(
    mlp: onnx2snn.Conversion,
) -> None:
    onnx.checker.check_model(mlp.model, full_check=True)
    onnx.shape_inference.infer_shapes(mlp.model, check_type=True, strict_mode=True)
    ann = onnx.parser.parse_model(MLP)
    assert list(mlp.model.graph.output) == list(ann.graph.output)
    assert mlp.model.graph.input[0] == ann.graph.input[0]
    assert {imported.domain for imported in mlp.model.opset_import} == {
        "",
        "ai.onnx2snn",
    }


def test_metadata_says_what_the_file_is(conversion: onnx2snn.Conversion) -> None:
    found = props(conversion)
    assert {"format", "method", "versions"} < set(found)
    assert (found["T"], found["schedule"]) == ("4", "lockstep")
    assert found["source_sha256"] == conversion.report["source_sha256"]
    assert found["calibration_sha256"] == conversion.report["calibration_sha256"]
    assert json.loads(found["versions"])["onnx"] == onnx.__version__
    assert conversion.model.producer_name == "onnx2snn"


def test_each_neuron_says_what_it_replaced(conversion: onnx2snn.Conversion) -> None:
    neurons = [
        node
        for node in ir.from_proto(conversion.model).graph.all_nodes()
        if node.op_type == "GatedDoubleThresholdIF"
    ]
    assert len(neurons) == 4
    for node in neurons:
        assert node.metadata_props["onnx2snn.activation"] == "Relu"
        assert node.metadata_props["onnx2snn.threshold_origin"] == "calibration"
        assert node.metadata_props["onnx2snn.activation_output"]
    assert "onnx2snn.scale" not in str(conversion.model)


def test_the_ann_s_own_metadata_is_kept() -> None:
    model = onnx.parser.parse_model(MLP)
    onnx.helper.set_model_props(model, {"labels": "a,b,c"})
    converted = onnx2snn.convert(model, T=2, calibration=MLP_DATA)
    assert {p.key: p.value for p in converted.model.metadata_props}["labels"] == "a,b,c"


def test_the_report_is_plain_data_with_the_facts(
    conversion: onnx2snn.Conversion,
) -> None:
    report = json.loads(json.dumps(conversion.report))
    assert report == conversion.report
    assert report["source"] == "digits.onnx"
    assert (report["T"], report["latency_steps"], report["schedule"]) == (
        4,
        4,
        "lockstep",
    )
    assert report["calibration_samples"] == 64
    assert len(report["source_sha256"]) == len(report["calibration_sha256"]) == 64
    assert report["method"].startswith("auto: GatedDoubleThresholdIF, mse per channel")
    assert [layer["thresholds"] for layer in report["layers"]] == [32, 32, 32, 64]
    for layer in report["layers"]:
        assert 0 < layer["v_threshold_min"] < layer["v_threshold_max"]
    analysis = report["analysis"]
    assert sum(analysis["counts"].values()) == len(analysis["nodes"])
    driven = analysis["macs"]
    assert driven["total"] == sum(
        driven[k] for k in ("spikes", "real", "analog", "static", "readout")
    )


def test_the_report_claims_no_bias_correction_without_data() -> None:
    report = onnx2snn.convert(onnx.parser.parse_model(MLP), T=2).report
    assert report["calibration_sha256"] is None
    assert report["calibration_samples"] == 0
    assert "bias correction" not in report["method"]


def test_skipping_a_pass_leaves_its_work_undone(
    conversion: onnx2snn.Conversion,
) -> None:
    skipped = onnx2snn.convert(
        ANN,
        T=4,
        calibration=CALIBRATION,
        hold_out=False,
        skip_passes=("correct-layers", "move-max-pool"),
    )
    assert skipped.model != conversion.model
    without = onnx2snn.convert(
        ANN,
        T=4,
        calibration=CALIBRATION,
        corrections=(),
        skip_passes=("move-max-pool",),
    )
    feeds = {"image": CALIBRATION["image"][:8]}
    np.testing.assert_array_equal(
        onnx2snn.load(skipped.model).run(feeds)["logits"],
        onnx2snn.load(without.model).run(feeds)["logits"],
    )
    assert "bias correction" not in skipped.report["method"]


def test_a_pass_that_others_need_is_not_skipped() -> None:
    with pytest.raises(onnx2snn.OptionError, match="calibrate cannot be skipped"):
        onnx2snn.convert(
            onnx.parser.parse_model(MLP),
            calibration=MLP_DATA,
            skip_passes=("calibrate",),
        )


@pytest.mark.parametrize(
    "options, neuron, count",
    [
        ({"neuron": "if"}, "IntegrateAndFire", 3),
        ({"per_channel": False}, "GatedDoubleThresholdIF", 1),
        ({"threshold": "max"}, "GatedDoubleThresholdIF", 3),
        ({"threshold": "percentile"}, "GatedDoubleThresholdIF", 3),
    ],
)
def test_options_do_what_they_say(
    options: dict[str, Any], neuron: str, count: int
) -> None:
    converted = onnx2snn.convert(
        onnx.parser.parse_model(MLP), T=4, calibration=MLP_DATA, **options
    )
    for layer in converted.report["layers"]:
        assert (layer["neuron"], layer["thresholds"]) == (neuron, count)


TRANSFORMER = """
<ir_version: 8, opset_import: ["" : 17]>
block (float[N,2] x) => (float[N,3] y)
<float[2,3] w = {1.0, -0.5, 0.25, 0.5, 1.0, -1.0}, float[3] scale = {1.0, 0.5, 2.0},
 float[3,3] u = {1.0, 0.25, 0.0, -0.5, 1.0, 0.0, 1.0, 0.0, 1.0}> {
    [first] h = MatMul (x, w)
    [norm] n = LayerNormalization (h, scale)
    [up] c = MatMul (n, u)
    [gate] s = Sigmoid (c)
    [silu] a = Mul (c, s)
    [down] d = MatMul (a, u)
    [sum] y = Add (d, h)
}
"""


@pytest.mark.parametrize(
    "options, layers, driven",
    [
        ({}, [("silu.neuron", "Mul", "GatedDoubleThresholdIF")], []),
        ({"neuron": "if"}, [("silu.neuron", "Mul", "DoubleThresholdIF")], []),
        (
            {"spike": "all"},
            [
                ("n.neuron", "LayerNormalization", "GatedDoubleThresholdIF"),
                ("silu.neuron", "Mul", "GatedDoubleThresholdIF"),
            ],
            ["up"],
        ),
    ],
)
def test_a_network_without_rectifiers(
    options: dict[str, Any], layers: list[tuple[str, ...]], driven: list[str]
) -> None:
    ann = onnx.parser.parse_model(TRANSFORMER)
    converted = onnx2snn.convert(
        ann, T=256, calibration=MLP_DATA, threshold="max", **options
    )
    onnx.checker.check_model(converted.model, full_check=True)
    found = converted.report["layers"]
    assert [
        (each["name"], each["activation"], each["neuron"]) for each in found
    ] == layers
    nodes = converted.report["analysis"]["nodes"]
    assert [node["node"] for node in nodes if node["driver"] == "spikes"] == driven
    wanted = ReferenceEvaluator(ann).run(None, {"x": MLP_DATA})[0]
    y = onnx2snn.load(converted.model).run({"x": MLP_DATA})["y"]
    np.testing.assert_allclose(y, wanted, atol=0.06)


@pytest.mark.parametrize(
    "neuron, method",
    [
        ("gated", "GatedDoubleThresholdIF, "),
        ("if", "IntegrateAndFire or DoubleThresholdIF, "),
    ],
)
def test_the_method_names_the_neurons(neuron: str, method: str) -> None:
    report = onnx2snn.convert(onnx.parser.parse_model(MLP), T=2, neuron=neuron).report
    assert report["method"].removeprefix("auto: ").startswith(method)


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"neuron": "lif"},
            r"gated, if, hard-reset, augmented, inverse-leaky, weighted, not 'lif'",
        ),
        ({"spike": "some"}, r"activations, all, not 'some'"),
        ({"threshold": "median"}, r"not 'median'"),
        ({"v_init": 1.5}, r"0 to 1 .*, not 1\.5"),
        (
            {"skip_passes": ("fold", "calibrate", "foo")},
            r"no pass fold, foo; did you mean 'fold-constants' or",
        ),
        ({"T": 0}, r"at least 1, not 0"),
        ({"T": 2.0}, r"at least 1, not 2\.0"),
        ({"T": True}, r"at least 1, not True"),
        ({"T": "8"}, r"at least 1, not '8'"),
        ({"seed": -1}, r"seed.*-1"),
    ],
)
def test_options_out_of_range_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        onnx2snn.convert(onnx.parser.parse_model(MLP), **options)


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(onnx2snn.OptionError, match=r"'per_chanel'; .* 'per_channel'\?"):
        onnx2snn.convert(onnx.parser.parse_model(MLP), per_chanel=False)


def test_something_else_than_a_model_is_refused() -> None:
    with pytest.raises(TypeError, match="not ndarray"):
        onnx2snn.convert(np.zeros(3))


def test_numpy_integers_count_as_whole_numbers() -> None:
    converted = onnx2snn.convert(onnx.parser.parse_model(MLP), np.int64(4), MLP_DATA)
    assert json.dumps(converted.report["T"]) == "4"


def test_save_writes_the_model(conversion: onnx2snn.Conversion, tmp_path: Path) -> None:
    path = tmp_path / "snn.onnx"
    path.write_bytes(b"older")
    conversion.save(path)
    assert onnx.load(path) == conversion.model
    assert names_in(tmp_path) == ["snn.onnx"]  # no temporary file is left
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_save_that_fails_leaves_the_older_file_alone(
    conversion: onnx2snn.Conversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "snn.onnx"
    path.write_bytes(b"older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(onnx2snn.OutputError, match=r"snn\.onnx'.*No space left"):
        conversion.save(path)
    assert names_in(tmp_path) == ["snn.onnx"]
    assert path.read_bytes() == b"older"


def test_save_writes_through_a_symbolic_link(
    conversion: onnx2snn.Conversion, tmp_path: Path
) -> None:
    link, target = tmp_path / "latest.onnx", tmp_path / "run1.onnx"
    target.write_bytes(b"older")
    link.symlink_to(target)
    conversion.save(link)
    assert link.is_symlink()
    assert onnx.load(target) == conversion.model


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"calibration": "missing.npz"}, "data file 'missing.npz' does not exist"),
        (
            {"calibration": "missing.py:batches"},
            "data file 'missing.py' does not exist",
        ),
        ({"T": 0}, "T must be a whole number"),
        ({"input_coding": "spikes"}, "input_coding must be one of"),
        ({"neuron": "lif"}, "neuron must be one of"),
        ({"spike": "some"}, "spike must be one of"),
        ({"seed": -1}, "seed must be"),
        (
            {"skip_passes": "encode-inputs"},
            "skip_passes: encode-inputs cannot be skipped",
        ),
    ],
)
def test_everything_given_is_checked_before_the_model_is_read(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(onnx2snn.Onnx2SnnError, match=message):
        onnx2snn.convert("no such file.onnx", **given)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"data": "missing.npz"}, "data file 'missing.npz' does not exist"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"time_steps": [4, 0]}, "T must be a whole number"),
    ],
)
def test_what_evaluate_is_given_is_checked_before_the_network_is_read(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(onnx2snn.Onnx2SnnError, match=message):
        onnx2snn.evaluate("no such file.onnx", **{"data": {}, **given})

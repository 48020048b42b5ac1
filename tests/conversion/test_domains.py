"""Operators of other domains: kept around the neurons, refused between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.schedules import time_loops
from onnx2snn.storage.map_types import model_of
from onnx2snn.testing import run_ort
from tests.models import normal

if TYPE_CHECKING:
    from pathlib import Path

X = normal(1, 40, 8)
WEIGHTS = {
    "w": normal(2, 8, 16),
    "v": normal(3, 16, 16) / 4,
    "u": normal(4, 16, 3) / 4,
    "k": normal(5, 8, 8) / 3,
    "q": normal(6, 3, 16),
}
NEURONS = (
    "h = MatMul (s, w)  [r0] a = Relu (h)  g = MatMul (a, v)  [r1] b = Relu (g)  "
    "z = MatMul (b, u)"
)
SAME = "s = Identity (x)"
DOMAINS = '"ai.onnx.ml" : 3, "com.microsoft" : 1'
T = 64
CLOSE = 0.1
"""Largest error, as a part of the largest value: a mean of T spikes is off by 1 / T a neuron."""


def network(
    body: str,
    outputs: str = "float[N,3] z",
    inputs: str = "float[N,8] x",
    opset: int = 17,
) -> onnx.ModelProto:
    """Return a network of two layers of neurons, with what stands before and behind them."""
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}, {DOMAINS}]> net ({inputs}) => '
        f"({outputs}) {{ {body} }}"
    )
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(data, name)
        for name, data in WEIGHTS.items()
        if name in read
    )
    called = {node.domain for node in model.graph.node}
    for imported in list(model.opset_import):
        if imported.domain not in called:
            model.opset_import.remove(imported)
    return model


IN_FRONT = {
    "Scaler": "s = ai.onnx.ml.Scaler <offset = [0.5], scale = [2.0]> (x)",
    "Normalizer": 'i = Neg (x)  s = ai.onnx.ml.Normalizer <norm = "L2"> (i)',
    "Imputer": "s = ai.onnx.ml.Imputer <imputed_value_floats = [0.5]> (x)",
    "Binarizer": "s = ai.onnx.ml.Binarizer <threshold = 0.2> (x)",
    "FeatureVectorizer": "s = ai.onnx.ml.FeatureVectorizer <inputdimensions = [8]> (x)",
    "CDist": "s = com.microsoft.CDist (x, k)",
}
INDEX = "i = ArgMax <axis = 1, keepdims = 0> (z)"
BEHIND = {
    "int64[1,N] l": f"{INDEX}  c = Constant <value = int64[3] {{7, 5, 9}}> ()  "
    "l = ai.onnx.ml.ArrayFeatureExtractor (c, i)",
    "int64[N] l": f"{INDEX}  l = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1, 2], "
    "values_int64s = [7, 5, 9]> (i)",
    "float[N,3] l": "l = com.microsoft.CDist (b, q)",
}
"""Output to the operators that give it."""


def kinds(ann: onnx.ModelProto, **options: Any) -> dict[str, str]:
    nodes = onnx2snn.analyze(ann, **options)["nodes"]
    return {node["node"]: node["kind"] for node in nodes}


def assert_close(conversion: onnx2snn.Conversion, ann: onnx.ModelProto) -> None:
    """Assert that the network gives what the ANN does: numbers nearly, integers mostly."""
    expected = run_ort(ann, {"x": X})
    found = onnx2snn.load(conversion.model).run(X)
    for name, wanted in expected.items():
        assert found[name].dtype == wanted.dtype
        assert found[name].shape == wanted.shape
        if wanted.dtype == np.float32:
            error = np.abs(found[name] - wanted).max()
            assert error < CLOSE * np.abs(wanted).max()
        else:
            assert np.mean(found[name] == wanted) > 0.9


@pytest.mark.parametrize("operator", IN_FRONT)
def test_in_front_of_the_neurons_it_runs_once(operator: str) -> None:
    ann = network(f"{IN_FRONT[operator]}  {NEURONS}")
    assert kinds(ann)["s"] == "static"
    conversion = onnx2snn.convert(ann, T, X)
    snn = conversion.ir_model
    (node,) = [node for node in snn.graph if node.op_type == operator]
    assert snn.opset_imports[node.domain] == ann.opset_import[1].version
    (loop,) = time_loops(snn.graph)
    order = list(snn.graph)
    assert order.index(node) < order.index(loop)
    assert_close(conversion, ann)


@pytest.mark.parametrize("operator, is_said", [("CDist", True), ("Scaler", False)])
def test_what_onnxruntime_may_have_fused_is_said(
    operator: str, caplog: pytest.LogCaptureFixture, *, is_said: bool
) -> None:
    body = IN_FRONT[operator].replace("(x", "(n")
    onnx2snn.convert(network(f"n = Neg (x)  {body}  {NEURONS}"), 4, corrections=())
    said = "operators of onnxruntime stay as they are: 's'; what they fuse may spike"
    assert (said in caplog.text) == is_said


def test_it_needs_no_calibration_data() -> None:
    ann = network(f"{IN_FRONT['Scaler']}  {NEURONS}")
    found = onnx2snn.load(onnx2snn.convert(ann, T).model).run(X)["z"]
    expected = run_ort(ann, {"x": X})["z"]
    # Thresholds of random inputs clip the largest values.
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("output", BEHIND)
def test_behind_the_neurons_it_reads_the_means(output: str) -> None:
    ann = network(f"{SAME}  {NEURONS}  {BEHIND[output]}", f"float[N,3] z, {output}")
    assert kinds(ann)["l"] == "readout"
    assert_close(onnx2snn.convert(ann, T, X), ann)


def test_layer_by_layer() -> None:
    (output, body), *_ = BEHIND.items()
    ann = network(f"{IN_FRONT['Scaler']}  {NEURONS}  {body}", f"float[N,3] z, {output}")
    assert_close(onnx2snn.convert(ann, T, X, schedule="layerwise"), ann)


@pytest.mark.parametrize("opset", [9, 12, 13])
def test_an_old_file_keeps_its_versions_of_other_domains(opset: int) -> None:
    (output, body), *_ = BEHIND.items()
    ann = network(
        f"{IN_FRONT['Scaler']}  {NEURONS}  {body}",
        f"float[N,3] z, {output}",
        opset=opset,
    )
    conversion = onnx2snn.convert(ann, T, X)
    assert conversion.ir_model.opset_imports == {
        "": 17,
        "ai.onnx.ml": 3,
        "ai.onnx2snn": 1,
    }
    assert_close(conversion, ann)


BETWEEN = (
    f"{SAME}  h = MatMul (s, w)  [r0] a = Relu (h)  [fused] g = com.microsoft.CDist (a, v)  "
    "[r1] b = Relu (g)  z = MatMul (b, u)"
)


def test_between_neurons_it_is_refused_by_name() -> None:
    with pytest.raises(
        onnx2snn.UnsupportedError,
        match=r"CDist 'fused': it stands between neurons, behind Relu 'r0' and in front "
        r"of Relu 'r1'; exclude what is behind it \(until 'r0'\); use the file from before",
    ) as caught:
        onnx2snn.convert(network(BETWEEN), 4, X)
    assert [(refusal.op, refusal.node) for refusal in caught.value.refusals] == [
        ("com.microsoft.CDist", "fused")
    ]
    assert kinds(network(BETWEEN))["fused"] == "refused"


def test_what_is_behind_it_can_be_excluded() -> None:
    ann = network(BETWEEN)
    assert kinds(ann, until=("r0",))["fused"] == "readout"
    assert_close(onnx2snn.convert(ann, T, X, until=("r0",)), ann)


def test_a_coded_input_in_front_of_it() -> None:
    ann = network(f"{IN_FRONT['CDist']}  {NEURONS}")
    with pytest.raises(
        onnx2snn.UnsupportedError,
        match=r"CDist 's': it stands in front of neurons \(Relu 'r0'\) and reads a coded input",
    ):
        onnx2snn.convert(ann, 4, X, input_coding="rate")


@pytest.mark.parametrize(
    "body",
    [
        "z = ai.onnx.ml.LinearRegressor <coefficients = [1.0, 2.0], targets = 3> (x)",
        "p = Neg (x)  z = ai.onnx.ml.Normalizer (p)",
    ],
)
def test_classical_machine_learning_alone_is_nothing_to_convert(body: str) -> None:
    with pytest.raises(
        onnx2snn.UnsupportedError,
        match=r"ai\.onnx\.ml\.(\w+)\); nothing to convert\n.*\1 'z': classical machine",
    ):
        onnx2snn.convert(network(body))


def test_foreign_operators_are_not_blamed_for_a_language_that_is_missing() -> None:
    ann = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> net (string[N] t) '
        "=> (float[N] z) { "
        's = StringNormalizer <locale = "xx_NOWHERE", case_change_action = "LOWER"> (t)  '
        'e = ai.onnx.ml.LabelEncoder <keys_strings = ["a"], values_floats = [1.0]> (s)  '
        "z = Relu (e) }"
    )
    with pytest.raises(onnx2snn.UnsupportedError, match="xx_NOWHERE") as raised:
        onnx2snn.convert(ann)
    assert "does not run in onnxruntime" in str(raised.value)
    assert not raised.value.refusals


def test_operators_in_the_readout_are_not_blamed_where_weights_can_take_neurons() -> (
    None
):
    ann = network(
        f"{SAME}  h = MatMul (s, w)  z = MatMul (h, u)  l = ai.onnx.ml.Normalizer (z)",
        "float[N,3] l",
    )
    with pytest.raises(onnx2snn.UnsupportedError, match="--spike all") as raised:
        onnx2snn.convert(ann)
    assert not raised.value.refusals


ZIPPED = (
    f"{SAME}  {NEURONS}  p = Softmax (z)  "
    'm = ai.onnx.ml.ZipMap <classlabels_strings = ["ant", "bee", "cow"]> (p)'
)


def zipped(opset: int = 17) -> onnx.ModelProto:
    ann = network(ZIPPED, "float[N,3] z", opset=opset)
    number = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [])
    maps = onnx.helper.make_map_type_proto(onnx.TensorProto.STRING, number)
    kind = onnx.helper.make_sequence_type_proto(maps)
    ann.graph.output.append(onnx.helper.make_value_info("m", kind))
    return ann


@pytest.mark.parametrize("opset", [12, 17])
def test_an_output_of_maps_stays_one(opset: int, tmp_path: Path) -> None:
    ann = zipped(opset)
    conversion = onnx2snn.convert(ann, T, X)
    written = conversion.model
    assert written.graph.output[1].type == ann.graph.output[1].type
    onnx.checker.check_model(written)
    conversion.save(tmp_path / "snn.onnx")
    found = onnx2snn.load(tmp_path / "snn.onnx").run(X)["m"]
    expected = run_ort(ann, {"x": X})["m"]
    assert [list(sample) for sample in found] == [["ant", "bee", "cow"]] * len(X)
    for sample, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            list(sample.values()), list(wanted.values()), atol=0.03
        )


def test_models_of_other_forms_with_maps() -> None:
    assert kinds(zipped().SerializeToString()) == kinds(zipped())
    assert kinds(model_of(zipped())) == kinds(zipped())


WORDS = np.array([["cat"], ["dog"], ["cat"], ["emu"]] * 10)
ENCODED = (
    'o = ai.onnx.ml.OneHotEncoder <zeros = 0, cats_strings = ["cat", "dog", "emu"]> (c)  '
    f"f = Flatten (o)  s = Concat <axis = 1> (x, f)  {NEURONS}"
)


def worded() -> onnx.ModelProto:
    return network(ENCODED, inputs="float[N,5] x, string[N,1] c")


@pytest.mark.parametrize("form", ["npz", "arrays", "objects", "feeds"])
def test_inputs_of_strings(form: str, tmp_path: Path) -> None:
    arrays = {"x": X[:, :5], "c": WORDS}
    data: object = arrays
    if form == "npz":
        np.savez(tmp_path / "data.npz", **arrays)
        data = tmp_path / "data.npz"
    elif form == "objects":
        data = {"x": X[:, :5], "c": WORDS.astype(object)}
    elif form == "feeds":
        data = iter([arrays])
    conversion = onnx2snn.convert(worded(), T, data)
    expected = run_ort(worded(), arrays)["z"]
    found = onnx2snn.load(conversion).run(arrays)["z"]
    assert np.abs(found - expected).max() < CLOSE * np.abs(expected).max()


def test_strings_are_not_made_up() -> None:
    with pytest.raises(
        onnx2snn.CalibrationError, match="no synthetic values for input 'c' string"
    ):
        onnx2snn.convert(worded())


def test_the_digest_of_strings_is_that_of_their_content() -> None:
    digests = {
        onnx2snn.data.dataset.dataset(
            {"x": X[:, :5], "c": words},
            onnx2snn.data.dataset.input_specs(model_of(worded())),
        ).sha256()
        for words in (WORDS, WORDS.astype("<U9"), WORDS[::-1])
    }
    assert len(digests) == 2


def test_an_operator_without_a_kernel_in_numpy() -> None:
    snn = onnx2snn.convert(network(f"{IN_FRONT['CDist']}  {NEURONS}"), 4, X).model
    with pytest.raises(
        onnx2snn.InvalidModelError,
        match=r"in NumPy: there is no kernel for com\.microsoft\.CDist 's'; choose .* 'ort'",
    ):
        onnx2snn.load(snn, runtime="numpy")


def test_numpy_runs_those_that_onnx_has() -> None:
    conversion = onnx2snn.convert(network(f"{IN_FRONT['Scaler']}  {NEURONS}"), 4, X)
    expected = onnx2snn.load(conversion.model).run(X)["z"]
    found = onnx2snn.load(conversion.model, runtime="numpy").run(X)["z"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "ann.onnx", tmp_path / "snn.onnx"
    path.write_bytes(network(BETWEEN).SerializeToString())
    assert cli.main(["convert", str(path), "-o", str(out)]) == 1
    assert "com.microsoft.CDist 'fused'" in capsys.readouterr().err
    assert cli.main(["convert", str(path), "-o", str(out), "--until", "r0"]) == 0


IMPUTER = (
    "ai.onnx.ml.Imputer <imputed_value_floats = [0.5], replaced_value_float = nan>"
)
MISSING = {
    "Imputer": f"s = {IMPUTER} (x)",
    "IsNaN": "m = IsNaN (x)  c = Constant <value = float {0.5}> ()  s = Where (m, c, x)",
    "behind others": f"i = Neg (x)  s = {IMPUTER} (i)",
}


@pytest.mark.parametrize("front", MISSING.values(), ids=MISSING)
def test_nan_is_a_missing_value_where_the_network_says_so(front: str) -> None:
    ann = network(f"{front}  {NEURONS}")
    data = np.where(X > 1, np.float32(np.nan), X)
    conversion = onnx2snn.convert(ann, T, data)
    found = onnx2snn.load(conversion).run(data)["z"]
    expected = run_ort(ann, {"x": data})["z"]
    atol = CLOSE * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    evaluation = onnx2snn.evaluate(conversion, data, ann=ann)
    assert evaluation.deviations["z"][T].cosine > 0.9


def test_nan_is_refused_where_another_number_stands_for_a_missing_value() -> None:
    ann = network(f"{IN_FRONT['Imputer']}  {NEURONS}")
    with pytest.raises(onnx2snn.CalibrationError, match=r"has \d+ NaN values"):
        onnx2snn.convert(ann, T, np.where(X > 1, np.float32(np.nan), X))


def test_infinity_is_no_missing_value() -> None:
    ann = network(f"{MISSING['Imputer']}  {NEURONS}")
    with pytest.raises(onnx2snn.CalibrationError, match="has 1 Inf value"):
        onnx2snn.convert(ann, T, np.where(X.max() == X, np.float32(np.inf), X))


def test_text_behind_the_neurons_runs_with_time_in_the_batch() -> None:
    body = (
        f"{SAME}  {NEURONS}  {INDEX}  l = ai.onnx.ml.LabelEncoder <keys_int64s = [0, 1, 2], "
        'values_strings = ["ant", "bee", "cow"]> (i)'
    )
    ann = network(body, "float[N,3] z, string[N] l")
    conversion = onnx2snn.convert(ann, T, X, layout="multistep")
    evaluation = onnx2snn.evaluate(conversion, X, ann=ann)
    assert evaluation.samples == len(X)
    assert evaluation.deviations["l"][T].equal > 90

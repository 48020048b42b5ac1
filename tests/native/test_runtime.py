"""The runtimes that use the native library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

import onnx2snn
from onnx2snn.cli import doctor, main
from onnx2snn.errors import NativeError
from onnx2snn.native import NativeLibrary
from onnx2snn.native import library as library_module
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, emitted, model
from tests.native.library import library, needs_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let there be no native library."""
    with monkeypatch.context() as patch:
        patch.setattr(library_module, "library_file", lambda: tmp_path / "none.so")
        library_module.forget_library()
        yield
    library_module.forget_library()


@pytest.fixture(scope="module")
def classifier() -> onnx.ModelProto:
    """Return a spiking network whose weights and thresholds are dyadic."""
    return emitted(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))


def outputs_in(network: onnx.ModelProto, runtime: str) -> dict[str, np.ndarray]:
    return onnx2snn.load(network, runtime).run({"x": CLASSIFIER_X})


@needs_library
@pytest.mark.parametrize("runtime", ["auto", "native", "numpy"])
def test_every_runtime_gives_the_bits_of_stock_onnxruntime(
    classifier: onnx.ModelProto, runtime: str
) -> None:
    expected = outputs_in(classifier, "ort")
    found = outputs_in(classifier, runtime)
    np.testing.assert_array_equal(found["y"], expected["y"])
    np.testing.assert_allclose(found["p"], expected["p"], rtol=1e-6)  # exp differs


@needs_library
def test_the_library_runs_the_operators_of_a_file(classifier: onnx.ModelProto) -> None:
    without_functions = type(classifier)()
    without_functions.CopyFrom(classifier)
    del without_functions.functions[:]
    expected = outputs_in(classifier, "ort")
    found = outputs_in(without_functions, "native")
    np.testing.assert_array_equal(found["y"], expected["y"])


@needs_library
def test_a_session_of_one_s_own_takes_the_library(classifier: onnx.ModelProto) -> None:
    options = onnxruntime.SessionOptions()
    onnx2snn.runtime.register(options)
    session = onnxruntime.InferenceSession(classifier.SerializeToString(), options)
    found = session.run(["y"], {"x": CLASSIFIER_X})[0]
    np.testing.assert_array_equal(found, outputs_in(classifier, "ort")["y"])


@needs_library
def test_a_network_of_float16_runs_without_the_library() -> None:
    text = CLASSIFIER.replace("float[", "float16[")
    weights = {name: data.astype("f2") for name, data in CLASSIFIER_WEIGHTS.items()}
    network = emitted(model(text, **weights))
    feeds = {"x": CLASSIFIER_X.astype("f2")}
    found = onnx2snn.load(network, "auto").run(feeds)
    expected = onnx2snn.load(network, "ort").run(feeds)
    np.testing.assert_array_equal(found["y"], expected["y"])


@pytest.mark.usefixtures("no_library")
def test_without_the_library_networks_run_in_stock_onnxruntime(
    classifier: onnx.ModelProto,
) -> None:
    found, expected = outputs_in(classifier, "auto"), outputs_in(classifier, "ort")
    np.testing.assert_array_equal(found["y"], expected["y"])


@pytest.mark.usefixtures("no_library")
def test_without_the_library_the_native_runtime_says_what_to_do(
    classifier: onnx.ModelProto,
) -> None:
    with pytest.raises(NativeError, match="onnx2snn native build"):
        onnx2snn.load(classifier, "native")
    with pytest.raises(NativeError, match="onnx2snn native build"):
        onnx2snn.runtime.register(onnxruntime.SessionOptions())


@pytest.mark.usefixtures("no_library")
def test_doctor_says_what_runs_without_the_library(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "onnx2snn native build" in found["native library"]
    assert "stock onnxruntime" in found["native library"]
    assert main(["native", "path"]) == 1
    assert "onnx2snn native build" in capsys.readouterr().err


@needs_library
def test_doctor_and_path_name_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["native library"] == str(library().path)
    assert found["instruction set"] == library().instruction_set
    assert main(["native", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(library().path)


@pytest.fixture
def neurons_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library be one that was built without oneDNN."""
    without = NativeLibrary(Path("built-without.so"), "plain", "")
    monkeypatch.setattr(library_module, "find_library", lambda: without)
    monkeypatch.setattr(doctor, "find_library", lambda: without)


@pytest.mark.usefixtures("neurons_only")
def test_a_library_of_neurons_only_says_what_compiled_networks_need(
    classifier: onnx.ModelProto, tmp_path: Path
) -> None:
    """onnxruntime said that GatedDoubleThresholdIFPacked is not registered."""
    compiled = onnx2snn.compile_network(classifier)
    compiled.save(tmp_path / "for-elsewhere.onnx")
    with pytest.raises(NativeError, match=r"neurons only: pip install .onnx2snn\[nat"):
        onnx2snn.load(compiled)


@pytest.mark.usefixtures("neurons_only")
def test_doctor_shows_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "onnx2snn[native]" in "".join(capsys.readouterr().out.split())

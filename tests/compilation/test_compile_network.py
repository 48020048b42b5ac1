"""Compiling networks in files and in memory, and running what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.cli import main
from onnx2snn.errors import NativeError, OptionError
from onnx2snn.native import library as library_module
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, emitted, model
from tests.native.library import needs_multiplying

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

pytestmark = needs_multiplying


@pytest.fixture(scope="module")
def classifier() -> onnx.ModelProto:
    return emitted(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))


def test_a_network_with_a_loop_compiles_and_stays_as_it_is(
    classifier: onnx.ModelProto,
) -> None:
    before = classifier.SerializeToString()
    compiled = onnx2snn.compile_network(classifier, "float")
    assert classifier.SerializeToString() == before
    found = onnx2snn.load(compiled).run({"x": CLASSIFIER_X})
    expected = onnx2snn.load(classifier, "ort").run({"x": CLASSIFIER_X})
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_it_tells_its_outputs_after_several_numbers_of_steps(
    classifier: onnx.ModelProto,
) -> None:
    compiled = onnx2snn.load(onnx2snn.compile_network(classifier, "float"))
    found = compiled.run_at({"x": CLASSIFIER_X}, [1, 3, 8])
    expected = onnx2snn.load(classifier, "ort").run_at({"x": CLASSIFIER_X}, [1, 3, 8])
    for count, outputs in expected.items():
        np.testing.assert_array_equal(found[count]["y"], outputs["y"])


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_other_runtimes_are_refused(classifier: onnx.ModelProto, runtime: str) -> None:
    compiled = onnx2snn.compile_network(classifier)
    with pytest.raises(NativeError, match=f"compiled .* the runtime {runtime} has no"):
        onnx2snn.load(compiled, runtime)


def test_without_the_library_the_error_says_what_to_do(
    classifier: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled = onnx2snn.compile_network(classifier)
    with monkeypatch.context() as patch:
        patch.setattr(library_module, "library_file", lambda: tmp_path / "none.so")
        library_module.forget_library()
        with pytest.raises(NativeError, match="onnx2snn native build"):
            onnx2snn.load(compiled)
    library_module.forget_library()


def test_the_command_writes_a_file_that_loads(
    classifier: onnx.ModelProto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "snn.onnx", tmp_path / "native.onnx"
    source.write_bytes(classifier.SerializeToString())
    command = ["compile", str(source), "-o", str(target), "--weights", "float"]
    assert main(command) == 0
    assert "weights of float" in capsys.readouterr().out
    found = onnx2snn.load(target).run({"x": CLASSIFIER_X})
    expected = onnx2snn.load(source, "ort").run({"x": CLASSIFIER_X})
    np.testing.assert_array_equal(found["y"], expected["y"])
    assert main(["compile", str(source), "-o", str(source)]) == 1
    assert source.read_bytes() == classifier.SerializeToString()


def test_weights_of_no_such_type_and_networks_without_time_steps_are_refused(
    classifier: onnx.ModelProto,
) -> None:
    with pytest.raises(OptionError, match="weights must be one of float, int8"):
        onnx2snn.compile_network(classifier, "int4")
    with pytest.raises(OptionError, match="it is an ANN"):
        onnx2snn.compile_network(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))

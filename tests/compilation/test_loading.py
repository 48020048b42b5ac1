"""Networks that are compiled in memory when they are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.compilation import loading
from onnx2snn.metadata.facts import COMPILED
from onnx2snn.runtime import read_emitted
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, CLASSIFIER_X, emitted, model
from tests.native.library import needs_multiplying

if TYPE_CHECKING:
    import onnx


@pytest.fixture(scope="module")
def of_bytes() -> onnx.ModelProto:
    ann = model(CLASSIFIER, **CLASSIFIER_WEIGHTS)
    return onnx2snn.convert(ann, 8, CLASSIFIER_X, weights="int8").model


def is_compiled(network: onnx2snn.Network) -> bool:
    return COMPILED.read(read_emitted(network).ir_model) is not None


@needs_multiplying
@pytest.mark.parametrize("runtime", ["auto", "native"])
def test_weights_of_int8_are_compiled_for_time_in_the_batch(
    of_bytes: onnx.ModelProto, runtime: str
) -> None:
    loaded = onnx2snn.load(of_bytes, runtime, layout="multistep")
    assert is_compiled(loaded)
    found = loaded.run({"x": CLASSIFIER_X})["y"]
    stock = onnx2snn.load(of_bytes, "ort").run({"x": CLASSIFIER_X})["y"]
    # Sums of a few dozen products in another order: some units in the last place.
    np.testing.assert_allclose(found, stock, rtol=1e-5, atol=1e-5)


@needs_multiplying
def test_a_compiled_network_is_loaded_as_it_is(of_bytes: onnx.ModelProto) -> None:
    compiled = onnx2snn.compile_network(of_bytes)
    assert is_compiled(onnx2snn.load(compiled, layout="multistep"))


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_other_runtimes_get_what_was_emitted(
    of_bytes: onnx.ModelProto, runtime: str
) -> None:
    assert not is_compiled(onnx2snn.load(of_bytes, runtime, layout="multistep"))


def test_without_a_library_that_multiplies_nothing_is_compiled(
    of_bytes: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "weights_problem", lambda: "it is not there")
    assert not is_compiled(onnx2snn.load(of_bytes, layout="multistep"))


def test_the_layout_of_the_file_and_weights_of_float_stay(
    of_bytes: onnx.ModelProto,
) -> None:
    assert not is_compiled(onnx2snn.load(of_bytes))
    of_floats = emitted(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    assert not is_compiled(onnx2snn.load(of_floats, layout="multistep"))

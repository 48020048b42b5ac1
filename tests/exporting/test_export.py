from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
import pytest

import onnx2snn
from onnx2snn.errors import InvalidModelError, OptionError
from onnx2snn.exporting import export, nir_file
from onnx2snn.exporting.layers import Convolution, LayerGraph
from tests.exporting.networks import T, conv, converted, images, network, weights

if TYPE_CHECKING:
    from pathlib import Path

nir = pytest.importorskip("nir", reason="the extra nir is not installed")


@pytest.mark.parametrize("reader", onnx2snn.exporting.READERS)
def test_a_file_is_written_read_back_and_measured(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    labels = np.zeros(9, int)
    data = {"x": images(9), "y": labels}
    made = onnx2snn.export_nir(network("residual"), path, reader=reader, data=data)
    assert made.path == path
    assert made.encoder is None
    report = made.report
    assert json.loads((tmp_path / "net.nir.json").read_text()) == report
    assert report["name"] == reader
    assert report["samples"] == 9
    assert report["input_shape"] == [3, 8, 7]
    assert report["layers"]["neurons"] == 3
    assert report["network"]["agreement"] == 100
    assert f"each of {T} steps" in report["encoding"]
    graph = nir.read(path)
    kinds = {type(node).__name__ for node in graph.nodes.values()}
    assert report["primitive"] in kinds
    assert all("/" not in name and "." not in name for name in graph.nodes)


def test_with_its_own_neuron_a_reader_gives_what_the_network_gives(
    tmp_path: Path,
) -> None:
    made = onnx2snn.export_nir(
        network("pools"), tmp_path / "net.nir", reader="norse", data={"x": images(9)}
    )
    assert made.report["reader"]["relative_error"] < 0.02
    assert made.report["reader"]["agreement"] == 100


def test_potentials_are_spread_over_the_steps(tmp_path: Path) -> None:
    text = "(float[N,3,8,7] x) => (float[N,5] z) { a = Conv (x, A)  r = Relu (a)"
    text += "  f = Flatten (r)  z = Gemm <transB = 1> (f, G, g) }"
    arrays = weights(4 * 56, A=conv(4, 4, 3, 1, 1))
    snn = converted(text, arrays, v_init=0.5)
    made = onnx2snn.export_nir(snn, tmp_path / "net.nir", data={"x": images(9)})
    assert made.report["changes"]["spread_potentials"]
    assert made.report["spread"] is not None
    at_start = converted(text, arrays)
    made = onnx2snn.export_nir(at_start, tmp_path / "net.nir", data={"x": images(9)})
    assert made.report["spread"] is None


def test_what_no_layer_computes_in_front_becomes_an_encoder(tmp_path: Path) -> None:
    text = """(float[N,8,7,3] x) => (float[N,5] z) {
      t = Transpose <perm = [0,3,1,2]> (x)
      s = Sub (t, m)
      a = Conv <pads = [1,1,1,1]> (s, A)
      r = Relu (a)
      f = Flatten (r)
      z = Gemm <transB = 1> (f, G, g) }"""
    arrays = weights(
        4 * 56, A=conv(4, 4, 3, 3, 3), m=np.full((1, 3, 1, 1), 0.5, np.float32)
    )
    data = {"x": images().transpose(0, 2, 3, 1)}
    snn = onnx2snn.convert(
        onnx2snn_model(text, arrays), T=T, calibration=data, target="nir"
    )
    made = onnx2snn.export_nir(snn, tmp_path / "net.nir", data=data)
    assert made.encoder == tmp_path / "net.encoder.onnx"
    session = ort.InferenceSession(made.encoder)
    (entry,) = session.run(None, data)
    expected = data["x"].transpose(0, 3, 1, 2) - 0.5
    np.testing.assert_allclose(entry, expected, rtol=1e-6)
    assert "encoder" in made.report["encoding"]


def onnx2snn_model(text: str, arrays: dict[str, np.ndarray]) -> object:
    from tests.models import model  # noqa: PLC0415

    return model(text, **arrays)


def test_too_little_agreement_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match=r"fewer than the 100\.5 %"):
        onnx2snn.export_nir(
            network("pools"),
            tmp_path / "net.nir",
            data={"x": images(9)},
            least_agreement=100.5,
        )
    assert not list(tmp_path.iterdir())


def test_a_file_that_reads_otherwise_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(path: Path) -> LayerGraph:
        layers = nir_file.read_layers(path)
        name = layers.named(Convolution)[0]
        layer = layers.layers[name]
        assert isinstance(layer, Convolution)
        layers.layers[name] = Convolution(layer.weight + 1, layer.bias)
        return layers

    monkeypatch.setattr(export, "read_layers", other)
    with pytest.raises(InvalidModelError, match="has other numbers"):
        onnx2snn.export_nir(network("pools"), tmp_path / "net.nir")
    assert not list(tmp_path.iterdir())


def test_layers_that_compute_something_else_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_MOST_ERROR", -1.0)
    with pytest.raises(InvalidModelError, match="compute something else than it does"):
        onnx2snn.export_nir(network("pools"), tmp_path / "net.nir")
    assert not list(tmp_path.iterdir())


def test_what_nir_does_not_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "type mismatch"
        raise ValueError(message)

    monkeypatch.setattr(nir, "read", fail)
    with pytest.raises(InvalidModelError, match=r"does not read .* type mismatch"):
        onnx2snn.export_nir(network("pools"), tmp_path / "net.nir")
    assert not list(tmp_path.iterdir())


def test_without_nir_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(nir_file.importlib, "import_module", missing)
    with pytest.raises(OptionError, match=r"onnx2snn\[nir\]"):
        onnx2snn.export_nir(network("pools"), tmp_path / "net.nir")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"reader": "loihi"}, "loihi"),
        ({"pool": "max"}, "pool"),
        ({"samples": 0}, "samples"),
        ({"T": 0}, "T"),
    ],
)
def test_options_that_are_out_of_range_are_refused(
    options: dict[str, object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=words):
        onnx2snn.export_nir("snn.onnx", tmp_path / "net.nir", **options)

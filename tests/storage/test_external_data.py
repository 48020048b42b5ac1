"""Networks that keep their weights in a file of their own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

import onnx2snn

if TYPE_CHECKING:
    from pathlib import Path

NET = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,2] x) => (float[N,4] y)
<float[2,4] w = {1.0, -1.0, 0.5, 0.25, 0.5, 1.0, -1.0, 0.125}, float[4] b = {0.5, -0.25, 0.0, 1.0},
 float[4,4] m = {1.0, 0.0, 0.0, -0.5, 0.0, 1.0, -0.25, 0.0, 0.5, 0.0, 1.0, 0.0, 0.0, 0.25, 0.0,
 2.0}> {
    h = Gemm (x, w, b)
    a = Relu (h)
    y = MatMul (a, m)
}
"""
X = np.random.default_rng(7).integers(-32, 33, (30, 2)).astype(np.float32) / 16


def save_in_two(model: onnx.ModelProto, folder: Path) -> Path:
    """Write ``model`` with every tensor in ``weights.bin``."""
    folder.mkdir()
    path = folder / "net.onnx"
    for tensor in model.graph.initializer:  # only raw data goes into a file of its own
        data = onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(data, tensor.name))
    onnx.save_model(
        model,
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    assert path.with_name("weights.bin").stat().st_size
    return path


@pytest.fixture
def ann() -> onnx.ModelProto:
    return onnx.parser.parse_model(NET)


def test_the_spiking_network_needs_no_other_file(
    ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(onnx.parser.parse_model(NET), tmp_path / "ann")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    onnx2snn.convert(path, T=8, calibration=X).save(elsewhere / "snn.onnx")
    shutil.rmtree(tmp_path / "ann")
    got = onnx2snn.load(elsewhere / "snn.onnx").run({"x": X})["y"]
    whole = onnx2snn.convert(ann, T=8, calibration=X).model
    np.testing.assert_array_equal(got, onnx2snn.load(whole).run({"x": X})["y"])


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_a_spiking_network_may_keep_weights_in_another_file(
    runtime: str, ann: onnx.ModelProto, tmp_path: Path
) -> None:
    whole = onnx2snn.convert(ann, T=8, calibration=X).model
    expected = onnx2snn.load(whole, runtime).run({"x": X})["y"]
    path = save_in_two(whole, tmp_path / "snn")
    np.testing.assert_array_equal(
        onnx2snn.load(path, runtime).run({"x": X})["y"], expected
    )


@pytest.mark.parametrize("state", ["missing", "truncated"])
def test_an_ann_whose_weights_cannot_be_read(
    state: str, ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    pattern = spoil(path.with_name("weights.bin"), state)
    with pytest.raises(
        onnx2snn.InvalidModelError, match=rf"net\.onnx keeps .*{pattern}"
    ):
        onnx2snn.convert(path)


@pytest.mark.parametrize("state", ["missing", "truncated"])
def test_a_spiking_network_whose_weights_cannot_be_read(
    state: str, ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(
        onnx2snn.convert(ann, T=8, calibration=X).model, tmp_path / "snn"
    )
    spoil(path.with_name("weights.bin"), state)
    with pytest.raises(onnx2snn.InvalidModelError, match=r"net\.onnx"):
        onnx2snn.load(path)


def spoil(weights: Path, state: str) -> str:
    """Damage the file of the weights; return what the message says."""
    if state == "missing":
        weights.unlink()
        return "does not exist"
    weights.write_bytes(weights.read_bytes()[:8])
    return "is truncated: it has 8 bytes"

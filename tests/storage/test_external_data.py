"""Networks that keep their weights in a file of their own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.storage import large_models

if TYPE_CHECKING:
    from collections.abc import Callable
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


def linked_out(path: Path, tmp_path: Path) -> None:
    """Move the weights out of the model's folder, and leave a link to them."""
    secret = tmp_path / "secret.bin"
    weights = path.with_name("weights.bin")
    weights.rename(secret)
    weights.symlink_to(secret)


def linked_folder(path: Path, tmp_path: Path) -> None:
    """Let weights lie behind a folder that is a link out of the model's folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path.with_name("weights.bin").rename(outside / "weights.bin")
    (path.parent / "d").symlink_to(outside)
    model = onnx.load_model(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "d/weights.bin" if entry.key == "location" else entry.value
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("link", [linked_out, linked_folder])
def test_links_out_of_the_folder_are_not_followed(
    ann: onnx.ModelProto, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    link(path, tmp_path)
    with pytest.raises(
        onnx2snn.InvalidModelError, match=r"weights\.bin' is a link to a"
    ):
        onnx2snn.convert(path, calibration=X)
    with pytest.raises(
        onnx2snn.InvalidModelError, match=r"weights\.bin' is a link to a"
    ):
        onnx2snn.load(path)


def test_a_link_inside_the_folder_is_followed(
    ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    path.with_name("weights.bin").rename(path.with_name("blob"))
    path.with_name("weights.bin").symlink_to("blob")
    problems = {
        large_models.external_data_problem(tensor)
        for tensor in large_models.external_tensors(located(path))
    }
    assert problems == {None}


def located(path: Path) -> ir.Model:
    model = ir.from_proto(onnx.load_model(path, load_external_data=False))
    ir.external_data.set_base_dir(model.graph, path.parent)
    return model


@pytest.mark.parametrize(
    "key, value, problem",
    [
        ("length", "8", "has 8 bytes for 32 of 'w'"),
        ("offset", "-8", "offset of 'w' in another file is -8, below 0"),
        ("length", "-8", "length of 'w' in another file is -8, below 0"),
        ("offset", "100000", "is truncated"),
        ("location", "x" * 6000, "cannot be read: OSError"),
        ("location", ".", "is no file"),
    ],
)
def test_extents_that_are_not_those_of_the_tensor(
    ann: onnx.ModelProto, tmp_path: Path, key: str, value: str, problem: str
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    model = onnx.load_model(path, load_external_data=False)
    entries = {entry.key: entry for entry in model.graph.initializer[0].external_data}
    entries[key].value = value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(onnx2snn.InvalidModelError, match=problem):
        onnx2snn.convert(path, calibration=X)
    with pytest.raises(onnx2snn.InvalidModelError, match=problem):
        onnx2snn.load(path)


def test_a_file_with_other_names_is_not_read(
    ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    (tmp_path / "elsewhere.bin").hardlink_to(path.with_name("weights.bin"))
    with pytest.raises(onnx2snn.InvalidModelError, match=r"hard links.*copy it"):
        onnx2snn.convert(path, calibration=X)
    with pytest.raises(onnx2snn.InvalidModelError, match=r"hard links.*copy it"):
        onnx2snn.load(path)


def test_a_model_that_contradicts_itself_is_told_by_the_first_cause(
    ann: onnx.ModelProto,
) -> None:
    ann.graph.node.add().CopyFrom(ann.graph.node[0])
    with pytest.raises(onnx2snn.InvalidModelError) as converted:
        onnx2snn.convert(ann, calibration=X)
    with pytest.raises(onnx2snn.InvalidModelError) as loaded:
        onnx2snn.load(ann)
    for error in (converted, loaded):
        assert "is not a valid ONNX model" in str(error.value)
        assert ann.graph.node[0].output[0] in str(error.value)


def test_without_a_length_the_file_must_hold_the_tensor(
    ann: onnx.ModelProto, tmp_path: Path
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    model = onnx.load_model(path, load_external_data=False)
    for tensor in model.graph.initializer:
        kept = [entry for entry in tensor.external_data if entry.key != "length"]
        del tensor.external_data[:]
        tensor.external_data.extend(kept)
    path.write_bytes(model.SerializeToString())
    path.with_name("weights.bin").write_bytes(b"")
    with pytest.raises(onnx2snn.InvalidModelError, match="it has 0 bytes, not"):
        onnx2snn.convert(path, calibration=X)


def test_weights_beside_the_model_are_not_written_over(
    ann: onnx.ModelProto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_in_two(ann, tmp_path / "ann")
    weights = path.with_name("weights.bin")
    before = weights.read_bytes()
    np.savez(tmp_path / "x.npz", x=X)
    words = ["-o", str(weights), "--calibration", str(tmp_path / "x.npz")]
    assert cli.main(["convert", str(path), *words]) == 1
    shown = " ".join(capsys.readouterr().err.split())
    assert "is given as well; name another file" in shown
    assert weights.read_bytes() == before

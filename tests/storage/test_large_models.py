"""Models above the size that is copied in memory: the limit is lowered, so that small ones are."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

import onnx2snn
from onnx2snn.importing import read
from onnx2snn.storage.large_models import openable, save_model
from onnx2snn.testing import run_ort
from tests.models import model, normal

X = np.random.default_rng(7).integers(-32, 33, (30, 6)).astype(np.float32) / 16
TEXT = (
    "(float[N,6] x) => (float[N,8] y) { h = MatMul (x, w)  i = Add (h, b)  a = Relu (i)"
    "  k = Gemm <transB = 1> (a, v)  c = Relu (k)  y = MatMul (c, u) }"
)


def ann() -> ir.Model:
    return model(
        TEXT,
        '<ir_version: 8, opset_import: ["" : 13]>',
        w=normal(1, 6, 64),
        b=normal(2, 64),
        v=normal(3, 64, 64) / 4,
        u=normal(4, 64, 8),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a model whose weights, but for the bias, are in another file."""
    folder = tmp_path / "ann"
    folder.mkdir()
    ir.save(
        ann(), folder / "net.onnx", external_data="net.bin", size_threshold_bytes=100
    )
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def expected() -> onnx2snn.Conversion:
    """Return the conversion of the same model as a small one."""
    conversion = onnx2snn.convert(ann(), T=8, calibration=X, keep_weights=True)
    assert conversion.model.graph.node
    return conversion


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnx2snn.storage.large_models.LARGEST_IN_MEMORY", 2000)
    monkeypatch.setattr("onnx2snn.storage.large_models.SMALL", 1024)


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_small_network_is_one_file(
    expected: onnx2snn.Conversion, tmp_path: Path
) -> None:
    folder = tmp_path / "snn"
    folder.mkdir()
    expected.save(folder / "snn.onnx")
    assert contents(folder) == {"snn.onnx"}


@pytest.mark.usefixtures("low_limit")
@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_a_large_network_is_two_files(
    runtime: str, expected: onnx2snn.Conversion, path: Path, tmp_path: Path
) -> None:
    conversion = onnx2snn.convert(path, T=8, calibration=X, keep_weights=True)
    assert conversion.report["layers"] == expected.report["layers"]
    weights = [
        value.const_value
        for graph in conversion.ir_model.graphs()
        for value in graph.initializers.values()
    ]
    mapped = [tensor for tensor in weights if isinstance(tensor, ir.ExternalTensor)]
    assert {tensor.name for tensor in mapped} == {"w", "v", "u"}
    folder = tmp_path / "snn"
    folder.mkdir()
    conversion.save(folder / "snn.onnx")
    assert contents(folder) == {"snn.onnx", "snn.onnx.data"}
    path.with_name("net.bin").unlink()
    saved = onnx2snn.load(folder / "snn.onnx", runtime)
    whole = onnx2snn.load(expected.model, runtime)
    np.testing.assert_array_equal(saved.run({"x": X})["y"], whole.run({"x": X})["y"])
    np.testing.assert_array_equal(
        saved.run_at({"x": X}, [3])[3]["y"], whole.run_at({"x": X}, [3])[3]["y"]
    )
    (stock,) = onnxruntime.InferenceSession(str(folder / "snn.onnx")).run(
        None, {"x": X}
    )
    np.testing.assert_allclose(stock, whole.run({"x": X})["y"], 1e-5, 1e-5)
    onnx.checker.check_model(str(folder / "snn.onnx"), full_check=True)


@pytest.mark.usefixtures("low_limit")
def test_the_whole_of_a_large_network_can_be_looked_at(
    expected: onnx2snn.Conversion, path: Path
) -> None:
    conversion = onnx2snn.convert(path, T=8, calibration=X, keep_weights=True)
    assert conversion.model is conversion.model
    feeds = {"x": X}
    np.testing.assert_array_equal(
        run_ort(conversion.model, feeds)["y"], run_ort(expected.model, feeds)["y"]
    )


@pytest.mark.usefixtures("low_limit")
@pytest.mark.parametrize("form", ["proto", "ir", "mapped"])
def test_large_models_in_memory(
    form: str, expected: onnx2snn.Conversion, path: Path
) -> None:
    given = {"proto": ir.to_proto(ann()), "ir": ann(), "mapped": ir.load(path)}[form]
    conversion = onnx2snn.convert(given, T=8, calibration=X, keep_weights=True)
    assert conversion.report["layers"] == expected.report["layers"]
    assert read(given).sha256 == conversion.report["source_sha256"]
    other = ann()
    other.graph.initializers["v"].const_value = ir.tensor(normal(9, 64, 64), name="v")
    assert read(other).sha256 != conversion.report["source_sha256"]


@pytest.mark.usefixtures("low_limit")
def test_the_ann_of_a_large_network_is_scored(path: Path, tmp_path: Path) -> None:
    onnx2snn.convert(path, T=64, calibration=X, keep_weights=True).save(
        tmp_path / "snn.onnx"
    )
    found = onnx2snn.evaluate(
        tmp_path / "snn.onnx", {"x": X}, ann=path, task="classification"
    )
    assert found.agreement[64] > 90


@pytest.mark.usefixtures("low_limit")
def test_a_network_is_not_written_over_the_files_of_its_own_ann(path: Path) -> None:
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    conversion = onnx2snn.convert(path, T=8, calibration=X, keep_weights=True)
    with pytest.raises(onnx2snn.OutputError, match=r"cannot write .*net\.onnx"):
        conversion.save(path)
    after = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert after == before


@pytest.mark.usefixtures("low_limit")
def test_a_network_is_written_over_another_one(path: Path) -> None:
    conversion = onnx2snn.convert(ann(), T=8, calibration=X, keep_weights=True)
    conversion.save(path)
    assert contents(path.parent) == {"net.onnx", "net.onnx.data", "net.bin"}
    assert onnx2snn.load(path).run({"x": X})["y"].shape == (30, 8)


@pytest.mark.usefixtures("low_limit")
def test_a_large_network_is_written_whole_or_not_at_all(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = onnx2snn.convert(path, T=8, calibration=X, keep_weights=True)
    folder = tmp_path / "snn"
    folder.mkdir()
    (folder / "snn.onnx").write_bytes(b"older")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(onnx2snn.OutputError, match=r"snn\.onnx'.*No space left"):
        conversion.save(folder / "snn.onnx")
    assert contents(folder) == {"snn.onnx"}
    assert (folder / "snn.onnx").read_bytes() == b"older"
    with pytest.raises(onnx2snn.OutputError, match="no folder"):
        conversion.save(tmp_path / "nowhere" / "snn.onnx")


@pytest.mark.usefixtures("low_limit")
@pytest.mark.parametrize("is_missing", [True, False])
def test_weights_of_a_large_network_that_cannot_be_read(
    path: Path, tmp_path: Path, *, is_missing: bool
) -> None:
    saved = tmp_path / "snn.onnx"
    onnx2snn.convert(path, T=8, calibration=X, keep_weights=True).save(saved)
    weights = tmp_path / "snn.onnx.data"
    if is_missing:
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:8])
    message = "does not exist" if is_missing else "truncated: it has 8 bytes"
    with pytest.raises(
        onnx2snn.InvalidModelError, match=rf"snn\.onnx cannot be read.*{message}"
    ):
        onnx2snn.load(saved)


@pytest.mark.usefixtures("low_limit")
def test_temporary_files_go() -> None:
    with openable(ann()) as given:
        assert isinstance(given, str)
        folder = Path(given).parent
        assert contents(folder) == {"model.onnx", "weights"}
    assert not folder.exists()


def test_what_is_saved_keeps_its_tensors(tmp_path: Path) -> None:
    network = ann()
    save_model(network, tmp_path / "net.onnx", lambda _: None)
    assert not any(
        isinstance(value.const_value, ir.ExternalTensor)
        for value in network.graph.initializers.values()
    )


WIDE = 16384


def write_large(path: Path) -> None:
    """Write a network with 2.2 GB of weights, a part at a time."""
    graph = onnx.parser.parse_graph(
        "net (float[N,64] x) => (float[N,8] y) { h0 = MatMul (x, w0)  r0 = Relu (h0)"
        "  h1 = MatMul (r0, w1)  r1 = Relu (h1)  h2 = MatMul (r1, w2)  r2 = Relu (h2)"
        "  y = MatMul (r2, w3) }"
    )
    generator = np.random.default_rng(0)
    sizes = (64, WIDE, WIDE, WIDE, 8)
    with path.with_suffix(".bin").open("wb") as file:
        for index, (rows, columns) in enumerate(itertools.pairwise(sizes)):
            tensor = graph.initializer.add(
                name=f"w{index}", dims=[rows, columns], data_type=1
            )
            tensor.data_location = onnx.TensorProto.EXTERNAL
            start = file.tell()
            for _ in range(0, rows, 64):
                part = (
                    generator.standard_normal((64, columns), np.float32)
                    * (2 / rows) ** 0.5
                )
                file.write(part.astype(np.float32).tobytes())
            for key, value in (("offset", start), ("length", file.tell() - start)):
                tensor.external_data.add(key=key, value=str(value))
            tensor.external_data.add(key="location", value=f"{path.stem}.bin")
    opsets = [onnx.helper.make_opsetid("", 17)]
    path.write_bytes(
        onnx.helper.make_model(
            graph, opset_imports=opsets, ir_version=8
        ).SerializeToString()
    )


class PeakMemory:
    """The most memory of this process, in bytes, that is no mapped file."""

    def __init__(self) -> None:
        self.highest = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            lines = Path("/proc/self/status").read_text().splitlines()
            found = next(line for line in lines if line.startswith("RssAnon"))
            self.highest = max(self.highest, 1024 * int(found.split()[1]))
            time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="counts memory as Linux does"
)
def test_a_network_above_two_gigabytes(tmp_path: Path) -> None:
    """Weights are mapped, never copied: what is counted are activations and histograms."""
    path, saved = tmp_path / "net.onnx", tmp_path / "snn.onnx"
    write_large(path)
    data = normal(1, 8, 64)
    with PeakMemory() as importing:
        onnx2snn.analyze(path)
    assert importing.highest < 0.5e9
    with PeakMemory() as converting:
        onnx2snn.convert(path, T=4, calibration=data, per_channel=False).save(saved)
    assert converting.highest < 1.5e9
    assert saved.stat().st_size < 2**20
    result = onnx2snn.load(saved).run({"x": data}, T=32)["y"]
    expected = onnxruntime.InferenceSession(str(path)).run(None, {"x": data})[0]
    assert np.corrcoef(result.ravel(), expected.ravel())[0, 1] > 0.9

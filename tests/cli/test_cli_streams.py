"""Models that come through pipes, and outputs that must not be written."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.cli import main


class Pipe:
    """Standard input or output, with bytes."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        return self.buffer.write(text.encode())

    def flush(self) -> None:
        pass


def test_model_through_standard_input(
    chain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped, plain = tmp_path / "piped.onnx", tmp_path / "plain.onnx"
    monkeypatch.setattr(sys, "stdin", Pipe(Path(chain).read_bytes()))
    assert main(["convert", "-", "-o", str(piped), "--quiet"]) == 0
    assert main(["convert", chain, "-o", str(plain), "--quiet"]) == 0
    x = {"x": np.random.default_rng(1).standard_normal((5, 2)).astype("f4")}
    found, wanted = (onnx2snn.load(path).run(x)["y"] for path in (piped, plain))
    np.testing.assert_array_equal(found, wanted)


def test_model_through_a_named_pipe(chain: str, tmp_path: Path) -> None:
    """It can be read only once, as ``/dev/stdin``."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = Path(chain).read_bytes()
    writer = threading.Thread(target=lambda: pipe.write_bytes(data))
    writer.start()
    assert main(["convert", str(pipe), "-o", str(tmp_path / "snn.onnx")]) == 0
    writer.join()


@pytest.mark.parametrize("command", ["analyze", "run"])
def test_other_commands_take_standard_input(
    command: str, chain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "x.npz", x=np.ones((3, 2), "f4"))
    options = ["--data", str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npz")]
    monkeypatch.setattr(sys, "stdin", Pipe(Path(chain).read_bytes()))
    assert main([command, "-", *(options if command == "run" else [])]) == 0


def test_network_through_standard_output(
    chain: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = Pipe()
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["convert", chain, "-o", "-"]) == 0
    network = onnx2snn.load(stdout.buffer.getvalue())
    x = np.ones((3, 2), np.float32)
    assert network.run({"x": x})["y"].shape == (3, 2)
    assert not Path("-").exists()
    assert "layers of neurons" in capsys.readouterr().err


def test_two_things_do_not_go_to_standard_output(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", chain, "-o", "-", "--json"]) == 1
    assert "--json both write to standard output" in capsys.readouterr().err


def test_a_terminal_gets_no_binary_file(
    chain: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdout = Pipe()
    monkeypatch.setattr(stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["convert", chain, "-o", "-"]) == 1
    assert "standard output is a terminal" in capsys.readouterr().err


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_is_no_output(
    name: str,
    chain: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    np.savez(tmp_path / "x.npz", x=np.ones((3, 2), "f4"))
    data = ["--calibration", "x.npz"]
    assert main(["convert", chain, "-o", name, *data]) == 1
    assert f"cannot write {name!r}: it is a folder" in capsys.readouterr().err


def test_saving_over_what_the_network_was_made_from(chain: str, tmp_path: Path) -> None:
    with_data = tmp_path / "big.onnx"
    proto = onnx.load(chain)
    for (
        weight
    ) in proto.graph.initializer:  # in raw bytes, which may lie in another file
        raw = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight))
        weight.CopyFrom(raw)
        weight.name = "w"
    onnx.save(
        proto,
        with_data,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    weights = (tmp_path / "weights.bin").read_bytes()
    conversion = onnx2snn.convert(with_data, 4)
    for name in ("big.onnx", "weights.bin"):
        with pytest.raises(onnx2snn.OutputError, match=f"{name}' is given as well"):
            conversion.save(tmp_path / name)
    assert (tmp_path / "weights.bin").read_bytes() == weights
    conversion.save(tmp_path / "snn.onnx")


def test_what_onnxruntime_cannot_open_is_not_written(
    chain: str, tmp_path: Path
) -> None:
    conversion = onnx2snn.convert(chain, 4)
    network = conversion.ir_model
    last = network.graph.node(-1)
    last.name, last.op_type = "broken", "NoSuchOperator"
    path = tmp_path / "snn.onnx"
    with pytest.raises(onnx2snn.InvalidModelError, match="NoSuchOperator"):
        conversion.save(path)
    assert not path.exists()

"""Models that come through pipes, and outputs that must not be written."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.cli import main
from tests.cli.conftest import CHAIN


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_device_is_no_fault_of_ours(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", chain, "-o", "/dev/full"]) == 1
    error = capsys.readouterr().err
    assert "cannot write '/dev/full': No space left on device" in error


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


def with_weights_beside(network: Path | str, folder: Path) -> Path:
    """Return a copy of a model whose weights are in a file of their own, ``weights.bin``."""
    path = folder / "apart.onnx"
    model = ir.load(network)
    ir.save(model, path, external_data="weights.bin", size_threshold_bytes=0)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an ANN, a spiking network, and both with weights beside them."""
    folder = tmp_path_factory.mktemp("made")
    chain, whole = folder / "chain.onnx", folder / "whole.onnx"
    chain.write_bytes(onnx.parser.parse_model(CHAIN).SerializeToString())
    onnx2snn.convert(chain, 4).save(whole)
    for name, network in (("ann", chain), ("snn", whole)):
        (folder / name).mkdir()
        with_weights_beside(network, folder / name)
    np.savez(folder / "x.npz", x=np.ones((3, 2), "f4"))
    return folder


@pytest.fixture
def files(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    return Path(shutil.copytree(made, tmp_path / "files"))


@pytest.mark.parametrize("output", ["apart.onnx", "weights.bin"])
@pytest.mark.parametrize(
    "words",
    [
        "convert ann/apart.onnx -o ann/OUTPUT",
        "layout snn/apart.onnx -o snn/OUTPUT",
        "compile snn/apart.onnx -o snn/OUTPUT",
        "run snn/apart.onnx --data x.npz -o snn/OUTPUT",
        "run ann/apart.onnx --data x.npz -o ann/OUTPUT",
        "tune snn/apart.onnx --ann ann/apart.onnx --calibration x.npz -o snn/OUTPUT",
        "tune snn/apart.onnx --ann ann/apart.onnx --calibration x.npz -o ann/OUTPUT",
    ],
)
def test_no_command_writes_over_what_it_reads(
    words: str,
    output: str,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``layout`` and ``compile`` wrote over the weights of the network."""
    monkeypatch.chdir(files)
    before = {path: path.read_bytes() for path in files.rglob("*.*")}
    assert main(words.replace("OUTPUT", output).split()) == 1
    assert f"{output}' is given as well" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in files.rglob("*.*")} == before


@pytest.mark.parametrize("output", ["apart.onnx", "weights.bin"])
def test_what_is_made_in_python_keeps_off_its_files(output: str, files: Path) -> None:
    network = files / "snn" / "apart.onnx"
    made = [
        onnx2snn.change_layout(network, "multistep"),
        onnx2snn.compile_network(network),
    ]
    for each in made:
        with pytest.raises(onnx2snn.OutputError, match=f"{output}' is given as well"):
            each.save(files / "snn" / output)


def test_a_graph_in_memory_has_files_too(files: Path) -> None:
    """Its weights are mapped: their file was written over while it was read."""
    ann = ir.load(files / "ann" / "apart.onnx")
    conversion = onnx2snn.convert(ann, 4)
    with pytest.raises(onnx2snn.OutputError, match=r"weights.bin' is given as well"):
        conversion.save(files / "ann" / "weights.bin")


@pytest.mark.parametrize(
    "words", ["convert ann.onnx -o snn.onnx", "layout whole.onnx -o other.onnx"]
)
def test_a_model_is_parsed_once(
    words: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was parsed once more, to learn which files are not to be written over."""
    Path(files, "ann.onnx").write_bytes(Path(files, "chain.onnx").read_bytes())
    parsed = []
    parse = onnx.load_model_from_string

    def count(*given: Any, **options: Any) -> onnx.ModelProto:
        parsed.append(given)
        return parse(*given, **options)

    monkeypatch.setattr(onnx, "load_model_from_string", count)
    monkeypatch.chdir(files)
    assert main(words.split()) == 0
    assert len(parsed) == 1


@pytest.mark.parametrize("suffix", ["npz", "npy"])
@pytest.mark.parametrize(
    "words",
    [
        "convert chain.onnx --calibration - -o found.onnx",
        "evaluate whole.onnx --data - --ann chain.onnx",
        "run whole.onnx --data - -o found.npz",
        "tune whole.onnx --ann chain.onnx --calibration - -o found.onnx",
    ],
)
def test_data_through_standard_input(
    words: str, suffix: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(files / "x.npy", np.ones((3, 2), "f4"))
    monkeypatch.setattr(sys, "stdin", Pipe((files / f"x.{suffix}").read_bytes()))
    monkeypatch.chdir(files)
    assert main(words.split()) == 0


@pytest.mark.parametrize(
    "words, message",
    [
        (
            "convert chain.onnx --calibration - -o found.onnx",
            "'.*standard-input.npz' is not an .npz file",
        ),
        ("run - --data - -o found.npz", "is either the model or the data"),
    ],
)
def test_standard_input_that_cannot_be(
    words: str,
    message: str,
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    is_model = "run -" in words
    given = Path(files, "whole.onnx").read_bytes() if is_model else b"no data"
    monkeypatch.setattr(sys, "stdin", Pipe(given))
    monkeypatch.chdir(files)
    assert main(words.split()) == 1
    assert re.search(message, capsys.readouterr().err.replace("\n", ""))


@pytest.mark.parametrize("command", ["convert {} -o x.onnx", "run {} --data d -o x"])
def test_a_wrong_file_name_is_told_with_the_nearest(
    command: str,
    chain: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command.format("chian.onnx").split()) == 1
    near = f"no such file; did you mean '{Path(chain).name}'?"
    assert near in capsys.readouterr().err.replace("\n", " ")
    assert main(command.format("nowhere/chain.onnx").split()) == 1
    assert "there is no folder 'nowhere'" in capsys.readouterr().err.replace("\n", " ")

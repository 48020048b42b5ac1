"""Bad input gets a clear error, exit code 1, no traceback, and no output file."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.storage import whole_files as files

WEIGHTS = "float[2,3] w = {1.0, -0.5, 0.25, 0.5, 1.0, -1.0}"
NET = f"(float[N,2] x) => (float[N,3] y) <{WEIGHTS}> {{ h = MatMul (x, w)  y = Relu (h) }}"
DATA = np.random.default_rng(5).standard_normal((16, 2)).astype(np.float32)


def text(graph: str, opset: int = 17, ir_version: int = 8, domains: str = "") -> bytes:
    header = f'<ir_version: {ir_version}, opset_import: ["" : {opset}{domains}]>'
    return onnx.parser.parse_model(f"{header} net {graph}").SerializeToString()


def unversioned() -> bytes:
    """Return a model as PyTorch 0.2 wrote them: IR version 1, without opsets."""
    model = onnx.load_from_string(text(NET))
    model.ir_version = 1
    del model.opset_import[:]
    return model.SerializeToString()


def rankless() -> bytes:
    model = onnx.load_from_string(text(NET))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.ClearField("shape")
    return model.SerializeToString()


CUSTOM = text(
    f"(float[N,2] x) => (float[N,3] y) <{WEIGHTS}> "
    "{ h = MatMul (x, w)  a = Relu (h)  [odd] q = acme.Quant (a)  y = acme.Round (q) }",
    domains=', "acme" : 1',
)
FOREST = text(
    "(float[N,2] x) => (float[N,1] y) { [forest] y = ai.onnx.ml.Normalizer (x) }",
    domains=', "ai.onnx.ml" : 1',
)
LINEAR = text(f"(float[N,2] x) => (float[N,3] y) <{WEIGHTS}> {{ y = MatMul (x, w) }}")
DEAD = text(
    f"(float[N,2] x) => (float[N,3] y) <{WEIGHTS}, float[3] b = {{-99.0, -98.0, -97.0}}> "
    "{ h = MatMul (x, w)  c = Add (h, b)  [sleepy] a = Relu (c)  d = Sub (h, a)"
    "  [awake] y = Relu (d) }"
)


class Tool:
    """The command line in a folder of its own, with an empty folder for its output.

    Attributes:
        code: Exit code of the last call.
        error: What it wrote to standard error, without line breaks.
    """

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir()
        self._capsys = capsys
        self.code = 0
        self.error = ""
        self.write("net.onnx", text(NET))

    def write(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    def save(self, **arrays: Any) -> str:
        path = self.folder / "data.npz"
        np.savez(path, **arrays)
        return str(path)

    def __call__(self, *words: str) -> None:
        try:
            self.code = cli.main(words)
        except SystemExit as exit_:
            self.code = int(str(exit_.code))
        self.error = " ".join(self._capsys.readouterr().err.split())

    def convert(
        self, *options: str, model: str = "net.onnx", output: str = "snn.onnx"
    ) -> None:
        source = str(self.folder / model)
        self("convert", source, "-o", str(self.out / output), "--quiet", *options)

    def refused(self, pattern: str) -> None:
        """Check that the last call was refused as it must be, with a message."""
        assert self.code == 1
        assert "Traceback" not in self.error
        assert self.error.startswith("error: ")
        assert re.search(pattern, self.error), self.error
        assert not list(self.out.iterdir())


@pytest.fixture
def tool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Tool:
    monkeypatch.chdir(tmp_path)
    return Tool(tmp_path, capsys)


MODELS = {
    "not-onnx": (b"hello, world\n", r"m\.onnx is not an ONNX file"),
    "pickle": (
        b"\x80\x02}q\x00.",
        r"m\.onnx is not an ONNX file, it is a Python pickle",
    ),
    "empty": (b"", r"m\.onnx is empty"),
    "truncated": (text(NET)[:-30], r"m\.onnx is truncated: \d+ bytes are missing"),
    "opset": (text(NET, opset=6), r"m\.onnx has opset 6, 7 or newer is needed"),
    "future": (text(NET, opset=999), r"m\.onnx has opset 999, onnx .* knows up to \d+"),
    "ir-version": (unversioned(), r"m\.onnx has IR version 1, .*export it again"),
    "no-activation": (LINEAR, r"m\.onnx has no activation .*\(it has MatMul\)"),
    "forest": (FOREST, r"ai\.onnx\.ml\.Normalizer 'forest'"),
    "custom": (CUSTOM, r"acme\.Quant 'odd', acme\.Round 'y': "),
    "no-rank": (
        rankless(),
        r"no synthetic values for input 'x' .*pass calibration data",
    ),
}


@pytest.mark.parametrize("model, pattern", MODELS.values(), ids=MODELS.keys())
def test_a_model_that_cannot_be_converted(
    tool: Tool, model: bytes, pattern: str
) -> None:
    tool.write("m.onnx", model)
    tool.convert(model="m.onnx")
    tool.refused(pattern)


def test_a_model_file_that_is_missing(tool: Tool) -> None:
    tool.convert(model="nowhere.onnx")
    tool.refused(r"nowhere\.onnx': no such file")


def test_a_folder_instead_of_a_model(tool: Tool) -> None:
    tool.convert(model="out")
    tool.refused(r"out' is a directory")


def test_a_spiking_network_is_not_converted_again(tool: Tool) -> None:
    snn = str(tool.folder / "snn.onnx")
    tool("convert", "net.onnx", "-o", snn, "--quiet")
    tool.convert(model="snn.onnx")
    tool.refused(r"snn\.onnx is a spiking network already")


ARRAYS: dict[str, tuple[dict[str, np.ndarray], str]] = {
    "name": (
        {"img": DATA, "extra": DATA},
        r"'img' is no input.*'extra' is no input.*no array for input 'x' float32 \[N, 2\]",
    ),
    "shape": ({"x": DATA[:, :1]}, r"'x' has shape \[16, 1\], expected \[N, 2\]"),
    "rank": ({"x": DATA[:, 0]}, r"'x' has shape \[16\] of rank 1, expected \[N, 2\]"),
    "dtype": (
        {"x": DATA.astype(np.uint8)},
        r"'x' has dtype uint8, expected float32: preproc",
    ),
    "text": ({"x": np.full((4, 2), "a")}, r"'x' holds strings, expected float32"),
    "empty": ({"x": DATA[:0]}, r"'x' is empty"),
    "nan": ({"x": np.where(DATA > 1, np.nan, DATA)}, r"'x' has \d+ NaN values?"),
    "inf": ({"x": np.where(DATA.max() <= DATA, np.inf, DATA)}, r"'x' has 1 Inf value"),
    "nothing": ({}, r"no array for input 'x'"),
}


@pytest.mark.parametrize("arrays, pattern", ARRAYS.values(), ids=ARRAYS.keys())
def test_calibration_data_that_does_not_fit(
    tool: Tool, arrays: dict[str, np.ndarray], pattern: str
) -> None:
    tool.convert("--calibration", tool.save(**arrays))
    tool.refused(r"data\.npz' cannot be fed to the model: .*" + pattern)


def test_all_arrays_that_do_not_fit_are_named_at_once(tool: Tool) -> None:
    two = "(float[N,2] x, float[N,3] z) => (float[N,3] y)"
    graph = f"{two} <{WEIGHTS}> {{ h = MatMul (x, w)  s = Add (h, z)  y = Relu (s) }}"
    tool.write("two.onnx", text(graph))
    tool.convert(
        "--calibration", tool.save(x=DATA[:, :1], z=DATA[:, 0]), model="two.onnx"
    )
    tool.refused(r"'x' has shape \[16, 1\].*'z' has shape \[16\]")


def test_a_data_file_that_is_missing_or_something_else(tool: Tool) -> None:
    tool.convert("--calibration", "nowhere.npz")
    tool.refused(r"'nowhere\.npz' does not exist")
    tool.convert("--calibration", tool.write("text.npz", b"x"))
    tool.refused(r"text\.npz' is not an \.npz file")
    tool.write("feeds.py", b"def batches():\n    raise KeyError('image_path')\n")
    tool.convert("--calibration", "feeds.py")
    tool.refused(r"'feeds\.py', line 2, in batches, raised KeyError: 'image_path'")
    tool.convert("--calibration", "feeds.py:other")
    tool.refused(r"'feeds\.py' has no function 'other'")


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "abc", "", "99999999999999999999"])
def test_a_number_of_steps_that_is_none(tool: Tool, given: str) -> None:
    tool.convert(f"--T={given}")
    tool.refused(rf"T must be .*{re.escape(given)}")


def test_passes_that_do_not_exist(tool: Tool) -> None:
    tool.convert(
        "--skip-pass", "fold", "--skip-pass", "fold-batch-norm", "--skip-pass", "melt"
    )
    tool.refused(r"no pass fold, melt; did you mean .*'fold-batch-norm'")


def test_a_pass_that_others_need(tool: Tool) -> None:
    tool.convert("--skip-pass", "calibrate")
    tool.refused("calibrate cannot be skipped")


@pytest.mark.parametrize(
    "options, pattern",
    [
        (("--v-init", "2"), r"v_init must be 0 to 1 of the threshold, not 2\.0"),
        (("--v-init", "nan"), r"v_init .*nan"),
        (("--seed", "-1"), r"seed .*-1"),
    ],
)
def test_options_out_of_range(
    tool: Tool, options: tuple[str, ...], pattern: str
) -> None:
    tool.convert(*options)
    tool.refused(pattern)


def test_a_dead_layer_is_named_and_still_converts(
    tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    tool.write("dead.onnx", DEAD)
    with caplog.at_level(logging.WARNING):
        conversion = onnx2snn.convert("dead.onnx", T=4, calibration=DATA)
    named = [r.getMessage() for r in caplog.records if "never fires" in r.getMessage()]
    assert len(named) == 1
    assert "'sleepy'" in named[0]
    output = onnx2snn.load(conversion.model).run({"x": DATA})["y"]
    assert np.isfinite(output).all()
    tool(
        "convert", "dead.onnx", "--calibration", tool.save(x=DATA), "-o", "out/snn.onnx"
    )
    assert tool.code == 0
    assert "'sleepy' never fires" in tool.error
    assert [path.name for path in tool.out.iterdir()] == ["snn.onnx"]


def test_an_output_in_a_folder_that_is_missing_or_that_is_a_folder(tool: Tool) -> None:
    tool.convert(output="nowhere/snn.onnx")
    tool.refused(r"snn\.onnx': there is no folder '.*nowhere'")
    tool("convert", "net.onnx", "-o", str(tool.out))
    tool.refused(r"out': it is a folder")


def test_an_output_folder_without_permission(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The mode of a folder binds neither root nor Windows; what the system says is what counts.
    monkeypatch.setattr(files.os, "access", lambda path, _: Path(path) != tool.out)
    tool.convert()
    tool.refused(r"snn\.onnx': permission denied")


def test_an_output_is_checked_before_the_work(tool: Tool) -> None:
    tool.convert(
        "--calibration", "nowhere.npz", model="none.onnx", output="nowhere/snn.onnx"
    )
    tool.refused(r"there is no folder")


@pytest.mark.parametrize("command", ["run", "evaluate"])
def test_running_what_is_no_spiking_network(tool: Tool, command: str) -> None:
    data = tool.save(x=DATA, y=np.zeros(16, int))
    tail = ["--data", data, "--T", "4"]
    tail += ["-o", "out/y.npz"] if command == "run" else []
    for model, pattern in (
        ("nowhere.onnx", r"nowhere\.onnx'.* [Nn]o such file"),
        ("net.onnx", r"T is for spiking networks: net\.onnx is an ANN, .*convert it"),
        ("text.onnx", r"text\.onnx.* is not an ONNX file"),
        ("cut.onnx", r"cut\.onnx.* is truncated"),
        ("empty.onnx", r"empty\.onnx is empty"),
        ("out", r"out' is a directory"),
    ):
        tool.write("text.onnx", b"hello, world\n")
        tool.write("cut.onnx", text(NET)[:-30])
        tool.write("empty.onnx", b"")
        tool(command, model, *tail)
        tool.refused(pattern)


def test_running_on_data_that_does_not_fit(tool: Tool) -> None:
    tool("convert", "net.onnx", "-o", "snn.onnx", "--quiet")
    tool("run", "snn.onnx", "--data", tool.save(z=DATA), "-o", "out/y.npz")
    tool.refused(r"'z' is no input.*no array for input 'x'")
    tool("evaluate", "snn.onnx", "--data", tool.save(x=DATA))
    tool.refused(r"no labels 'y' or 'labels', and no ANN")
    tool("evaluate", "snn.onnx", "--data", tool.save(x=DATA, y=np.zeros(3, int)))
    tool.refused(r"3 labels for 16 samples")

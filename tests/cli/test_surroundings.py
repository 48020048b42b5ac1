"""The command line where scripts, streams, signals and names are not as they should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import onnx_ir as ir
import pytest

from onnx2snn import cli
from onnx2snn.cli.console import printable
from onnx2snn.data.scripts import script_feeds
from onnx2snn.errors import CalibrationError
from tests.models import dyadic, model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ann(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a network in a folder that becomes the working one."""
    monkeypatch.chdir(tmp_path)
    proto = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w)  a = Relu (h)  y = MatMul (a, v) }",
        w=dyadic(2, 3, 4),
        v=dyadic(3, 4, 2),
    )
    ir.save(proto, "ann.onnx")
    return Path("ann.onnx")


def shell(*words: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return] # noqa: S603 (our own)
        [sys.executable, "-m", "onnx2snn", *words],
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **{"stdout": subprocess.PIPE, **settings},
    )


CHATTY = """
import os, sys
import numpy as np
def batches():
    print("printed")
    os.system("echo from a program")
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    yield np.ones((4, 3), np.float32)
    assert os.getcwd().endswith("elsewhere")
    yield np.zeros((4, 3), np.float32)
"""


@pytest.mark.usefixtures("ann")
def test_a_script_spoils_neither_json_nor_paths() -> None:
    Path("data.py").write_text(CHATTY)
    words = ["convert", "ann.onnx", "-o", "snn.onnx", "--calibration", "data.py"]
    done = shell(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["T"] == 8
    assert b"printed" in done.stderr
    assert b"from a program" in done.stderr
    assert Path("snn.onnx").exists()
    assert not Path("elsewhere/snn.onnx").exists()


@pytest.mark.usefixtures("ann")
def test_standard_output_that_is_full() -> None:
    with Path("/dev/full").open("wb") as full:
        done = shell("analyze", "ann.onnx", stdout=full)
    assert done.returncode == 1
    expected = b"error: cannot write to standard output: No space left on device\n"
    assert done.stderr == expected


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize(
    "name",
    [
        "SIGTERM",
        pytest.param("SIGHUP", marks=pytest.mark.slow),
        pytest.param("SIGINT", marks=pytest.mark.slow),
    ],
)
def test_signals_end_a_run_without_a_trace(name: str) -> None:
    number = getattr(signal, name)
    Path("data.py").write_text(
        f"import os, time\ndef batches():\n    os.kill(os.getpid(), {int(number)})\n"
        "    time.sleep(60)\n    yield\n"
    )
    Path("tmp").mkdir()
    words = ["convert", "ann.onnx", "-o", "snn.onnx", "--calibration", "data.py"]
    done = shell(*words)
    assert (done.returncode, done.stderr) == (128 + number, b"interrupted\n")
    assert not Path("snn.onnx").exists()


STRANGE = {
    "own base": ("class E(BaseException): pass", "raise E('why')", "E: why"),
    "no message": (
        "class E(Exception):\n    def __str__(self): raise ValueError",
        "raise E()",
        "raised E",
    ),
    "end of a generator": ("", "raise GeneratorExit", "GeneratorExit"),
    "end": ("", "raise SystemExit(3)", "SystemExit: 3"),
    "no memory": ("", "raise MemoryError", "MemoryError"),
    "depth": ("def f(): f()", "f()", "RecursionError"),
    "a long one": ("", "raise ValueError('x' * 10**6)", "ValueError: xxx"),
}


@pytest.mark.parametrize("case", STRANGE)
def test_whatever_a_script_raises_is_told_as_its_own(case: str, tmp_path: Path) -> None:
    head, raised, message = STRANGE[case]
    path = tmp_path / "data.py"
    path.write_text(f"{head}\ndef batches():\n    {raised}\n    yield\n")
    with pytest.raises(CalibrationError, match=message) as caught:
        list(script_feeds(path, ("batches",)))
    assert len(str(caught.value)) < 1000


def test_a_terminal_is_given_no_commands(
    ann: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proto = onnx.load(ann)
    for node in proto.graph.node:
        node.name = f"\x1b]0;title\x07[red]{node.name}\x9b31m\u202e"
    onnx.save(proto, ann)
    assert cli.main(["analyze", str(ann)]) == 0
    proto.graph.node[1].op_type = "\x1b[2J[/nonsense]"
    proto.graph.node[1].domain = "\x1b[31m"
    onnx.save(proto, ann)
    assert cli.main(["convert", str(ann), "-o", "snn.onnx"]) == 1
    printed = capsys.readouterr()
    both = printed.out + printed.err
    assert both == printable(both)
    assert r"\x1b]0;title\x07[red]" in printed.out
    assert "[/nonsense]" in printed.err


def test_an_error_without_a_message_of_ours(
    ann: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("onnx2snn.analyze", fail)
    assert cli.main(["analyze", str(ann)]) == 1
    assert "the memory does not suffice" in capsys.readouterr().err

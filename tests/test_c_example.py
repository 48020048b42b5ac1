"""The program of examples/c, built with what is here, runs emitted files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

import onnx2snn
from tests.models import CLASSIFIER, CLASSIFIER_WEIGHTS, dyadic, model

SOURCE = Path(__file__).parents[1] / "examples" / "c" / "run.c"
IMAGE = dyadic(1, 1, 2, 6, 5, unit=16)
PLAIN: dict[str, Any] = {"threshold": "max", "corrections": ("none",)}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, linked to the library of the installed onnxruntime."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler for Linux here: apt-get install gcc")
    capi = Path(onnxruntime.__file__).parent / "capi"
    libraries = list(capi.glob("libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("the installed onnxruntime has no library to link to")
    folder = tmp_path_factory.mktemp("c")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / name).symlink_to(libraries[0])
    built = folder / "run"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-Wl,-rpath,{folder}"]
    command = [compiler, *flags, "-o", built, SOURCE, f"-L{folder}", "-lonnxruntime"]
    subprocess.run(command, check=True)  # noqa: S603 (a compiler, on a file of ours)
    return built


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = list(map(str, arguments))
    return subprocess.run(  # noqa: S603 (our own program)
        command, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "options", [{}, {"T_input": "required"}, {"layout": "step"}], ids=str
)
def test_it_gives_the_outputs_of_python(
    program: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    ann = ir.to_proto(model(CLASSIFIER, **CLASSIFIER_WEIGHTS))
    conversion = onnx2snn.convert(ann, 8, {"x": IMAGE}, **PLAIN, **options)
    snn, image = tmp_path / "snn.onnx", tmp_path / "image.bin"
    conversion.save(snn)
    image.write_bytes(IMAGE.tobytes())
    for time_steps in (1, 4, 8):
        done = run(program, snn, time_steps, image)
        assert done.returncode == 0, done.stderr
        found = np.float32(done.stdout.split())
        expected = conversion.network.run(IMAGE, time_steps)["y"]
        np.testing.assert_allclose(found, expected.ravel(), atol=1e-5)


def test_it_says_what_is_wrong(program: Path, tmp_path: Path) -> None:
    assert "usage: run snn.onnx T image.bin" in run(program, "snn.onnx").stderr
    missing = run(program, tmp_path / "none.onnx", 4, tmp_path / "image.bin")
    assert missing.returncode == 1
    assert "none.onnx" in missing.stderr

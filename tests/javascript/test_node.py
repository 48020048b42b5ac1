"""Emitted files in onnxruntime-node, by the program of examples/node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def program(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``run.mjs`` beside the packages that it imports."""
    folder = tmp_path_factory.mktemp("examples")
    for name in ("node", "web"):
        shutil.copytree(
            EXAMPLES / name,
            folder / name,
            ignore=shutil.ignore_patterns("node_modules"),
        )
    (folder / "node_modules").symlink_to(node_modules)
    return folder / "node" / "run.mjs"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["node", *map(str, arguments)]
    return subprocess.run(  # noqa: S603 (our own program)
        command, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("time_steps", [1, 4, 8])
@pytest.mark.parametrize("form", ["loop", "multistep", "int8", "inlined", "step"])
def test_t_set_in_node_gives_the_outputs_of_python(
    program: Path, files: Path, check_outputs: Any, form: str, time_steps: int
) -> None:
    done = run(
        program, files / f"{form}.onnx",
        "--T", str(time_steps), "--feeds", files / "feeds.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_outputs(json.loads(done.stdout), form, time_steps)


def test_a_file_in_which_node_cannot_set_t_is_refused(
    program: Path, files: Path
) -> None:
    done = run(program, files / "optional.onnx")
    assert done.returncode == 1
    assert "'onnx2snn layout --T-input required'" in done.stderr


def test_inputs_are_made_up_without_feeds_and_usage_is_told(
    program: Path, files: Path
) -> None:
    made_up = run(program, files / "step.onnx", "--T", "2")
    assert json.loads(made_up.stdout)["y"]["dims"] == [1, 5]
    assert run(program).returncode == 2

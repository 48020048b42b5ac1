"""Every command and every Python block of README and docs is run."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from onnx2snn import cli
from onnx2snn.native import weights_problem
from tests.docs.pages import Step, blocks, outside_of_fences, pages, steps
from tests.docs.shown import missing_lines
from tests.docs.stand_ins import names_for, write_files

if TYPE_CHECKING:
    from pathlib import Path

NOT_RUN = {
    ".ci/run ": "makes an environment, and runs these very tests",
    "make ": "makes an environment from a package index; continuous integration runs it",
    "pip install ": "needs a package index",
    "eval ": "is for a shell; tests/cli/test_completion.py completes words",
    "onnx2snn native build": "compiles; tests/native runs what it builds",
    "python -m benchmarks.": "needs data that does not ship, and up to a night",
    "cd examples/node": "needs npm; tests/javascript runs the program",
    "python -m onnxruntime.tools": "writes with a tool of onnxruntime's",
    "cc ": "needs a C compiler; tests/test_c_example.py builds it",
    "./run ": "is what that builds",
    "python -m http.server": "never ends; tests/javascript opens the page",
    "node ": "needs npm; tests/javascript runs the program",
    "python examples/train/": "needs data that does not ship, and minutes",
    "import keras\n": "needs Keras, and trains",
    "import tensorflow ": "needs TensorFlow, several gigabytes",
}
"""Beginnings of commands and of Python blocks that no test runs, each with its reason."""

COMPILED = "snn.native.onnx"
"""A file that only a library runs which multiplies weights."""

PROGRAM = ["onnx2snn"]
MODULE = ["python", "-m", "onnx2snn"]

STEPS = {page: steps(page) for page in pages()}
COMMAND_OUT_OF_FENCES = re.compile(r"^(    +|\t)(\$ |onnx2snn |make |pip |python )")


def is_run(step: Step) -> bool:
    return not step.text.startswith(tuple(NOT_RUN))


TO_RUN = {
    page: [step for step in found if is_run(step)]
    for page, found in STEPS.items()
    if any(is_run(step) for step in found)
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    run_command("onnx2snn convert resnet.onnx -o snn.onnx --quiet", folder)
    return folder


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    """Return a folder of one page's own, with all files in it."""
    return shutil.copytree(files, tmp_path / "work")


@pytest.mark.parametrize("page", TO_RUN)
def test_commands_and_python_blocks_run(page: str, folder: Path) -> None:
    runs_compiled = any(COMPILED in step.text for step in TO_RUN[page])
    if runs_compiled and weights_problem():
        pytest.skip(weights_problem())
    names = names_for(page)
    for step in TO_RUN[page]:
        if step.is_command:
            printed = run_command(step.text, folder)
        else:
            printed = run_python(step, names, folder)
        missing = missing_lines(step.shown, printed)
        assert not missing, f"{step.where} shows what is not printed:\n{printed}"


def run_command(text: str, folder: Path) -> str:
    """Run a command in ``folder`` in this process; return what it prints.

    ``> FILE`` at its end is known.
    """
    words = shlex.split(text, comments=True)
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        status = call(words[: words.index(">")] if ">" in words else words)
    assert status == 0, f"{text}: exit status {status}\n{printed.getvalue()}"
    if ">" in words:
        (folder / words[-1]).write_text(printed.getvalue(), encoding="utf-8")
    return printed.getvalue()


def call(words: list[str]) -> int:
    """Run a program that is written in Python; return its exit status."""
    if words[:1] == PROGRAM:
        return cli.main(words[1:])
    if words[:3] == MODULE:
        return cli.main(words[3:])
    assert words[0] == "python", f"no test can run {words[0]}: see NOT_RUN"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words[1:])
        runpy.run_path(words[1], run_name="__main__")
    return 0


def run_python(step: Step, names: dict[str, Any], folder: Path) -> str:
    """Run a Python block in ``folder``; return what it prints."""
    code = compile(step.text, step.where, "exec")
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(code, names)  # noqa: S102 (our own documentation)
    return printed.getvalue()


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_no_reason_is_given_for_what_is_not_there(beginning: str) -> None:
    texts = [step.text for found in STEPS.values() for step in found]
    assert any(text.startswith(beginning) for text in texts)


@pytest.mark.parametrize("page", STEPS)
def test_commands_stand_in_console_blocks(page: str) -> None:
    """Else nothing would run them."""
    found = blocks(page)
    assert not {block.language for block in found} & {"", "bash", "sh", "shell"}
    with_prompt = [block for block in found if block.text.startswith("$ ")]
    assert {block.language for block in with_prompt} <= {"console"}
    consoles = [block for block in found if block.language == "console"]
    assert all(block.text.startswith("$ ") for block in consoles)
    hidden = [
        line for line in outside_of_fences(page) if COMMAND_OUT_OF_FENCES.match(line)
    ]
    assert not hidden


def test_there_are_pages_to_run() -> None:
    assert {"README.md", "docs/index.md", "docs/reference/format.md"} <= set(TO_RUN)
    assert sum(len(found) for found in TO_RUN.values()) > 20

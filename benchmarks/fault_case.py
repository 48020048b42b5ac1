"""Faults around the program: commands that are ended, or that find no room, in forked processes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.hostile_case import network
from benchmarks.reliability_case import Outcome, problem_of, run_command
from onnx2snn import __main__ as program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "DATA",
    "MODEL",
    "SNN",
    "ended",
    "left_behind",
    "narrow",
    "refused",
    "results_of",
    "temporary_files_in",
    "write_digits",
    "write_network",
]

MODEL = "m.onnx"
DATA = "x.npz"
SNN = "snn.onnx"
RESULTS = "y.npz"
_DIGITS = Path(__file__).parents[1] / "examples" / "digits"


def write_network(folder: Path) -> None:
    """Write a small network, and data for it."""
    folder.joinpath(MODEL).write_bytes(network().SerializeToString())
    data = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
    np.savez(folder / DATA, x=data)


def write_digits(folder: Path) -> None:
    """Link the network of the demo, whose conversion takes a second, and its data."""
    folder.joinpath(MODEL).symlink_to(_DIGITS / "digits.onnx")
    folder.joinpath(DATA).symlink_to(_DIGITS / "calibration.npz")


def results_of(
    arguments: Sequence[str], folder: Path, *, must_be_refused: bool = False
) -> str | None:
    """Run a command that writes ``RESULTS``, and say what is wrong with its end."""
    before = {path.name: path.lstat().st_size for path in folder.iterdir()}
    outcome = run_command(arguments, folder)
    folder.joinpath(RESULTS).unlink(missing_ok=True)
    if must_be_refused and outcome.status == 0:
        return "it was not refused"
    return problem_of(outcome, folder, before)


def refused(outcome: Outcome, words: str = "error: ") -> str | None:
    """Say in what an outcome is no clear refusal."""
    if outcome.status != 1 or words not in outcome.text:
        return f"exit status {outcome.status}: {outcome.text[-300:]}"
    if "Traceback" in outcome.text or "please report" in outcome.text:
        return outcome.text[-600:]
    return None


@contextlib.contextmanager
def narrow(most: int) -> Iterator[None]:
    """Let no file grow beyond some bytes, in processes that are forked off inside."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def temporary_files_in(folder: Path) -> Iterator[None]:
    """Let temporary files go into a folder."""
    folder.mkdir(exist_ok=True)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before[1]
        del os.environ["TMPDIR"]
        if before[0] is not None:
            os.environ["TMPDIR"] = before[0]


def ended(arguments: Sequence[str], folder: Path, number: int, seconds: float) -> int:
    """Run the program, send it a signal after some time, and return its exit status."""
    child = os.fork()
    if child == 0:
        _be_the_program(arguments, folder)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _be_the_program(arguments: Sequence[str], folder: Path) -> None:
    status = 70
    try:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(folder)
        with Path("log").open("wb") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        sys.argv = ["onnx2snn", *arguments]
        status = program.main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    finally:
        os._exit(status)


def left_behind(folder: Path) -> list[str]:
    """Return the temporary files of the program in a folder and below."""
    return sorted(path.name for path in folder.rglob("*onnx2snn-tmp-*"))

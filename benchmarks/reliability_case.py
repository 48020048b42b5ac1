"""One hostile case: what is run, and whether that was a clear answer."""

from __future__ import annotations

import dataclasses
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from typing import TYPE_CHECKING, TypeAlias

import onnxruntime as ort

import onnx2snn.evaluation.evaluate  # noqa: F401 (what commands import is there when they begin)
from onnx2snn import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Case", "Cases", "Outcome", "command_case", "problem_of", "run_command"]

SECONDS = 90.0
"""Time that one command may take."""

MEMORY = 6 * 2**30
"""Bytes of address space that one command may take."""

OUTPUT = "out.onnx"
"""File that a command of ``command_case`` writes, in the folder of the case."""

_STATUSES = (0, 1, 2)
_LONGEST_MESSAGE = 4000
_FAULTS = ("Traceback (most recent", "please report", "/onnxruntime_src/", "\x1b")
"""What no user should read: inner errors, paths of another machine, raw terminal escapes."""


@dataclasses.dataclass(frozen=True)
class Case:
    """Something that may be done to the program, and must not surprise anybody.

    Attributes:
        name: What is done, unique in its class.
        run: Does it in an empty folder; returns what went wrong, None if nothing did.
    """

    name: str
    run: Callable[[Path], str | None]


Cases: TypeAlias = "Callable[[], Iterable[Case]]"
"""A class of cases: what a module of cases has in its ``CLASSES``, by the name of its row."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a command left.

    Attributes:
        status: Its exit status; below 0 the signal that ended it, None if the time was over.
        text: Both of its outputs.
        seconds: How long it took.
    """

    status: int | None
    text: str
    seconds: float


def command_case(
    name: str, files: Callable[[Path], object], arguments: Sequence[str]
) -> Case:
    """Return a case that runs one command of the command line in a folder with hostile files.

    Args:
        name: Name of the case.
        files: Writes the files into the folder.
        arguments: The command line; ``OUTPUT`` is what it may write.
    """

    def run(folder: Path) -> str | None:
        files(folder)
        before = _contents(folder)
        outcome = run_command(arguments, folder)
        return problem_of(outcome, folder, before)

    return Case(name, run)


def run_command(
    arguments: Sequence[str], folder: Path, *, memory: int = MEMORY
) -> Outcome:
    """Run the command line in a process that is forked off, with limits, inside ``folder``.

    What is imported already is there at once: a thousand cases take minutes.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            _be_the_command(arguments, folder, log.fileno(), memory)
        status = _wait(child, began)
        log.seek(0)
        text = log.read().decode(errors="replace")
    return Outcome(status, text, time.monotonic() - began)


def _be_the_command(
    arguments: Sequence[str], folder: Path, log: int, memory: int
) -> None:
    """Run the command in this process, and end it."""
    status = 70
    try:
        os.setpgrp()
        os.chdir(folder)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        status = cli.main(arguments)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 (that is what is looked for)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(child: int, began: float) -> int | None:
    """Return the status of a process that ends in time; end it else."""
    pause = 0.002
    while time.monotonic() - began < SECONDS:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def problem_of(outcome: Outcome, folder: Path, before: Mapping[str, int]) -> str | None:
    """Say in what an outcome is neither a right conversion nor a clear refusal, None if in nothing.

    Args:
        outcome: What the command left.
        folder: Where it ran.
        before: The files there before it, by name, with their sizes.
    """
    if outcome.status is None:
        return f"no end in {SECONDS:.0f} s"
    if outcome.status not in _STATUSES:
        return f"exit status {outcome.status}: {outcome.text[-300:]}"
    found = next((fault for fault in _FAULTS if fault in outcome.text), None)
    if found is not None:
        place = outcome.text.index(found)
        return (
            f"{found!r} in its output: ...{outcome.text[max(0, place - 300) :][:900]}"
        )
    if len(outcome.text) > _LONGEST_MESSAGE:
        return f"a message of {len(outcome.text)} characters: {outcome.text[:300]}"
    return _problem_of_files(outcome, folder, before)


def _problem_of_files(
    outcome: Outcome, folder: Path, before: Mapping[str, int]
) -> str | None:
    """Say what is wrong with the files that a command has left."""
    after = _contents(folder)
    output = after.pop(OUTPUT, None)
    if after != dict(before):
        changed = sorted(set(after.items()) ^ set(before.items()))
        return f"it changed {changed}"
    if outcome.status == 0 and output is not None:
        return _opening_problem(folder / OUTPUT)
    if outcome.status != 0 and output is not None:
        return "an output in spite of the refusal"
    return None


def _opening_problem(path: Path) -> str | None:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    child = (
        os.fork()
    )  # threads of a session must not be there when the next case is forked
    if child == 0:
        try:
            ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 (any is one)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return "an output that onnxruntime does not open" if status else None


def _contents(folder: Path) -> dict[str, int]:
    """Return the files of a folder and how large they are."""
    return {
        str(path.relative_to(folder)): path.lstat().st_size
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }

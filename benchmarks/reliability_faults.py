"""Faults: full disks, kills, signals, two processes at once, names of outputs, scripts."""

from __future__ import annotations

import functools
import os
import random
import signal
import socket
from typing import TYPE_CHECKING

from benchmarks.fault_case import (
    DATA,
    MODEL,
    SNN,
    ended,
    left_behind,
    narrow,
    refused,
    temporary_files_in,
    write_digits,
    write_network,
)
from benchmarks.reliability_case import Case, run_command
from onnx2snn.data import sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.reliability_case import Cases

__all__ = ["CLASSES"]

CONVERT = ("convert", MODEL, "-o", SNN, "--T", "2", "--quiet")
CALIBRATED = (*CONVERT, "--calibration", DATA)
_OLDER = b"older"


def full_disks() -> Iterator[Case]:
    """Disks that are full after so many bytes: of the output, a report, temporary files."""
    for kilobytes in range(4, 164, 16):
        yield Case(
            f"output after {kilobytes} kB",
            functools.partial(_full, kilobytes, CALIBRATED),
        )
    for kilobytes in (4, 8, 12, 16, 20):
        words = (*CONVERT, "--report", "r.html")
        yield Case(
            f"report after {kilobytes} kB", functools.partial(_full, kilobytes, words)
        )
    for kilobytes in (4, 16, 64, 128, 256):
        words = (*CALIBRATED[:-1], "data.py")
        yield Case(
            f"temporary files after {kilobytes} kB",
            functools.partial(_full, kilobytes, words),
        )


_MUCH = (
    "import numpy as np\n"
    "def batches():\n    while True:\n        yield np.zeros((64, 1, 8, 8), np.float32)\n"
)


def _full(kilobytes: int, words: tuple[str, ...], folder: Path) -> str | None:
    write_digits(folder)
    folder.joinpath(SNN).write_bytes(_OLDER)
    folder.joinpath("data.py").write_text(_MUCH)
    memory, sources._IN_MEMORY = sources._IN_MEMORY, 1000  # noqa: SLF001 (for the child)
    try:
        with narrow(1024 * kilobytes), temporary_files_in(folder / "tmp"):
            outcome = run_command(words, folder)
    finally:
        sources._IN_MEMORY = memory  # noqa: SLF001
    is_report_only = "--report" in words and outcome.status == 1
    if folder.joinpath(SNN).read_bytes() != _OLDER and not is_report_only:
        return "the older output is gone"
    return refused(outcome, "File too large") or _left(folder)


def _left(folder: Path) -> str | None:
    found = left_behind(folder)
    return f"it left {found}" if found else None


def kills() -> Iterator[Case]:
    """Runs that are killed at any moment: the output is whole or not there, the next run cleans."""
    moments = random.Random(0)  # noqa: S311 (moments, no secrets)
    for number in range(50):
        seconds = moments.uniform(0.01, 1.5)
        yield Case(f"kill {number}", functools.partial(_killed, seconds))


def _killed(seconds: float, folder: Path) -> str | None:
    write_digits(folder)
    folder.joinpath(SNN).write_bytes(_OLDER)
    words = (*CALIBRATED, "--resume", "kept")
    with temporary_files_in(folder / "tmp"):
        ended(words, folder, signal.SIGKILL, seconds)
        is_older = folder.joinpath(SNN).read_bytes() == _OLDER
        if not is_older and folder.joinpath(SNN).read_bytes() != _expected():
            return "half an output"
        if ended(words, folder, 0, 0) != 0:
            return folder.joinpath("log").read_text()[-300:]
    if folder.joinpath(SNN).read_bytes() != _expected():
        return "other bytes than without an interruption"
    return _left(folder)


@functools.cache
def _expected() -> bytes:
    """Return the output of a run that nothing ends."""
    import tempfile  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        write_digits(Path(folder))
        run_command(CALIBRATED, Path(folder))
        return Path(folder, SNN).read_bytes()


def signals() -> Iterator[Case]:
    """Signals that end a run at any moment: nothing is left, and one line is printed."""
    moments = random.Random(1)  # noqa: S311
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        for number in range(20):
            seconds = moments.uniform(0.05, 1.2)
            signalled = functools.partial(_signalled, getattr(signal, name), seconds)
            yield Case(f"{name} {number}", signalled)


def _signalled(number: int, seconds: float, folder: Path) -> str | None:
    write_digits(folder)
    with temporary_files_in(folder / "tmp"):
        status = ended(CALIBRATED, folder, number, seconds)
    text = folder.joinpath("log").read_text() if status >= 0 else ""
    if status not in (0, 128 + number, -number):
        return f"exit status {status}: {text[-300:]}"
    if text not in ("", "interrupted\n"):
        return text[-600:]
    is_whole = folder.joinpath(SNN).exists()
    if is_whole and folder.joinpath(SNN).read_bytes() != _expected():
        return "half an output"
    return _left(folder)


def names() -> Iterator[Case]:
    """Names of outputs that no file can have."""
    for name in (
        "x" * 300,
        "y/" * 3000 + "x",
        "circle",
        "circle/x",
        "folder",
        "folder/",
        "file/x",
        "none/x",
        "socket",
        "",
        ".",
        "..",
        "/",
        "/dev/full",
        "/proc/x",
        "dangling",
        MODEL,
        f"./{MODEL}",
        "link",
        DATA,
    ):
        yield Case(f"-o {name[:20]!r}", functools.partial(_named, name))


def _named(name: str, folder: Path) -> str | None:
    write_network(folder)
    folder.joinpath("circle").symlink_to("circle")
    folder.joinpath("dangling").symlink_to("nowhere/x")
    folder.joinpath("link").symlink_to(MODEL)
    folder.joinpath("folder").mkdir()
    folder.joinpath("file").touch()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(folder / "socket"))
        before = {path.name for path in folder.iterdir()}
        words = ("convert", MODEL, "-o", name, "--T", "2", "--calibration", DATA)
        problem = refused(run_command(words, folder))
    if {path.name for path in folder.iterdir()} != before:
        return "it left a file"
    return problem


SCRIPTS = {
    "raises": "raise ValueError('no')",
    "raises nothing but BaseException": "raise BaseException('no')",
    "raises an error without a message": "raise Silent()",
    "exits": "raise SystemExit(0)",
    "ends a generator": "raise GeneratorExit",
    "has no memory": "raise MemoryError",
    "goes down without end": "down()",
    "yields an object": "yield object()",
    "yields a liar": "yield Liar()",
    "yields text": "yield 'x'",
    "yields another shape": "yield np.zeros((2, 7), np.float32)",
    "yields NaN": "yield np.full((2, 6), np.nan, np.float32)",
    "yields nothing": "return; yield",
    "yields another type": "yield np.zeros((2, 6), complex)",
    "yields other names": "yield {'z': np.zeros((2, 6), np.float32)}",
    "yields names that are none": "yield {3: np.zeros((2, 6), np.float32)}",
    "is no program": "yield (",
}
_HEAD = (
    "import os\nimport numpy as np\n"
    "class Silent(Exception):\n    def __str__(self): raise ValueError\n"
    "class Liar:\n    def __array__(self, *_, **__): raise Silent\n"
    "def down(): down()\n"
)


def scripts() -> Iterator[Case]:
    """Scripts of data that fail in every way, and that leave their folder on the way."""
    for name, body in SCRIPTS.items():
        for before in ("", "print('\\x1b[31m'); ", "os.chdir('/'); "):
            text = f"{_HEAD}def batches():\n    {before}{body}\n"
            yield Case(f"{name} {before}", functools.partial(_scripted, text))


def _scripted(text: str, folder: Path) -> str | None:
    write_network(folder)
    folder.joinpath("data.py").write_text(text)
    outcome = run_command((*CONVERT, "--calibration", "data.py"), folder)
    if folder.joinpath(SNN).exists():
        return "an output in spite of the refusal"
    return refused(outcome)


def at_once() -> Iterator[Case]:
    """Several conversions into one file."""
    for number in range(5):
        yield Case(f"{number + 2} at once", functools.partial(_at_once, number + 2))


def _at_once(count: int, folder: Path) -> str | None:
    write_network(folder)
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os._exit(run_command(CALIBRATED, folder).status or 0)
        children.append(child)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(ends):
        return f"exit statuses {ends}"
    once = folder.joinpath(SNN).read_bytes()
    run_command(CALIBRATED, folder)
    if folder.joinpath(SNN).read_bytes() != once:
        return "other bytes than alone"
    return _left(folder)


CLASSES: dict[str, Cases] = {
    "full disks": full_disks,
    "kills": kills,
    "signals": signals,
    "conversions into one file": at_once,
    "names of outputs": names,
    "scripts of data": scripts,
}
"""Row of the page to its cases."""

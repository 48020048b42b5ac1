"""Temporary files do not outlive their process, or go when the next one starts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import onnx2snn
from onnx2snn.storage.temporary import (
    TemporaryFolder,
    explain_full_disk,
    locked,
    remove_abandoned,
    temporary_name,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def dead() -> int:
    """Return the number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    return ended.pid


@pytest.fixture(autouse=True)
def _forget() -> None:
    remove_abandoned.cache_clear()


def test_what_a_killed_process_left_is_removed(tmp_path: Path, dead: int) -> None:
    folder = tmp_path / f"onnx2snn-tmp-{dead}-abc"
    folder.mkdir()
    (folder / "0").write_bytes(b"stored")
    file = tmp_path / f".onnx2snn-tmp-{dead}-def"
    file.write_bytes(b"half a network")
    remove_abandoned(tmp_path)
    assert not any(tmp_path.iterdir())


def test_what_others_own_stays(tmp_path: Path, dead: int) -> None:
    names = [
        f"onnx2snn-tmp-{os.getpid()}-abc",  # of a process that runs
        f"onnx2snn-{dead}-abc",
        f"onnx2snn-tmp-{dead}-abc.onnx",
        f"results-onnx2snn-tmp-{dead}-abc",
        "onnx2snn-tmp-x-abc",
    ]
    for name in names:
        (tmp_path / name).mkdir()
    link = tmp_path / f"onnx2snn-tmp-{dead}-link"
    link.symlink_to(tmp_path / names[1])
    remove_abandoned(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names, link.name}


def test_what_is_locked_stays(tmp_path: Path, dead: int) -> None:
    """A process in another container has the number of one that is dead here."""
    folder = tmp_path / f"onnx2snn-tmp-{dead}-abc"
    folder.mkdir()
    with locked(folder):
        remove_abandoned(tmp_path)
        assert folder.exists()
    remove_abandoned.cache_clear()
    remove_abandoned(tmp_path)
    assert not folder.exists()


def test_a_folder_goes_with_its_context(tmp_path: Path) -> None:
    with TemporaryFolder(tmp_path) as folder:
        assert folder.path.name.startswith(temporary_name(is_hidden=True))
        (folder.path / "x").write_bytes(b"x")
    assert not any(tmp_path.iterdir())


def test_a_full_disk_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/small")
    message = r"in '/small': No space left on device; name a folder .* TMPDIR"
    with (
        pytest.raises(onnx2snn.OutputError, match=message),
        explain_full_disk(),
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123 (unbuffered)
    ):
        full.write(b"x")

"""A file is written whole or not at all, whatever its name is and however full the disk."""

from __future__ import annotations

import contextlib
import resource
import socket
from typing import TYPE_CHECKING

import pytest

import onnx2snn
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def small_files(most: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "name, problem",
    [
        ("x" * 300, "File name too long"),
        ("y/" * 3000 + "x", "File name too long"),
        ("circle", "Symlink loop|Too many levels"),
        ("circle/x", "Symlink loop|Too many levels"),
        ("nul\0nul", "embedded null"),
        ("socket", "it is a socket"),
        ("folder", "it is a folder"),
        ("file/x", "Not a directory"),
        ("none/x", "there is no folder"),
    ],
)
def test_names_that_no_file_can_have(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        for check in (check_writable, lambda path: write_whole(path, lambda _: None)):
            with pytest.raises(
                onnx2snn.OutputError, match=f"(?s)cannot write .*: .*({problem})"
            ):
                check(name)
        with pytest.raises(onnx2snn.InvalidModelError):
            onnx2snn.load(name)


@pytest.mark.parametrize("name", ["a b", "ä漢", "x" * 255, "\udcff", "link"])
def test_names_that_a_file_can_have(name: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    write_whole(tmp_path / name, lambda file: file.write(b"whole"))
    assert (tmp_path / name).read_bytes() == b"whole"
    assert not [path for path in tmp_path.iterdir() if "tmp" in path.name]


def test_a_full_device() -> None:
    with pytest.raises(onnx2snn.OutputError, match="'/dev/full': No space left"):
        write_whole("/dev/full", lambda file: file.write(b"x"))


def test_a_file_that_does_not_fit_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"older")
    message = r"cannot write '.*x': File too large"
    with small_files(1000), pytest.raises(onnx2snn.OutputError, match=message):
        write_whole(path, lambda file: file.write(b"x" * 5000))
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]

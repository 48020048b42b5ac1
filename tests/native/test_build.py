"""Building and finding the native library, and what stands in its way."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from onnx2snn.errors import NativeError
from onnx2snn.native import build, build_library, find_library, library_problem
from onnx2snn.native import library as library_module
from onnx2snn.native.signatures import write_signatures
from onnx2snn.ops import ALL_OPS
from tests.native.library import needs_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the file of a library that is not there yet; the package looks for it there."""
    path = tmp_path / "lib" / library_module.library_file().name
    monkeypatch.setattr(library_module, "library_file", lambda: path)
    library_module.forget_library()
    yield path
    library_module.forget_library()


def test_where_there_is_no_library_the_problem_says_what_to_do(
    another_place: Path,
) -> None:
    assert not another_place.exists()
    assert find_library() is None
    assert "onnx2snn native build" in library_problem()


def test_a_file_that_is_no_library_is_named_as_such(another_place: Path) -> None:
    another_place.parent.mkdir()
    another_place.write_bytes(b"of another machine")
    assert find_library() is None
    assert re.search(r"does not load on .*; build it with", library_problem())


def test_a_library_without_the_onednn_it_was_built_with_says_how_to_get_it(
    another_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_place.parent.mkdir()
    another_place.write_bytes(b"built with oneDNN")
    reason = "libdnnl.so.3: cannot open shared object file: No such file or directory"

    def refuse(_: str) -> None:
        raise OSError(reason)

    monkeypatch.setattr("ctypes.CDLL", refuse)
    assert find_library() is None
    advice = r"pip install 'onnx2snn\[native\]' brings oneDNN"
    assert re.search(f"{reason}; {advice}", library_problem())


@needs_library
def test_a_library_of_another_version_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library_module, "build_version", lambda: "999.0")
    library_module.forget_library()
    assert find_library() is None
    assert "not 999.0; build it with" in library_problem()
    monkeypatch.undo()
    library_module.forget_library()
    assert find_library() is not None


def test_without_cmake_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        NativeError, match=r"needs cmake.*pip install 'onnx2snn\[native\]'"
    ):
        build_library(to=tmp_path / "lib")


def test_a_compiler_s_error_is_shown_and_leaves_no_library(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "cmake"
    tool.write_text("#!/bin/sh\necho no C++ compiler >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setattr(build, "_tool", lambda _: str(tool))
    target = tmp_path / "lib" / "library.so"
    with pytest.raises(
        NativeError, match=r"no way to build[^\n]*\n.*no C\+\+ compiler"
    ):
        build_library(to=target)
    assert not target.exists()


def test_every_operator_is_declared_to_the_library(tmp_path: Path) -> None:
    file = tmp_path / "signatures.inc"
    write_signatures(file)
    names = re.findall(r'ONNX2SNN_OPERATOR\("(\w+)"', file.read_text())
    assert names == list(ALL_OPS)


@needs_library
@pytest.mark.slow
def test_an_operator_declared_otherwise_does_not_compile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    op = ALL_OPS["RunningSum"]
    wider = dict(op.inputs) | {"weight": "Another input."}
    changed = dataclasses.replace(op, inputs=wider)
    monkeypatch.setitem(ALL_OPS, "RunningSum", changed)
    with pytest.raises(NativeError, match="RunningSum is declared otherwise"):
        build_library(to=tmp_path / "lib")

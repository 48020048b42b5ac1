"""Building the native library from the sources that come with the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from onnx2snn.errors import NativeError
from onnx2snn.native.library import build_version, forget_library, library_file
from onnx2snn.native.signatures import write_signatures

__all__ = ["build_library", "has_onednn"]

SOURCES = Path(__file__).parent

_LAST_LINES = 15
"""Lines of a compiler's output that an error shows."""


def build_library(*, sanitize: bool = False, to: Path | None = None) -> Path:
    """Build the library, and return its file; one that was there is replaced when all went well.

    Needs CMake and a compiler for C++17. With oneDNN in the environment (``pip install
    'onnx2snn[native]'``) the library multiplies weights as well; without, it has neurons only.

    Args:
        sanitize: Whether it checks its own memory accesses and arithmetic, for tests.
        to: The file to write; None for where the package looks for it.

    Raises:
        NativeError: Something is missing, or does not compile; the message has the last lines
            of what was printed.
    """
    target = to or library_file()
    cmake = _tool("cmake")
    with tempfile.TemporaryDirectory() as folder:
        write_signatures(Path(folder) / "signatures.inc")
        configure = [cmake, "-S", str(SOURCES), "-B", folder, *_settings(folder)]
        if sanitize:
            configure.append("-DONNX2SNN_SANITIZE=ON")
        _run(configure, "CMake finds no way to build the native library")
        parallel = ["--parallel", str(os.cpu_count() or 1)]
        compile_all = [cmake, "--build", folder, "--config", "Release", *parallel]
        _run(compile_all, "the native library does not compile")
        _put_in_place(_built_file(Path(folder)), target)
    forget_library()
    return target


def _tool(name: str) -> str:
    """Return the path of a program, of this environment's if it has one."""
    beside_python = str(Path(sys.executable).parent)
    search_path = os.pathsep.join([beside_python, os.environ.get("PATH", "")])
    found = shutil.which(name, path=search_path)
    if found is None:
        message = (
            f"the native library needs {name}, which is not installed: "
            "pip install 'onnx2snn[native]' brings it; a C++ compiler must be there as well"
        )
        raise NativeError(message)
    return found


def _settings(folder: str) -> list[str]:
    """Return the settings of a build, oneDNN among them where the environment has it."""
    settings = [
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DONNX2SNN_VERSION={build_version()}",
        f"-DONNX2SNN_GENERATED={folder}",
    ]
    if has_onednn():
        settings.append(f"-DONNX2SNN_ONEDNN={_environment()}")
    return settings


def has_onednn() -> bool:
    """Whether this environment has oneDNN to build with."""
    return (_environment() / "include" / "oneapi" / "dnnl" / "dnnl.hpp").exists()


def _environment() -> Path:
    return Path(sysconfig.get_path("data"))


def _run(command: list[str], problem: str) -> None:
    """Run a command, and raise if it fails, with the end of what it printed."""
    try:
        result = subprocess.run(  # noqa: S603 (CMake, found above)
            command, capture_output=True, text=True, check=False
        )
    except OSError as error:
        message = f"{problem}: {error}"
        raise NativeError(message) from error
    if result.returncode != 0:
        lines = (result.stdout + result.stderr).strip().splitlines()
        shown = "\n".join(lines[-_LAST_LINES:])
        message = f"{problem}; its last lines are\n{shown}"
        raise NativeError(message)


def _built_file(folder: Path) -> Path:
    """Return the library that CMake left in a folder."""
    name = library_file().name
    for found in (folder / name, folder / "Release" / name):
        if found.exists():
            return found
    message = f"CMake built no {name}"
    raise NativeError(message)


def _put_in_place(built: Path, target: Path) -> None:
    """Move a library to its place at once, so that nobody loads half of it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        shutil.copyfile(built, beside)
        beside.replace(target)
    except OSError as error:
        message = f"cannot write the native library to {target}: {error.strerror}"
        raise NativeError(message) from error

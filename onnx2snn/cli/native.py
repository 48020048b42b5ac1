"""``onnx2snn native``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import print_json, results_console
from onnx2snn.errors import NativeError
from onnx2snn.native import build_library, find_library, library_problem

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    command = add_command(
        commands,
        _build_or_name,
        "native {build,path} [options]",
        "build the native library, or print where it is",
    )
    command.add_argument(
        "action",
        choices=("build", "path"),
        help="build: compile it into this environment; path: print its file",
    )


def _build_or_name(options: argparse.Namespace) -> int:
    path = build_library() if options.action == "build" else _path_of_library()
    if options.json:
        print_json({"path": str(path)})
    else:
        results_console().print(str(path), soft_wrap=True)
    return 0


def _path_of_library() -> Path:
    library = find_library()
    if library is None:
        raise NativeError(library_problem())
    return library.path

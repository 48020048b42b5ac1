"""``onnx2snn doctor``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import TYPE_CHECKING

from onnx2snn._version import __version__
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import new_table, print_json, results_console
from onnx2snn.native import find_library, library_problem, weights_problem

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]

_PACKAGES = ("onnx", "onnx-ir", "onnxruntime", "numpy", "networkx")
_EXTRAS = {"torch": "'onnx2snn tune' and training", "vl-convert-python": "charts"}


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands,
        _report,
        "doctor [options]",
        "show what runs here, and what is missing",
    )


def _report(options: argparse.Namespace) -> int:
    found = _versions() | _machine() | _native()
    if options.json:
        print_json(found)
        return 0
    listed = new_table("part", "here")
    for name, text in found.items():
        listed.add_row(name, text)
    results_console().print(listed)
    return 0


def _versions() -> dict[str, str]:
    """Return the versions of the package and of what it is made from."""
    found = {"onnx2snn": __version__, "Python": platform.python_version()}
    for package in _PACKAGES:
        found[package] = _version_of(package) or "not installed: pip install onnx2snn"
    for package, use in _EXTRAS.items():
        missing = f"not installed; only {use} would need it"
        found[package] = _version_of(package) or missing
    return found


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> dict[str, str]:
    return {
        "machine": f"{platform.system()} on {platform.machine()}",
        "cores": str(os.cpu_count() or 1),
    }


def _native() -> dict[str, str]:
    """Return what the native library does here, or why there is none."""
    library = find_library()
    if library is None:
        reason = f"{library_problem()}; until then networks run in stock onnxruntime"
        return {"native library": reason}
    return {
        "native library": str(library.path),
        "instruction set": library.instruction_set,
        "weights on spikes": library.multiplies or weights_problem(),
    }

"""Passes of other packages, which are installed beside this one."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["LOADED_NAMES", "installed_passes", "load_pass", "stage_of"]

LOADED_NAMES: dict[type, str] = {}
"""Classes of other packages that were asked for, to the names they are registered under."""


def installed_passes() -> Iterable[importlib.metadata.EntryPoint]:
    """Return where the passes of other packages are."""
    return importlib.metadata.entry_points(group="onnx2snn.passes")


def load_pass(entry: importlib.metadata.EntryPoint) -> type[ir.passes.PassBase]:
    """Return the class that another package registered.

    Raises:
        OptionError: It cannot be imported.
    """
    try:
        found: type[ir.passes.PassBase] = entry.load()
    except Exception as error:
        message = f"the pass {entry.name!r} ({entry.value}) cannot be imported: {error}"
        raise OptionError(message) from error
    LOADED_NAMES[found] = entry.name
    return found


def stage_of(pass_: type[ir.passes.PassBase]) -> str | None:
    """Return the stage in which a pass of this package runs; None for any other."""
    package, *folders = pass_.__module__.split(".")
    is_ours = package == "onnx2snn" and folders[0] == "passes"
    return folders[1] if is_ours else None

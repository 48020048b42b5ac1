"""``onnx2snn passes``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx2snn
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import print_json, results, table

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands,
        _passes,
        "passes [options]",
        "list the passes of a conversion and their options",
    )


def _passes(options: argparse.Namespace) -> int:
    rows = {name: _fields(pass_) for name, pass_ in onnx2snn.passes.available().items()}
    if options.json:
        print_json(
            {"passes": [{"name": name, "options": row} for name, row in rows.items()]}
        )
        return 0
    listed = table("pass", "options")
    for name, row in rows.items():
        listed.add_row(
            name, ", ".join(f"{key}={value!r}" for key, value in row.items())
        )
    results().print(listed)
    return 0


def _fields(pass_: type) -> dict[str, Any]:
    if not dataclasses.is_dataclass(pass_):
        return {}
    return {
        field.name: field.default
        for field in dataclasses.fields(pass_)
        if isinstance(field.default, (bool, int, float, str, tuple))
    }

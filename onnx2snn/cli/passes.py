"""``onnx2snn passes``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx2snn
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import new_table, print_json, results_console

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
    available = onnx2snn.passes.available()
    defaults = {name: _default_options(pass_) for name, pass_ in available.items()}
    if options.json:
        rows = [{"name": name, "options": row} for name, row in defaults.items()]
        print_json({"passes": rows})
        return 0
    listed = new_table("pass", "options")
    for name, row in defaults.items():
        settings = [f"{option}={value!r}" for option, value in row.items()]
        listed.add_row(name, ", ".join(settings))
    results_console().print(listed)
    return 0


def _default_options(pass_: type) -> dict[str, Any]:
    if not dataclasses.is_dataclass(pass_):
        return {}
    return {
        field.name: field.default
        for field in dataclasses.fields(pass_)
        if isinstance(field.default, (bool, int, float, str, tuple))
    }

"""``onnx2snn methods``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import new_table, print_json, results_console
from onnx2snn.methods.published import METHODS

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.methods.method import Method

__all__ = ["add"]

_SOME_STEPS = 8
"""Number of time steps for which levels are shown."""


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands, _list_methods, "methods [options]", "list the methods of conversion"
    )


def _list_methods(options: argparse.Namespace) -> int:
    if options.json:
        print_json({"methods": [_facts_of(method) for method in METHODS.values()]})
        return 0
    listed = new_table(
        "method", "source", "spikes", f"levels at T = {_SOME_STEPS}", "needs"
    )
    for method in METHODS.values():
        levels = str(method.levels(_SOME_STEPS))
        listed.add_row(method.name, method.source, method.spikes, levels, method.needs)
    results_console().print(listed)
    return 0


def _facts_of(method: Method) -> dict[str, Any]:
    """Return the parts of a method, and what follows from them."""
    return dataclasses.asdict(method) | {
        "spikes": method.spikes,
        "levels": method.levels(_SOME_STEPS),
        "needs": method.needs,
    }

"""``onnx2snn methods``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import print_json, results, table
from onnx2snn.methods.published import METHODS

if TYPE_CHECKING:
    import argparse

    from onnx2snn.cli.arguments import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands, _methods, "methods [options]", "list the methods of conversion"
    )


def _methods(options: argparse.Namespace) -> int:
    if options.json:
        rows = [
            dataclasses.asdict(method)
            | {
                "spikes": method.spikes,
                "levels": method.levels(8),
                "needs": method.needs,
            }
            for method in METHODS.values()
        ]
        print_json({"methods": rows})
        return 0
    listed = table("method", "source", "spikes", "levels at T = 8", "needs")
    for method in METHODS.values():
        levels = str(method.levels(8))
        listed.add_row(method.name, method.source, method.spikes, levels, method.needs)
    results().print(listed)
    return 0

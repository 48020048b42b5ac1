"""``onnx2snn passes``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import onnx2snn
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import new_table, print_json, results_console
from onnx2snn.passes import STAGES, available, name_of, stage_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.cli.arguments import Commands

    Row = dict[str, Any]

__all__ = ["add"]

_ON_REQUEST = "on request"
"""Stage of the passes that a conversion with default options does not run."""


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands,
        _passes,
        "passes [options]",
        "list the passes of a conversion, in the order in which they run",
    )


def _passes(options: argparse.Namespace) -> int:
    rows = [*_rows_of_a_conversion(), *_rows_on_request()]
    if options.json:
        print_json({"passes": rows})
        return 0
    listed = new_table("stage", "pass", "options")
    for row in rows:
        listed.add_row(row["stage"], row["name"], _as_text(row["options"]))
    results_console().print(listed)
    return 0


def _rows_of_a_conversion() -> Iterator[Row]:
    """Yield a row for each pass that a conversion with default options runs."""
    passes = onnx2snn.pipeline()
    for stage in STAGES:
        for pass_ in passes.stage(stage):
            yield _row(stage, name_of(pass_), type(pass_))


def _rows_on_request() -> Iterator[Row]:
    """Yield a row for each pass that other options, or ``--pass``, bring in."""
    running = set(onnx2snn.pipeline().names())
    for name, pass_ in available().items():
        if name not in running:
            yield _row(stage_of(pass_) or _ON_REQUEST, name, pass_)


def _row(stage: str, name: str, pass_: type[ir.passes.PassBase]) -> Row:
    return {"stage": stage, "name": name, "options": _default_options(pass_)}


def _default_options(pass_: type) -> dict[str, Any]:
    """Return the options of a pass that a text can show, with their defaults."""
    if not dataclasses.is_dataclass(pass_):
        return {}
    return {
        field.name: field.default
        for field in dataclasses.fields(pass_)
        if isinstance(field.default, (bool, int, float, str, tuple))
    }


def _as_text(options: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in options.items())

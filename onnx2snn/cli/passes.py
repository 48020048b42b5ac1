"""``onnx2snn passes``."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import onnx2snn
from onnx2snn.cli.arguments import add_command
from onnx2snn.cli.console import new_table, print_json, results_console
from onnx2snn.methods.layouts import MULTISTEP, STEP
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.time_inputs import REQUIRED
from onnx2snn.methods.weight_types import INT8
from onnx2snn.passes import STAGES, available, name_of
from onnx2snn.passes.installed import stage_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from onnx2snn.cli.arguments import Commands
    from onnx2snn.passes.pipeline import Pipeline

    Row = dict[str, Any]

__all__ = ["add"]

_NEEDS_DATA = {"correct-layers": "with calibration data"}
"""Passes that do nothing without data."""

_STAGE_OF_OTHERS = "simplification"
"""Stage of the passes of other packages, unless ``--pass`` says where they run."""


def add(commands: Commands) -> None:
    """Add the command."""
    add_command(
        commands,
        _passes,
        "passes [options]",
        "list the passes of a conversion, in the order in which they run",
    )


def _passes(options: argparse.Namespace) -> int:
    rows = _rows_by_stage()
    if options.json:
        print_json({"passes": rows})
        return 0
    listed = new_table("stage", "pass", "runs", "options")
    for row in rows:
        as_text = _as_text(row["options"])
        listed.add_row(row["stage"], row["name"], row["runs"], as_text)
    results_console().print(listed)
    return 0


_CONDITIONS: dict[str, dict[str, Any]] = {
    "with the layout multistep": {"layout": MULTISTEP},
    "with weights of int8": {"weights": INT8},
    "with folded thresholds": {"fold_thresholds": True},
    "with an early exit": {"early_exit": True},
    "with the layout step": {"layout": STEP},
    "with another T-input": {"T_input": REQUIRED},
    "with operators inlined": {"inline": True},
}
"""When passes run beside those of a schedule, and the options that ask for them."""


def _rows_by_stage() -> list[Row]:
    """Return a row for each run of a pass, in the order in which they run."""
    lockstep = onnx2snn.pipeline()
    schedules = {
        name: onnx2snn.pipeline(onnx2snn.Options(schedule=name)) for name in SCHEDULES
    }
    others = {
        words: onnx2snn.pipeline(onnx2snn.Options(**options))
        for words, options in _CONDITIONS.items()
    }
    all_pipelines = (*schedules.values(), *others.values())
    all_names = (each.names() for each in all_pipelines)
    known = set(itertools.chain.from_iterable(all_names))
    rows = [
        *_rows_of_default(lockstep, schedules),
        *itertools.chain.from_iterable(
            _rows_of_other(other, lockstep, f"with the schedule {name}")
            for name, other in schedules.items()
        ),
        *itertools.chain.from_iterable(
            _rows_of_other(other, lockstep, words) for words, other in others.items()
        ),
        *_rows_on_request(known),
    ]
    return sorted(rows, key=lambda row: STAGES.index(row["stage"]))


def _rows_of_default(
    default: Pipeline, schedules: Mapping[str, Pipeline]
) -> Iterator[Row]:
    """Yield a row for each pass that a conversion with default options runs."""
    for stage in STAGES:
        for pass_ in default.stage(stage):
            name = name_of(pass_)
            runs = _schedules_with(name, schedules)
            yield _row(stage, name, _NEEDS_DATA.get(name, runs), pass_)


def _schedules_with(name: str, schedules: Mapping[str, Pipeline]) -> str:
    """Say with which schedules a pass runs."""
    found = [
        schedule for schedule, passes in schedules.items() if name in passes.names()
    ]
    if len(found) == len(schedules):
        return "always"
    return f"with the schedule {' or '.join(found)}"


def _rows_of_other(other: Pipeline, known: Pipeline, runs: str) -> Iterator[Row]:
    """Yield a row for each pass that only other options bring in.

    Args:
        other: The passes with those options.
        known: The passes that have their rows.
        runs: The options, in words.
    """
    listed = set(known.names())
    for stage in STAGES:
        for pass_ in other.stage(stage):
            if name_of(pass_) not in listed:
                yield _row(stage, name_of(pass_), runs, pass_)


def _rows_on_request(known: set[str]) -> Iterator[Row]:
    """Yield a row for each pass that ``--pass`` brings in."""
    for name, pass_ in available().items():
        if name not in known:
            stage = stage_of(pass_) or _STAGE_OF_OTHERS
            yield _row(stage, name, "on request", pass_)


def _row(stage: str, name: str, runs: str, pass_: object) -> Row:
    return {
        "stage": stage,
        "name": name,
        "runs": runs,
        "options": _shown_options(pass_),
    }


def _shown_options(pass_: object) -> dict[str, Any]:
    """Return the options of a pass, or the defaults of a class, that a text can show."""
    if not dataclasses.is_dataclass(pass_):
        return {}
    values = {
        field.name: getattr(pass_, field.name, None)
        for field in dataclasses.fields(pass_)
    }
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, (bool, int, float, str, tuple))
    }


def _as_text(options: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in options.items())

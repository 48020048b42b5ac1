"""Hostile models: each is given to ``onnx2snn convert``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.hostile_models import KINDS
from benchmarks.reliability_case import OUTPUT, command_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from benchmarks.hostile_models import Hostile
    from benchmarks.reliability_case import Case, Cases

__all__ = ["CLASSES"]


def _class_of(make: Callable[[], Iterable[Hostile]]) -> Cases:
    def cases() -> Iterator[Case]:
        for hostile in make():
            yield command_case(
                hostile.name,
                hostile.write,
                ("convert", hostile.file, "-o", OUTPUT, "--T", "2"),
            )

    return cases


CLASSES: dict[str, Cases] = {name: _class_of(make) for name, make in KINDS.items()}
"""Row of the page to its cases."""

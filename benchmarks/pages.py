"""Pieces of the pages that the benchmarks write."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["grouped", "machine", "table"]


def machine() -> str:
    """Return what ran a benchmark: processor, Python and packages."""
    packages = ("onnx2snn", "onnx", "onnx-ir", "onnxruntime", "numpy")
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in packages
    )
    return (
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"{versions}"
    )


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def grouped(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield one item of a list for each text, with the names that it is about."""
    names: dict[str, list[str]] = {}
    for text, name in facts:
        names.setdefault(text, []).append(name)
    for text, about in names.items():
        yield f"- {text}: {', '.join(about)}"

"""Pieces of the pages that the benchmarks write."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import onnx2snn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["code_digest", "grouped", "machine", "replace_part", "table"]


@functools.cache
def code_digest() -> str:
    """Return a digest of the code of the package: what one version of it measured has it."""
    folder = Path(onnx2snn.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


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


def replace_part(page: Path, start: str, end: str, text: str) -> None:
    """Write what stands on a page between two lines.

    Args:
        page: The page.
        start: The line in front of the part.
        end: The line behind it.
        text: The part.
    """
    before, _, rest = page.read_text().partition(start)
    _, _, behind = rest.partition(end)
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{behind}")


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

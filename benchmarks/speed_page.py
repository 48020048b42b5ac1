"""The page and the picture of the speed of networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.pages import machine, replace_part, table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PAGE", "ROWS", "write_page"]

ROWS = Path(__file__).with_name("speed.json")
PAGE = Path(__file__).parents[1] / "docs" / "results" / "performance.md"
START = "<!-- speed: written by benchmarks/speed.py -->"
END = "<!-- end of speed -->"

INTRODUCTION = """\
CPU time for T = 8, in passes of the float32 ANN in onnxruntime on the same samples, on one thread:
the median, and in brackets the range of half of all turns. Measured by

```console
$ python -m benchmarks.speed --data DIR --write
```

in turns within one process, seed 0 for weights and inputs of the networks that are a shape only.
"""


def write_page(rows: Sequence[dict[str, Any]]) -> None:
    """Write what was measured into its part of the page on performance."""
    introduction = f"{INTRODUCTION}Machine: {machine()}; it was shared.\n"
    replace_part(PAGE, START, END, f"{introduction}\n{_table_of(rows)}")


def _table_of(rows: Sequence[dict[str, Any]]) -> str:
    """Return one line a form, one column a network and batch."""
    columns = list(dict.fromkeys((row["network"], row["batch"]) for row in rows))
    forms = list(dict.fromkeys(row["form"] for row in rows))
    cells = {(row["form"], row["network"], row["batch"]): row for row in rows}
    head = ["form", *(f"{network}, batch {batch}" for network, batch in columns)]
    lines = [
        [form, *(_cell(cells.get((form, *column))) for column in columns)]
        for form in forms
    ]
    return table(head, lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['passes']:.2f} ({row['low']:.2f} to {row['high']:.2f})"

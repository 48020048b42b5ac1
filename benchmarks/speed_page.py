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
    usual = [row for row in rows if (row["T"], row["threads"]) == (8, 1)]
    introduction = f"{INTRODUCTION}Machine: {machine()}; it was shared.\n"
    replace_part(PAGE, START, END, f"{introduction}\n{_table_of(usual)}")
    by_settings = f"{BY_SETTINGS}\n{_table_of_settings(rows)}"
    replace_part(PAGE, SETTINGS_START, SETTINGS_END, by_settings)


SETTINGS_START = "<!-- speed by steps: written by benchmarks/speed.py -->"
SETTINGS_END = "<!-- end of speed by steps -->"

BY_SETTINGS = """\
CPU time of all threads in passes of the ANN on as many threads, as above; other T than 8 by

```console
$ python -m benchmarks.speed --data DIR --only ResNet-20 --T 1 2 4 --turns 3 --write
```
"""


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


FORMS = ("Loop", "compiled, int8 weights", "compiled, float weights")
"""The forms in which users run networks."""


def _table_of_settings(rows: Sequence[dict[str, Any]]) -> str:
    """Return one line for each network, batch, T and threads, of networks with several of them."""
    settings = {(row["network"], row["T"], row["threads"]) for row in rows}
    networks = [network for network, _, _ in settings]
    several = {network for network in networks if networks.count(network) > 1}
    cells = {(*_setting_of(row), row["form"]): row for row in rows}
    lines = sorted({_setting_of(row) for row in rows if row["network"] in several})
    body = [
        [*map(str, line), *(_cell(cells.get((*line, form))) for form in FORMS)]
        for line in lines
    ]
    return table(["network", "batch", "threads", "T", *FORMS], body)


def _setting_of(row: dict[str, Any]) -> tuple[str, int, int, int]:
    return row["network"], row["batch"], row["threads"], row["T"]


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['passes']:.2f} ({row['low']:.2f} to {row['high']:.2f})"

"""Measure the time and the memory of a conversion against the size of the network.

    python -m benchmarks.conversion

converts networks of the shape of ResNet-50 that are more or less wide, of 1 to 200 MB, with
seeded weights and 64 calibration images of 224 x 224, at T = 8. Each conversion is a process of
its own. ``--json`` prints what is measured as JSON, and ``--write`` writes it into
``docs/results/performance.md``. ``--widths`` names a part of the networks.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from benchmarks.pages import machine, replace_part, table
from benchmarks.process import printed_by
from benchmarks.speed_page import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WIDTHS", "write_part"]

WIDTHS = (4, 12, 32, 64, 90)
"""Channels of the first layer: networks of 0.9, 5, 28, 102 and 197 MB."""

START = "<!-- conversion: written by benchmarks/conversion.py -->"
END = "<!-- end of conversion -->"

HEAD = ("MB of weights", "CPU seconds", "seconds", "peak of memory, MB")

INTRODUCTION = """\
Conversions of networks of the shape of ResNet-50, more or less wide, with the default options,
{images} calibration images of 224 x 224 and T = {T}; weights and images are drawn with seed {seed}.
Measured by

```console
$ python -m benchmarks.conversion --write
```

Machine: {machine}; it was shared, so that the time on the clock is longer than it need be."""


def run(width: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what ``benchmarks/conversion_measure.py`` prints, or ``failed`` alone, and why."""
    arguments = (str(width), "--images", str(options.images), "--T", str(options.T))
    module = "benchmarks.conversion_measure"
    return printed_by(module, *arguments, limit=options.limit)


def write_part(rows: Sequence[dict[str, Any]]) -> None:
    """Write what was measured into its part of the page on performance."""
    facts = {name: rows[0][name] for name in ("images", "T", "seed")}
    introduction = INTRODUCTION.format(machine=machine(), **facts)
    replace_part(PAGE, START, END, f"{introduction}\n\n{table(HEAD, _lines(rows))}")


def _lines(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            f"{row['megabytes_of_weights']:g}",
            f"{row['cpu_seconds']:.0f}",
            f"{row['seconds']:.0f}",
            f"{row['peak_megabytes']:,}",
        ]
        for row in rows
    ]


def _show(rows: Sequence[dict[str, Any]]) -> None:
    listed = Table(*HEAD)
    for line in _lines(rows):
        listed.add_row(*line)
    Console().print(listed)


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--widths", type=int, nargs="+", default=WIDTHS, help="of the first layer"
    )
    parser.add_argument("--images", type=int, default=64, help="calibration images")
    parser.add_argument("--T", type=int, default=8, help="number of time steps")
    parser.add_argument(
        "--limit", type=float, default=3600, help="seconds a conversion may take"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    parser.add_argument("--write", action="store_true", help="write the page")
    options = parser.parse_args()
    found = [run(width, options) for width in options.widths]
    rows = [row for row in found if "failed" not in row]
    if options.json:
        print(json.dumps(found))
    else:
        _show(rows)
    if options.write and rows:
        write_part(rows)


if __name__ == "__main__":
    main()

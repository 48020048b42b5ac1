"""The rows that ``benchmarks/accuracy.py`` measured, and the page made of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import onnx2snn
from benchmarks.networks import NETWORKS
from benchmarks.pages import grouped, machine, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Row", "cells", "header", "keep", "steps_of"]

ROWS = Path(__file__).with_name("accuracy.json")
PAGE = Path(__file__).parents[1] / "docs" / "accuracy.md"


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one network.

    Attributes:
        network: Name of the network.
        calibration: Number of calibration images.
        test: Number of test images.
        origins: Where the thresholds come from.
        method: The method in words.
        ann: Top-1 accuracy of the ANN in percent.
        top1: T to the accuracy in percent of the network made for T, after T steps.
        seconds: T to the duration of the conversion, calibration included.
        machine: Machine and versions.
        seed: Seed of what is random when there is no calibration data.
    """

    network: str
    calibration: int
    test: int
    origins: tuple[str, ...]
    method: str
    ann: float
    top1: dict[int, float]
    seconds: dict[int, float]
    machine: str = dataclasses.field(default_factory=machine)
    seed: int = dataclasses.field(default_factory=lambda: onnx2snn.Options().seed)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Return the row that ``dataclasses.asdict`` and JSON made ``fields`` of."""
        typed = {
            "origins": tuple(fields["origins"]),
            "top1": {int(t): score for t, score in fields["top1"].items()},
            "seconds": {int(t): seconds for t, seconds in fields["seconds"].items()},
        }
        return cls(**fields | typed)


def keep(rows: Iterable[Row]) -> None:
    """Add ``rows`` to those in ``accuracy.json``, or put them in their place; write the page."""
    kept = {}
    if ROWS.exists():
        earlier = json.loads(ROWS.read_text(encoding="utf-8"))
        kept = {row.network: row for row in map(Row.from_json, earlier)}
    kept |= {row.network: row for row in rows}
    ordered = [kept[network.name] for network in NETWORKS if network.name in kept]
    text = json.dumps([dataclasses.asdict(row) for row in ordered], indent=1)
    ROWS.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    PAGE.write_text(_page(ordered), encoding="utf-8", newline="\n")


def steps_of(rows: Iterable[Row]) -> list[int]:
    """Return every T for which a row has a number."""
    return sorted({t for row in rows for t in row.top1})


def header(steps: Sequence[int]) -> list[str]:
    """Return the heads of the columns."""
    return ["network", "ANN", *(f"T={t}" for t in steps), "calibration", "test", "thresholds"]


def cells(row: Row, steps: Sequence[int]) -> list[str]:
    """Return one line of the table."""
    scores = [f"{row.top1[t]:.2f}" if t in row.top1 else "" for t in steps]
    counts = [str(row.calibration), str(row.test)]
    return [row.network, f"{row.ann:.2f}", *scores, *counts, ", ".join(row.origins)]


def _page(rows: Sequence[Row]) -> str:
    steps = steps_of(rows)
    return _PAGE.format(
        table=table(header(steps), (cells(row, steps) for row in rows)),
        durations=table(
            ["network", *(f"T={t}" for t in steps)], (_durations(row, steps) for row in rows)
        ),
        missing=", ".join(_missing(rows)) or "none",
        methods="\n".join(grouped((row.method, row.network) for row in rows)),
        machines="\n".join(
            grouped((f"{row.machine}, seed {row.seed}", row.network) for row in rows)
        ),
    )


_PAGE = """\
<!-- Written by benchmarks/accuracy.py from benchmarks/accuracy.json. -->

# Accuracy

Measured by

```console
$ python -m benchmarks.accuracy --data DIR --T 1,2,4,8,16,32 --write
```

where `--network NAME` measures one row alone. Top-1 accuracy in percent. Each number is of a
network converted for that T and run for that T, with the default options. `calibration` and `test`
count images; `thresholds` says where the thresholds come from. Nothing was trained.
`benchmarks/networks.py` names the files in `DIR`, the preprocessing and the images; an empty cell
was not measured.

{table}

Rows of `benchmarks/networks.py` that are not measured: {missing}.

The CIFAR-10 test images are the first 1,017 of the 10,000: one image is about 0.1 percent. The
ImageNet images (`mobilenet-v2`, `squeezenet1.1`) are probably training images: read these rows as
the distance from the ANN, not as validation accuracy.

## Duration of the conversion

Seconds for one conversion, calibration included. Other work ran on the machine at the same time:
read them as upper bounds.

{durations}

## Methods

{methods}

## Machine

{machines}
"""


def _durations(row: Row, steps: Sequence[int]) -> list[str]:
    return [row.network, *(f"{row.seconds[t]:.1f}" if t in row.seconds else "" for t in steps)]


def _missing(rows: Sequence[Row]) -> list[str]:
    measured = {row.network for row in rows}
    return [network.name for network in NETWORKS if network.name not in measured]

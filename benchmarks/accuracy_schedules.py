"""Accuracy beside T, latency, spikes and passes over the weights, for each schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.curves import Curve, Point
from benchmarks.pages import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.accuracy_store import Measurement

__all__ = ["COMPARED", "ONLY_THERE", "drawn_curves", "latency", "schedule_table"]

COMPARED = (
    "auto",
    "staggered",
    "staggered-joins",
    "spikeconverter",
    "spikeconverter-corrected",
)
"""Rows of the table of schedules, a line for each T."""

_DRAWN = (*COMPARED[:4], "augmapping", "snn-calibration-advanced")
"""The lines of a picture: so many can be told apart."""

ONLY_THERE = ("staggered", "staggered-joins")
"""Rows that stand in the table of schedules alone: their latency is no multiple of T."""

_HEAD = ("method", "T", "latency", "passes", "spikes a neuron", "accuracy")


def schedule_table(measured: Sequence[Measurement]) -> str:
    """Return a table of the schedules on one network; empty if less than two were measured."""
    done = [m for m in measured if m.failed is None]
    rows = [m for name in COMPARED for m in done if m.method == name]
    if len({m.method for m in rows}) < 2:
        return ""
    return table(_HEAD, map(_line, rows))


def _line(m: Measurement) -> list[str]:
    spikes = "" if m.spikes is None else f"{m.spikes:.2f}"
    mark = " †" if m.outdated else ""
    return [
        f"`{m.method}`",
        str(m.time_steps),
        str(m.latency_steps),
        str(m.weight_passes),
        spikes,
        f"{m.top1:.2f}{mark}",
    ]


def latency(row: Iterable[Measurement]) -> str:
    """Return the steps until the answer is there, as a multiple of T."""
    factors = [m.latency_steps // m.time_steps for m in row if m.failed is None]
    most = max(factors, default=0)
    if most == 0:
        return ""
    return "T" if most == 1 else f"{most} T"


def drawn_curves(measured: Iterable[Measurement], default: str) -> list[Curve]:
    """Return the curves of a picture, those with two points or more.

    Args:
        measured: What was measured on one network.
        default: The method whose curve is to stand out.
    """
    done = [m for m in measured if m.failed is None]
    curves = (
        Curve(name, [*_points(done, name)], bold=name == default) for name in _DRAWN
    )
    return [curve for curve in curves if len(curve.points) > 1]


def _points(measured: Iterable[Measurement], method: str) -> Iterator[Point]:
    for m in measured:
        if m.method == method:
            yield Point(m.latency_steps, m.weight_passes, m.top1)

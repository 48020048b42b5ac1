"""The analysis of a network in sentences: the same in every command and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.drivers import DRIVERS, NOT_SPIKES, Driver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx2snn.reporting.analysis import Analysis, NodeAnalysis
    from onnx2snn.reporting.operations import Obstacle
    from onnx2snn.reporting.report import RoundedNode

__all__ = [
    "describe_drivers",
    "describe_rounding",
    "describe_shortfall",
    "find_not_spiking",
    "write_macs",
    "write_spike_share",
]

_LITTLE = 10.0
"""Percent of the work that spikes do not drive in every step, from which a sentence says so."""

_LEAST_SHOWN = 0.05
"""Percent that are 0.0 when written, below which a driver is not named."""

_MOST_OBSTACLES = 3
_UNKNOWN = "not all sizes are known: --input-shape or data may tell them"


def write_macs(macs: int | None) -> str:
    """Return a number of multiply-accumulates: ``?`` if unknown, nothing if there are none."""
    if macs is None:
        return "?"
    if macs:
        return f"{macs:,}"
    return ""


def write_spike_share(analysis: Analysis) -> str:
    """Return the part that spikes drive, in a phrase: of the work, or of the operations."""
    percent = analysis["spike_driven_percent"]
    if percent is not None:
        return f"{percent:.1f} % of the multiply-accumulates driven by spikes"
    operations = analysis["operations"]
    driven = operations[Driver.SPIKES]
    return (
        f"{driven} of {sum(operations.values())} operations with weights driven by spikes "
        f"(multiply-accumulates unknown: {_UNKNOWN})"
    )


def describe_drivers(analysis: Analysis) -> str:
    """Return in a sentence what drives how much."""
    macs = analysis["macs"]
    operations = analysis["operations"]
    if macs["total"] is None:
        shares = [f"{count} {DRIVERS[driver]}" for driver, count in _shown(operations)]
        return (
            f"{sum(operations.values())} operations with weights: {', '.join(shares)}; "
            f"multiply-accumulates unknown ({_UNKNOWN})"
        )
    percents = _percent_by_driver(macs)
    shares = [f"{share:.1f} % {DRIVERS[driver]}" for driver, share in _shown(percents)]
    return f"{macs['total']:,} multiply-accumulates a sample: {', '.join(shares)}"


def describe_rounding(rounded: Sequence[RoundedNode]) -> str:
    """Return in a sentence what weights of int8 cost; nothing if there are none."""
    if not rounded:
        return ""
    worst = max(rounded, key=lambda node: node["error"])
    return (
        f"weights of {len(rounded)} operators in int8: rounding moved them by "
        f"{100 * _mean_error(rounded):.2f} % on average, by {100 * worst['error']:.2f} % at most "
        f"({worst['op']} {worst['name']!r})"
    )


def _mean_error(rounded: Sequence[RoundedNode]) -> float:
    return sum(node["error"] for node in rounded) / len(rounded)


def _shown(amounts: Mapping[str, float]) -> list[tuple[Driver, float]]:
    """Return the drivers to name, with their amounts: spikes always, others if they count."""
    return [
        (driver, amounts[driver])
        for driver in Driver
        if driver is Driver.SPIKES or amounts[driver] >= _LEAST_SHOWN
    ]


def describe_shortfall(analysis: Analysis) -> str:
    """Return why spikes drive little, and what would change that; nothing if they drive much.

    Work that is done once, before the first step or after the last, is named only where it is
    nearly all, and no option would let spikes drive more.
    """
    amounts = analysis["macs"]
    if amounts["total"] is None:
        amounts = dict(analysis["operations"])
    percents = _percent_by_driver(amounts)
    if sum(percents[driver] for driver in NOT_SPIKES) < _LITTLE:
        least = _least_gain_to_name(percents[Driver.SPIKES])
        return _suggest_all(analysis, least) or _describe_once(percents)
    parts = []
    for driver, share in _shown(percents):
        if driver in NOT_SPIKES:
            causes = _name_obstacles(analysis["not_by_spikes"], driver)
            parts.append(f"{share:.1f} % {DRIVERS[driver]}{_JOINTS[driver]}{causes}")
    sentences = ["not driven by spikes: " + "; ".join(parts)]
    suggestion = _suggest_all(analysis, least_gain=0)
    if suggestion or analysis["spike_driven_percent"] is not None:
        sentences.append(suggestion or _NOTHING_HELPS)
    return "; ".join(sentences)


_NOTHING_HELPS = "no option would change that"


def _least_gain_to_name(share: float) -> float:
    """Return the percent to gain that are worth a sentence: any, if spikes drive little."""
    return 0 if share < _LITTLE else _LITTLE


def _describe_once(percents: Mapping[str, float]) -> str:
    """Return where the work is if spikes drive nearly none; nothing if they drive some."""
    if percents[Driver.SPIKES] >= _LITTLE or not any(percents.values()):
        return ""
    shares = [
        f"{percents[driver]:.1f} % {DRIVERS[driver]}"
        for driver in (Driver.STATIC, Driver.READOUT)
    ]
    return (
        f"computed once: {' and '.join(shares)}; spikes drive weights between neurons, "
        "and with --input-coding rate the first ones"
    )


_JOINTS = {Driver.REAL: ", behind ", Driver.ANALOG: ": "}
"""The words between a driver and the operators on account of which it is no spikes."""


def _percent_by_driver(amounts: Mapping[str, int | None]) -> dict[str, float]:
    """Return the part of each driver in percent; 0 for all if there is nothing to drive."""
    total = sum(amounts[driver] or 0 for driver in Driver)
    return {driver: 100 * (amounts[driver] or 0) / (total or 1) for driver in Driver}


def _name_obstacles(obstacles: Sequence[Obstacle], driver: Driver) -> str:
    """Return the operators that keep spikes away, with the number of operations, most first."""
    texts = [
        f"{obstacle['op']} ({obstacle['operations']})"
        for obstacle in obstacles
        if obstacle["driver"] == driver
    ]
    shown = texts[:_MOST_OBSTACLES]
    if len(texts) > len(shown):
        shown.append("others")
    return ", ".join(shown)


def _suggest_all(analysis: Analysis, least_gain: float) -> str:
    """Return what ``--spike all`` would change; nothing if no more than ``least_gain`` percent."""
    now = analysis["spike_driven_percent"]
    then = analysis["spike_driven_percent_with_all"]
    if now is None or then is None or then - now <= least_gain:
        return ""
    return f"--spike all would drive {then:.1f} % by spikes, not {now:.1f} %"


def find_not_spiking(analysis: Analysis) -> list[tuple[NodeAnalysis, str]]:
    """Return the nodes that keep a network from being all spikes, each with what it is.

    Between the first neurons and the readout, these are operations with weights that spikes do
    not drive, and nodes that stay analog.
    """
    found = []
    for node in analysis["nodes"]:
        if node["driver"] in NOT_SPIKES:
            found.append((node, _NOT_DRIVEN))
        elif node["kind"] == "analog":
            found.append((node, "stays analog"))
    return found


_NOT_DRIVEN = "is not driven by spikes"

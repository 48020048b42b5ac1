"""The schedules, a row each: how the layers share out time."""

from __future__ import annotations

import dataclasses

__all__ = ["SCHEDULES", "Schedule"]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A schedule; the passes ``emit-time-loop`` and ``emit-layerwise`` write it.

    Attributes:
        meaning: How the layers share out time, in a phrase.
        latency: Steps until the answer is there.
    """

    meaning: str
    latency: str


SCHEDULES: dict[str, Schedule] = {
    "lockstep": Schedule(
        "in each step all layers advance by one step",
        latency="T",
    ),
    "layerwise": Schedule(
        "a layer fires for T steps once those before it have",
        latency="T for each layer on the longest path",
    ),
}
"""Name to schedule."""

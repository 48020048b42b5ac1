"""The schedules, a row each: how the layers share out time."""

from __future__ import annotations

import dataclasses

__all__ = ["LAYERWISE", "LOCKSTEP", "SCHEDULES", "STAGGERED", "Schedule"]

LOCKSTEP = "lockstep"
"""Name of the default schedule."""

LAYERWISE = "layerwise"
"""Name of the schedule whose layers fire one after another."""

STAGGERED = "staggered"
"""Name of the schedule with a delay for each layer."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A schedule; one of the passes ``emit-...`` writes it.

    Attributes:
        meaning: How the layers share out time, in a phrase.
        latency: Steps until the answer is there.
        neuron: The neuron that it is made for, and needs; None where several do.
        may_be_batched: Whether its steps may be in the batch, and not in the iterations of a Loop.
        takes_streams: Whether an input may be another one in each step.
        rounds_weights: Whether weights may have 8 bits.
        folds_thresholds: Whether thresholds may go into weights.
        exits_early: Whether its outputs may be taken before the last step.
        steps_alone: Whether a file may hold one step, with the states in and out.
    """

    meaning: str
    latency: str
    neuron: str | None = None
    may_be_batched: bool = False
    takes_streams: bool = False
    rounds_weights: bool = False
    folds_thresholds: bool = False
    exits_early: bool = False
    steps_alone: bool = False


SCHEDULES: dict[str, Schedule] = {
    LOCKSTEP: Schedule(
        "in each step all layers advance by one step",
        latency="T",
        may_be_batched=True,
        takes_streams=True,
        rounds_weights=True,
        folds_thresholds=True,
        exits_early=True,
        steps_alone=True,
    ),
    STAGGERED: Schedule(
        "a layer fires its weighted spikes some steps, or none, behind those before it",
        latency="T and the delays on the longest path",
        neuron="weighted",
        may_be_batched=True,
        rounds_weights=True,
        folds_thresholds=True,
    ),
    LAYERWISE: Schedule(
        "a layer fires for T steps once those before it have",
        latency="T for each layer on the longest path",
    ),
}
"""Name to schedule."""

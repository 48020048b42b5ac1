"""The choices of layers that wait for a step, a row each, in the schedule staggered."""

from __future__ import annotations

import dataclasses

__all__ = ["ALL", "DELAYS", "FEW_STEPS", "JOINS", "NONE", "Delays"]

ALL = "all"
JOINS = "joins"
NONE = "none"

FEW_STEPS = 4
"""Most steps of which the digits are so few that more values are worth an error here and there."""


@dataclasses.dataclass(frozen=True)
class Delays:
    """A choice of layers; the pass ``place-delays`` makes it.

    Attributes:
        meaning: The layers that wait, in a phrase.
        leak: What a spike is worth, in spikes a step later, where nothing else is asked for. The
            more it is worth, the more values T spikes tell, and the less can later ones take
            back of it: that is needed where not all wait.
        leak_of_many: The same, of more than ``FEW_STEPS``.
    """

    meaning: str
    leak: float = 2.0
    leak_of_many: float = 2.0


DELAYS: dict[str, Delays] = {
    ALL: Delays(
        "each layer of neurons waits for a step, the most accurate",
        leak=2.5,
        leak_of_many=2.25,
    ),
    JOINS: Delays("only those wait whose input is a sum or product of several layers"),
    NONE: Delays("none waits"),
}
"""Name to choice."""

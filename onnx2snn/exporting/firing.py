"""When a reader's neuron fires, and what is left of its potential."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = [
    "OWN",
    "OWN_HARD",
    "Firing",
]


@dataclasses.dataclass(frozen=True)
class Firing:
    """An integrate-and-fire neuron in one of the ways in which simulators have it.

    Attributes:
        is_hard: Whether a spike sets the potential to 0, and does not subtract the threshold.
        is_strict: Whether it fires above the threshold only, and not at it.
        sends_several: Whether it sends in a step as many spikes as its potential has thresholds.
        has_floor: Whether its potential never falls below minus the threshold.
    """

    is_hard: bool = False
    is_strict: bool = False
    sends_several: bool = False
    has_floor: bool = False

    def step(
        self, potential: np.ndarray, threshold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of a step, and the potential after it.

        Args:
            potential: The potential with the current of the step.
            threshold: The threshold, > 0, which broadcasts to it.
        """
        spikes = self._spikes(potential, threshold).astype(potential.dtype)
        if self.is_hard:
            after = np.where(spikes > 0, potential.dtype.type(0), potential)
        else:
            after = potential - spikes * threshold
        if self.has_floor:
            after = np.maximum(after, -threshold)
        return spikes, after

    def _spikes(self, potential: np.ndarray, threshold: np.ndarray) -> np.ndarray:
        if self.sends_several:
            whole = np.floor(potential / threshold)
            return np.asarray(np.maximum(whole, 0))
        if self.is_strict:
            return np.asarray(potential > threshold)
        return np.asarray(potential >= threshold)

    def describe(self) -> str:
        """Return it in words."""
        reset = "reset to 0" if self.is_hard else "reset by subtraction"
        edge = "above the threshold" if self.is_strict else "at the threshold"
        facts = [f"fires {edge}", reset]
        if self.sends_several:
            facts.append("several spikes a step")
        if self.has_floor:
            facts.append("a potential of at least minus the threshold")
        return ", ".join(facts)


OWN = Firing()
"""The neuron ``IntegrateAndFire``."""

OWN_HARD = Firing(is_hard=True)
"""The neuron ``HardResetIF``."""

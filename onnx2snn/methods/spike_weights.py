"""The numbers that weighted spikes of one neuron write.

``schedules.spike_weights`` gives the weight of each spike in the graph.
"""

from __future__ import annotations

import dataclasses
import math

__all__ = ["SpikeWeights"]

_MANY = 2**16
"""Most levels that are told apart: beyond, nobody asks."""


@dataclasses.dataclass(frozen=True)
class SpikeWeights:
    """Weights by which T spikes of one neuron write a number.

    The spike at step t = 1..T weighs k^(1-t). The first weighs 1, so that no weight grows with
    T. With ``total`` the sum of the weights, a first spike stands for ``theta / total``, theta
    being the largest value, and the last, the smallest digit, for ``last`` times as much.

    Attributes:
        leak: k, by which the potential of the neuron grows in a step; 1 if it does not.
    """

    leak: float = 1.0

    def total(self, time_steps: int) -> float:
        """Return the sum of the weights over T steps, ``1 + 1/k + ... + k^(1-T)``."""
        if self.leak == 1.0:
            return float(time_steps)
        return (1 - self.leak**-time_steps) / (1 - 1 / self.leak)

    def last(self, time_steps: int) -> float:
        """Return the weight of the last spike, ``k^(1-T)``."""
        return self.leak ** (1 - time_steps)

    def shares(self, time_steps: int) -> list[float]:
        """Return the part of each of T spikes in what all of them write."""
        total = self.total(time_steps)
        return [self.leak**-step / total for step in range(time_steps)]

    def levels(self, time_steps: int) -> int:
        """Return into how many steps of the smallest digit the values from 0 to theta fall.

        ``T`` without a leak, ``2^T - 1`` with k = 2; no more than 2^16.
        """
        doublings = time_steps * math.log2(self.leak)
        if doublings >= _MANY.bit_length():
            return _MANY
        digits = round(self.total(time_steps) / self.last(time_steps))
        return min(_MANY, digits)

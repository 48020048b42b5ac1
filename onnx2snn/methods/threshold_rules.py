"""The rules by which thresholds are chosen, a row each.

``calibration.threshold_rules`` has the function of each, by the same name.
"""

from __future__ import annotations

import dataclasses

__all__ = ["THRESHOLD_RULES", "ThresholdRule"]


@dataclasses.dataclass(frozen=True)
class ThresholdRule:
    """A rule for thresholds; ``calibration.threshold_rules`` computes it.

    Attributes:
        meaning: Which threshold it chooses, in a phrase.
    """

    meaning: str


THRESHOLD_RULES: dict[str, ThresholdRule] = {
    "max": ThresholdRule("the largest activation"),
    "percentile": ThresholdRule("the 99.9 percentile of the activations above zero"),
    "mse": ThresholdRule("the one of least squared error of the T-level quantizer"),
    "balanced": ThresholdRule("one that grew by what lies above it"),
}
"""Name to rule."""

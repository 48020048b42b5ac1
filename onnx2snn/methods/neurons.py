"""The neurons of a method, and what T steps of one can say."""

from __future__ import annotations

from onnx2snn.errors import OptionError
from onnx2snn.schedules import SpikeWeights

__all__ = ["MOST_SPIKES", "NEURONS", "check_neuron", "levels"]

NEURONS = {
    "gated": ("GatedDoubleThresholdIF", "GatedDoubleThresholdIF"),
    "if": ("IntegrateAndFire", "DoubleThresholdIF"),
    "hard-reset": ("HardResetIF", "DoubleThresholdIF"),
    "augmented": ("AugmentedIF", "AugmentedIF"),
    "inverse-leaky": ("InverseLeakyIF", "SignedInverseLeakyIF"),
}
"""Option value to the operators for activations that are never negative, and for others."""

MOST_SPIKES = 127
"""Largest number of spikes in a step: while layers are corrected, spikes are kept as int8."""


def check_neuron(neuron: str, v_init: float, max_spikes: int, leak: float) -> None:
    """Check that there is a neuron of these parameters.

    Args:
        neuron: Key of ``NEURONS``.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        max_spikes: Most spikes in a step, 1 to ``MOST_SPIKES``.
        leak: Growth of the potential in a step, above 1, at most 2.

    Raises:
        OptionError: There is none.
    """
    if neuron not in NEURONS:
        message = f"neuron must be one of {', '.join(NEURONS)}, not {neuron!r}"
        raise OptionError(message)
    if not 0.0 <= v_init <= 1.0:
        message = f"v_init must lie in 0 to 1 (of the threshold), not {v_init}"
        raise OptionError(message)
    if max_spikes not in range(1, MOST_SPIKES + 1):
        message = f"max_spikes must be 1 to {MOST_SPIKES} a step, not {max_spikes}"
        raise OptionError(message)
    if not 1.0 < leak <= 2.0:
        message = f"leak must be above 1 and at most 2, not {leak}"
        raise OptionError(message)


def levels(neuron: str, time_steps: int, max_spikes: int, leak: float) -> int:
    """Return into how many equal steps T steps of a neuron divide the values up to theta."""
    if neuron == "inverse-leaky":
        return SpikeWeights(leak).levels(time_steps)
    return time_steps * (max_spikes if neuron == "augmented" else 1)

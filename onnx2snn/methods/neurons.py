"""The neurons of a method, a row each, and what one spike of each carries."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.methods.misfits import Misfit
from onnx2snn.methods.number_range import Range

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NEURONS", "Neuron"]


@dataclasses.dataclass(frozen=True)
class Neuron:
    """A neuron of a method.

    Attributes:
        meaning: What sets it apart, in a phrase.
        operator: Operator of the domain ``ai.onnx2snn`` for activations that are never
            negative.
        signed_operator: Operator for all others.
        carries: What one spike of a ReLU may carry; parts in braces.
        parameters: Parts of the method that its operators take as inputs.
        limits: Values of these, by name, where not all that there are make sense for it.
        misfits: What it cannot stand beside.
    """

    meaning: str
    operator: str
    signed_operator: str
    carries: str = "one a step"
    parameters: tuple[str, ...] = ()
    limits: Mapping[str, Range] = dataclasses.field(default_factory=dict)
    misfits: tuple[Misfit, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators, each once."""
        return tuple(dict.fromkeys((self.operator, self.signed_operator)))

    def check_limits(self, part: str, value: float) -> None:
        """Check a value of one of its parameters.

        Raises:
            OptionError: The neuron cannot take it.
        """
        limits = self.limits.get(part)
        if limits is not None and value not in limits:
            message = f"{part} must be {limits}, not {value}"
            raise OptionError(message)


def _needs_staggered(schedule: str) -> Misfit:
    return Misfit(
        part="schedule",
        value=schedule,
        reason="needs the schedule staggered: what it sends in a step is worth more than what it "
        "sends later; add --schedule staggered",
    )


NEURONS: dict[str, Neuron] = {
    "gated": Neuron(
        "a negative spike takes back an early one",
        operator="GatedDoubleThresholdIF",
        signed_operator="GatedDoubleThresholdIF",
        carries="one a step, signed: it may take one back",
    ),
    "if": Neuron(
        "plain spikes",
        operator="IntegrateAndFire",
        signed_operator="DoubleThresholdIF",
    ),
    "hard-reset": Neuron(
        "a spike resets the potential to 0",
        operator="HardResetIF",
        signed_operator="DoubleThresholdIF",
        misfits=(
            Misfit(
                part="schedule",
                value="layerwise",
                reason="needs the schedule lockstep: with layerwise its whole input is there "
                "before the first spike, which would forget it; choose the neuron 'if'",
            ),
        ),
    ),
    "augmented": Neuron(
        "up to max_spikes spikes at once, which can be taken back",
        operator="AugmentedIF",
        signed_operator="AugmentedIF",
        carries="up to {max_spikes} a step, which may be taken back",
        parameters=("max_spikes",),
    ),
    "inverse-leaky": Neuron(
        "weighted spikes (phase coding), for the schedule layerwise",
        operator="InverseLeakyIF",
        signed_operator="SignedInverseLeakyIF",
        carries="one a step, that at step t worth {leak:g}^(T-t)",
        parameters=("leak",),
        limits={
            "leak": Range(1, 2, "where spikes are the digits 0 and 1", is_open=True)
        },
        misfits=(
            Misfit(
                part="schedule",
                value="lockstep",
                reason="needs the schedule layerwise: its first spike weighs most, so all of "
                "its input must be there before; add --schedule layerwise",
            ),
        ),
    ),
    "weighted": Neuron(
        "weighted spikes, which can be taken back, for the schedule staggered",
        operator="GatedInverseLeakyIF",
        signed_operator="GatedInverseLeakyIF",
        carries="one a step, signed, that at step t worth {leak:g}^(T-t)",
        parameters=("leak",),
        misfits=(
            _needs_staggered("lockstep"),
            _needs_staggered("layerwise"),
        ),
    ),
}
"""Name to neuron."""

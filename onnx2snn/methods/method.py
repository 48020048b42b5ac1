"""The parts from which a method of conversion is put together."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_fields, checked_names
from onnx2snn.errors import OptionError
from onnx2snn.methods import parts
from onnx2snn.methods.corrections import CORRECTIONS, MEANS, WEIGHTS
from onnx2snn.methods.names import CORRECTION, current_names, split_names
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.methods.parts import PARTS, document_parts
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.spike_weights import SpikeWeights

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from onnx2snn.methods.misfits import Misfit

__all__ = ["Method"]


@checked_fields
@document_parts
@dataclasses.dataclass(frozen=True)
class Method:
    """A way to turn activations into spikes: neuron, thresholds, corrections and schedule.

    Attributes:
        name: By which it is chosen; free for a combination of one's own.
        summary: What is special about it, in a phrase.
        source: Where it was published.
        {parts}
        reconstructed: Which equations had to be reconstructed, as their text could not be had;
            empty if none.
        left_out: What of the publication is not part of it.

    Raises:
        OptionError: A part does not exist, or does not fit the others.
    """

    name: str = "custom"
    summary: str = ""
    source: str = ""
    neuron: str = parts.NEURON.default
    threshold: str = parts.THRESHOLD.default
    per_channel: bool = parts.PER_CHANNEL.default
    v_init: float = parts.V_INIT.default
    corrections: tuple[str, ...] = parts.CORRECTIONS.default
    schedule: str = parts.SCHEDULE.default
    max_spikes: int = parts.MAX_SPIKES.default
    leak: float = parts.LEAK.default
    delays: str = parts.DELAY.default
    reconstructed: str = ""
    left_out: str = ""

    def __post_init__(self) -> None:
        """Check the parts; several corrections may come in one text, or as a list."""
        given = checked_names("corrections", self.corrections)
        names = current_names(CORRECTION, split_names(given))
        object.__setattr__(self, "corrections", names)
        for name, part in PARTS.items():
            object.__setattr__(self, name, part.checked(getattr(self, name)))
        self._check_fit(f"neuron {self.neuron!r}", NEURONS[self.neuron].misfits)
        for name in NEURONS[self.neuron].parameters:
            NEURONS[self.neuron].check_limits(name, getattr(self, name))
        self._check_schedule()
        for name in self.corrections:
            self._check_fit(f"the correction {name!r}", CORRECTIONS[name].misfits)

    def _check_fit(self, subject: str, misfits: Iterable[Misfit]) -> None:
        """Check that the method has nothing that ``subject`` cannot stand beside."""
        for misfit in misfits:
            if getattr(self, misfit.part) == misfit.value:
                message = f"{subject} {misfit.reason}"
                raise OptionError(message)

    def _check_schedule(self) -> None:
        """Check that the neuron is the one that the schedule needs, if it needs one."""
        needed = SCHEDULES[self.schedule].neuron
        if needed is not None and self.neuron != needed:
            message = (
                f"the schedule {self.schedule} needs the neuron {needed!r}, not {self.neuron!r}; "
                "leave the neuron out"
            )
            raise OptionError(message)

    @property
    def needs(self) -> str:
        """Data that it is to be given beside the network."""
        if self.corrections:
            return "calibration data"
        return "calibration data, or BatchNormalization"

    @property
    def spikes(self) -> str:
        """The class of its count of T: what one spike of a ReLU may carry."""
        return NEURONS[self.neuron].carries.format(**vars(self))

    def keeping_weights(self) -> Method:
        """Return the method without what changes weights.

        Where weights were fitted, another correction of means stands in.
        """
        kept = [name for name in self.corrections if _corrects(name) != WEIGHTS]
        if len(kept) == len(self.corrections):
            return self
        if MEANS not in map(_corrects, kept):
            kept.append("bias")
        return dataclasses.replace(self, corrections=tuple(kept))

    def levels(self, time_steps: int) -> int:
        """Return into how many equal steps T steps of a neuron divide the values up to theta."""
        parameters = NEURONS[self.neuron].parameters
        if parts.LEAK.name in parameters:
            return SpikeWeights(self.leak).levels(time_steps)
        if parts.MAX_SPIKES.name in parameters:
            return time_steps * self.max_spikes
        return time_steps

    def describe(self, corrections: Collection[str]) -> str:
        """Return it in words, for the metadata of a file, with the corrections that were done."""
        scope = "per channel" if self.per_channel else "per tensor"
        thresholds = f"{self.threshold} {scope}"
        done = [f"{name} correction" for name in corrections]
        facts = [self._described_neuron(), thresholds, f"v_init {self.v_init}", *done]
        return f"{self.name}: {', '.join(facts)}"

    def _described_neuron(self) -> str:
        neuron = NEURONS[self.neuron]
        words = " or ".join(neuron.operators)
        for name in neuron.parameters:
            words += f" {PARTS[name].described.format(getattr(self, name))}"
        return words


def _corrects(correction: str) -> str:
    return CORRECTIONS[correction].corrects

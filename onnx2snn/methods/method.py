"""What a method of conversion is put together from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.correction.corrections import CORRECTIONS, OF_MEANS
from onnx2snn.errors import OptionError
from onnx2snn.methods.neurons import NEURONS, check_neuron, levels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["SCHEDULES", "Method", "split_names"]

SCHEDULES = ("lockstep", "layerwise")
"""How the layers share out time: all advance together, or one fires after the other."""


@dataclasses.dataclass(frozen=True)
class Method:
    """How activations become spikes: a neuron, its thresholds, corrections, and a schedule.

    Attributes:
        name: By which it is chosen; free for a combination of one's own.
        summary: What is special about it, in a phrase.
        source: Where it was published.
        neuron: Key of ``NEURONS``: ``gated``, ``if``, ``hard-reset``, ``augmented`` or
            ``inverse-leaky``.
        threshold: Rule for the thresholds, a key of ``RULES``.
        per_channel: Whether each channel has a threshold of its own.
        v_init: Initial potential as a fraction of the threshold, 0 to 1.
        corrections: What is corrected on calibration data, of ``CORRECTIONS``.
        schedule: ``lockstep`` or ``layerwise``.
        max_spikes: Most spikes that an ``augmented`` neuron sends in a step.
        leak: Growth of an ``inverse-leaky`` potential in a step.
        reconstructed: Which equations had to be reconstructed, as their text could not be had;
            empty if none.
        left_out: What of the publication is not part of it.

    Raises:
        OptionError: A part does not exist, or does not fit the others.
    """

    name: str = "custom"
    summary: str = ""
    source: str = ""
    neuron: str = "gated"
    threshold: str = "mse"
    per_channel: bool = True
    v_init: float = 0.5
    corrections: tuple[str, ...] = ()
    schedule: str = "lockstep"
    max_spikes: int = 4
    leak: float = 2.0
    reconstructed: str = ""
    left_out: str = ""

    def __post_init__(self) -> None:
        """Check the parts."""
        given = vars(self)[
            "corrections"
        ]  # names in one text, or a list, are taken as well
        object.__setattr__(self, "corrections", split_names(given))
        _check("threshold", self.threshold, RULES)
        _check("schedule", self.schedule, SCHEDULES)
        for name in self.corrections:
            _check("corrections", name, CORRECTIONS)
        check_neuron(self.neuron, self.v_init, self.max_spikes, self.leak)
        self._check_schedule()

    def _check_schedule(self) -> None:
        if self.schedule == "lockstep":
            refused = _NEEDS_LAYERWISE if self.neuron == "inverse-leaky" else ""
        elif self.neuron == "hard-reset":
            refused = _NEEDS_LOCKSTEP
        elif "step-bias" in self.corrections:
            refused = _NO_STEPS
        else:
            binary = self.neuron == "inverse-leaky" and "potential" in self.corrections
            refused = _NO_POTENTIAL if binary else ""
        if refused:
            raise OptionError(refused)

    @property
    def needs(self) -> str:
        """What it is to be given beside the network."""
        return (
            "calibration data"
            if self.corrections
            else "calibration data, or BatchNormalization"
        )

    @property
    def spikes(self) -> str:
        """The class of its count of T: what one spike of a ReLU may carry."""
        return {
            "gated": "one a step, signed: it may take one back",
            "if": "one a step",
            "hard-reset": "one a step",
            "augmented": f"up to {self.max_spikes} a step, which may be taken back",
            "inverse-leaky": f"one a step, that at step t worth {self.leak:g}^(T-t)",
        }[self.neuron]

    def keeping_weights(self) -> Method:
        """Return the method without what changes weights: what else corrects means stands in."""
        left = tuple(name for name in self.corrections if name != "weights")
        if left == self.corrections:
            return self
        if OF_MEANS.isdisjoint(left):
            left = (*left, "bias")
        return dataclasses.replace(self, corrections=left)

    def levels(self, time_steps: int) -> int:
        """Return how many values above 0 T steps of a neuron tell apart."""
        return levels(self.neuron, time_steps, self.max_spikes, self.leak)

    def describe(self, corrections: Collection[str]) -> str:
        """Return it in words, for the metadata of a file, with the corrections that were done."""
        neurons = " or ".join(dict.fromkeys(NEURONS[self.neuron]))
        if self.neuron == "augmented":
            neurons += f" of at most {self.max_spikes} spikes"
        if self.neuron == "inverse-leaky":
            neurons += f" of leak {self.leak:g}"
        scope = "per channel" if self.per_channel else "per tensor"
        done = "".join(f", {name} correction" for name in corrections)
        return f"{self.name}: {neurons}, {self.threshold} {scope}, v_init {self.v_init}{done}"


def split_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return names that may come together in one text, with commas between them."""
    texts = (given,) if isinstance(given, str) else given
    return tuple(name.strip() for text in texts for name in text.split(","))


def _check(part: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        message = f"{part} must be one of {', '.join(choices)}, not {value!r}"
        raise OptionError(message)


_NEEDS_LAYERWISE = (
    "neuron 'inverse-leaky' needs the schedule layerwise: its first spike weighs most, so all of "
    "its input must be there before; add --schedule layerwise"
)
_NEEDS_LOCKSTEP = (
    "neuron 'hard-reset' needs the schedule lockstep: with layerwise all charge is there before "
    "the first spike, which would forget it; choose the neuron 'if'"
)
_NO_STEPS = (
    "the correction 'step-bias' needs the schedule lockstep: with layerwise a layer takes its "
    "input in before its first step; correct the 'bias' instead"
)
_NO_POTENTIAL = (
    "the correction 'potential' does not fit the neuron 'inverse-leaky': its potential starts "
    "with the binary digits of its input; correct the 'bias' instead"
)

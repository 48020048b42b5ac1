"""The parts of a method, a row each: all that holds for a part is said here.

The fields of ``Method`` and ``Options``, their checks, the options of the command line with
their help, and docs/reference/methods.md follow from it.
"""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

from onnx2snn.arguments import checked_choice, checked_names, checked_value
from onnx2snn.errors import OptionError
from onnx2snn.methods import (
    corrections,
    delays,
    neurons,
    schedules,
    threshold_rules,
)
from onnx2snn.methods.number_range import Range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from onnx2snn.methods.corrections import Correction
    from onnx2snn.methods.delays import Delays
    from onnx2snn.methods.neurons import Neuron
    from onnx2snn.methods.schedules import Schedule
    from onnx2snn.methods.threshold_rules import ThresholdRule

    Choice = Neuron | ThresholdRule | Correction | Schedule | Delays

__all__ = [
    "CORRECTIONS",
    "DELAY",
    "LEAK",
    "MAX_SPIKES",
    "NEURON",
    "PARTS",
    "PER_CHANNEL",
    "SCHEDULE",
    "THRESHOLD",
    "V_INIT",
    "Part",
    "document_parts",
]


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a method.

    Attributes:
        name: Its field of ``Method`` and of ``Options``.
        kind: Type of its values.
        default: Value in a method that does not say another.
        help: What it is, in a phrase.
        choices: Its values, or those that one may hold, if they have names.
        limits: Its values, if they are numbers.
        described: How a method that has it is described, the value in braces; only where its
            neuron takes it as an input.
    """

    name: str
    kind: type
    default: Any
    help: str
    choices: Mapping[str, Choice] = dataclasses.field(default_factory=dict)
    limits: Range | None = None
    described: str = ""

    def checked(self, value: object) -> Any:  # noqa: ANN401 (of the type of the part)
        """Return a value, NumPy's scalars as Python's.

        Raises:
            OptionError: There is no such value.
        """
        if self.kind is tuple:
            names = checked_names(self.name, value)
            return tuple(checked_choice(self.name, n, self.choices) for n in names)
        if self.choices:
            return checked_choice(self.name, value, self.choices)
        number = checked_value(self.name, value, self.kind)
        if self.limits is not None and number not in self.limits:
            message = f"{self.name} must be {self.limits}, not {number}"
            raise OptionError(message)
        return number

    def facts(self) -> str:
        """Return what it is, and what each of its values means, in words."""
        facts = self.help
        if self.limits is not None:
            facts += f", {self.limits.numbers()}"
        if self.choices:
            rows = self.choices.items()
            facts += ": " + ", ".join(
                f"``{name}`` ({row.meaning})" for name, row in rows
            )
        return facts

    def read_by(self) -> list[str]:
        """Return the names of the neurons that take it as an input."""
        found = neurons.NEURONS.items()
        return [name for name, neuron in found if self.name in neuron.parameters]


NEURON = Part(
    "neuron",
    str,
    default="gated",
    help="spiking neuron",
    choices=neurons.NEURONS,
)
MAX_SPIKES = Part(
    "max_spikes",
    int,
    default=4,
    help="most spikes an augmented neuron sends in a step",
    limits=Range(1, 127, "a step", is_whole=True),  # int8 while layers are corrected
    described="of at most {:g} spikes",
)
LEAK = Part(
    "leak",
    float,
    default=2.0,
    help="worth of a weighted spike, in spikes a step later",
    limits=Range(1, 3, is_open=True),  # beyond, digits -1, 0 and 1 leave gaps
    described="of leak {:g}",
)
THRESHOLD = Part(
    "threshold",
    str,
    default="mse",
    help="rule for the thresholds",
    choices=threshold_rules.THRESHOLD_RULES,
)
PER_CHANNEL = Part(
    "per_channel",
    bool,
    default=True,
    help="a threshold for each channel",
)
V_INIT = Part(
    "v_init",
    float,
    default=0.5,
    help="initial potential as a fraction of the threshold",
    limits=Range(0, 1, "of the threshold"),
)
CORRECTIONS = Part(
    "corrections",
    tuple,
    default=(),
    help="corrections on calibration data",
    choices=corrections.CORRECTIONS,
)
SCHEDULE = Part(
    "schedule",
    str,
    default="lockstep",
    help="order in which layers fire: all together, or one after another",
    choices=schedules.SCHEDULES,
)

DELAY = Part(
    "delays",
    str,
    default=delays.ALL,
    help="layers that wait for a step, in the schedule staggered",
    choices=delays.DELAYS,
)

PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        NEURON,
        MAX_SPIKES,
        LEAK,
        THRESHOLD,
        PER_CHANNEL,
        V_INIT,
        CORRECTIONS,
        SCHEDULE,
        DELAY,
    )
}
"""Name to part, in the order in which they are shown."""

_WIDTH = 88
_Class = TypeVar("_Class", bound=type)


def document_parts(cls: _Class) -> _Class:
    """Write the parts into the docstring of a class that has them as fields.

    They replace the line ``{parts}`` of the section ``Attributes``.
    """
    if cls.__doc__ is not None:
        entries = "\n".join(_docstring_lines())
        cls.__doc__ = cls.__doc__.replace("        {parts}", entries)
    return cls


def _docstring_lines() -> Iterator[str]:
    for part in PARTS.values():
        facts = part.facts()
        yield textwrap.fill(
            f"{part.name}: {facts[0].upper()}{facts[1:]}.",
            _WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
        )

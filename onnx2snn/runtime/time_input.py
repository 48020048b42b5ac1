"""T of an emitted network: its value, the number it was made for, the input that holds it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.data.input_specs import input_specs
from onnx2snn.errors import InvalidModelError, OptionError
from onnx2snn.graph import array
from onnx2snn.metadata.facts import DEFAULT_TIME_STEPS
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.schedules import time_steps_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.data.input_specs import InputSpec

__all__ = ["NotSpikingError", "TimeInput", "network_inputs"]


class NotSpikingError(InvalidModelError):
    """The model has no loop over time: it is an ANN."""


@dataclasses.dataclass(frozen=True)
class TimeInput:
    """The way in which a network takes T.

    Attributes:
        name: Name of the input that holds T; None if there is none.
        made_for: T that the network was made for.
        is_fixed: Whether T is a constant of the file.
    """

    name: str | None
    made_for: int
    is_fixed: bool

    @classmethod
    def of(cls, model: ir.Model) -> TimeInput:
        """Return that of an emitted network.

        Raises:
            NotSpikingError: It has no loop over time.
            InvalidModelError: It does not say which of its inputs are events.
        """
        value = time_steps_of(model.graph)
        if value is None:
            message = "has no loop over time; convert it with 'onnx2snn convert' first"
            raise NotSpikingError(message)
        is_input = value.is_graph_input()
        is_constant = value.const_value is not None
        name = str(value.name) if is_input else None
        made_for = int(array(value)) if is_constant else _recorded(model, name)
        return cls(name, made_for, is_fixed=is_constant and not is_input)

    def feed(self, time_steps: int | None) -> dict[str, np.ndarray]:
        """Return what lets the network run for T steps; nothing if T is no input.

        Args:
            time_steps: T; None for the number the network was made for.

        Raises:
            OptionError: T is fixed, at another number.
        """
        count = self.made_for if time_steps is None else time_steps
        if self.is_fixed and count != self.made_for:
            message = (
                f"T of the network is fixed at {self.made_for} in its file, and {count} is asked "
                "for; 'onnx2snn layout --T-input optional' lets it be set"
            )
            raise OptionError(message)
        if self.name is None:
            return {}
        data = np.array(count, np.int64)
        return {self.name: data}

    def steps_to_run(self, most: int) -> int:
        """Return for how many steps to run, so that there are ``most`` at least."""
        is_enough = self.is_fixed and most <= self.made_for
        return self.made_for if is_enough else most


def network_inputs(model: ir.Model) -> tuple[InputSpec, ...]:
    """Return the inputs of a network that hold data: T is none of them."""
    time_steps = time_steps_of(model.graph)
    name = None if time_steps is None else time_steps.name
    return tuple(spec for spec in input_specs(model) if spec.name != name)


def _recorded(model: ir.Model, name: str | None) -> int:
    """Return T that the file says, where the graph does not."""
    recorded = DEFAULT_TIME_STEPS.read(model)
    is_told = name is not None or event_inputs_of(model)
    if recorded is None or not is_told:
        message = (
            "takes events, but its metadata do not say which of its inputs are events"
        )
        raise InvalidModelError(message)
    return int(recorded)

"""Let a network take T in another way."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.arguments import checked_choice
from onnx2snn.methods.time_inputs import REQUIRED, TIME_INPUTS
from onnx2snn.runtime.layouts import take_time_steps
from onnx2snn.schedules import time_steps_of

__all__ = ["SetTimeStepsInput"]


@dataclasses.dataclass(frozen=True)
class SetTimeStepsInput(ir.passes.InPlacePass):
    """Make T an input with a default, one that must be fed, or a constant.

        before:  T is an input, and an initializer
        after:   T is an input (required), or an initializer (fixed)

    Exact. A model without time steps is left alone.

    Attributes:
        way: ``optional``, ``required`` or ``fixed``.

    Raises:
        OptionError: There is no such way, or T is the length of events.
    """

    way: str = REQUIRED

    def __post_init__(self) -> None:
        """Check the options."""
        checked_choice("way", self.way, TIME_INPUTS)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the inputs of the main graph."""
        if time_steps_of(model.graph) is None:
            return ir.passes.PassResult(model, modified=False)
        modified = take_time_steps(model, self.way)
        return ir.passes.PassResult(model, modified=modified)

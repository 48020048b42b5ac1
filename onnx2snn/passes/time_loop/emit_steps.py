"""What the passes share that lay out the steps of all layers in lockstep."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import onnx_ir as ir

from onnx2snn.schedules import DEFAULT_T, checked_time_steps, emit_steps

__all__ = ["EmitSteps"]


@dataclasses.dataclass(frozen=True)
class EmitSteps(ir.passes.InPlacePass):
    """Let a single-step graph run for T steps, in a layout of time.

    Attributes:
        time_steps: T, the number of steps when none is given at run time, >= 1.
        events: Names of graph inputs that are streams, beside those annotated as events: they get
            a leading axis of length T.
        every_step: Names of graph outputs wanted for every step: they get a leading axis of
            length T.
        layout: Name of the layout.
    """

    time_steps: int = DEFAULT_T
    events: tuple[str, ...] = ()
    every_step: tuple[str, ...] = ()
    layout: ClassVar[str]

    def __post_init__(self) -> None:
        """Check the options."""
        checked_time_steps(self.time_steps)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Lay out the steps of the main graph."""
        modified = emit_steps(
            model.graph, self.layout, self.time_steps, self.events, self.every_step
        )
        return ir.passes.PassResult(model, modified=modified)

"""Turn a network that loops over time into one that runs a step."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.metadata.facts import STATES
from onnx2snn.runtime.layouts import take_step_out
from onnx2snn.schedules import time_steps_of

__all__ = ["EmitStep"]


@dataclasses.dataclass(frozen=True)
class EmitStep(ir.passes.InPlacePass):
    """Take the nodes of a step out of their Loop, with each state as an input and an output.

        before:  v_T = Loop(T, v_init) { spike, v_next = IntegrateAndFire(c, v, theta) };  y(v_T)
        after:   now = Where(reset, v_init, v)
                 spike, v.next = IntegrateAndFire(c, now, theta);  y(v.next)

    The first run is one with ``reset``, whatever the states are that it is fed; each further one is
    fed the states that the one before gave. After t runs on one input the outputs are those of the
    Loop after t steps. Inputs may differ from run to run. Exact. A model without time steps is
    left alone.

    Raises:
        OptionError: The network has no single Loop over the steps of all layers, or it ends early.
        UnsupportedError: The rank of a state is not known.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        if STATES.is_on(model) or time_steps_of(model.graph) is None:
            return ir.passes.PassResult(model, modified=False)
        take_step_out(model)
        return ir.passes.PassResult(model, modified=True)

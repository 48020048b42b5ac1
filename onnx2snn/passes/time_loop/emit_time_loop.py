"""Turn a single-step graph into one that loops over time."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.schedules import DEFAULT_T, checked_time_steps, emit_time_loop

__all__ = ["EmitTimeLoop"]


@dataclasses.dataclass(frozen=True)
class EmitTimeLoop(ir.passes.InPlacePass):
    """Make the states of a single-step graph the loop-carried values of a Loop over T.

        before:  spike, v_next = IntegrateAndFire(current, v_init, theta)
        after:   v_T = Loop(T, v_init) { spike, v_next = IntegrateAndFire(current, v, theta) }

    Nodes that no state reaches stay before the loop (with direct coding, the first Conv).
    Nodes that some state reaches, and that reach a state, form the body. The remaining
    nodes, on their way to the outputs, stay behind the loop and run once, on the values of
    the last step. Weights that the body reads become initializers of the body: only there
    does onnxruntime lay them out for its fastest kernels.

    T becomes an initializer that is a graph input as well: it may be given at run time. Where
    an input is a sequence of events, T is the length of the first such input instead.
    Exact. A model without states is left alone.

    Attributes:
        time_steps: T, the number of steps when none is given at run time, >= 1.
        events: Names of graph inputs that are streams, beside those annotated as events: they get
            a leading axis of length T.
        every_step: Names of graph outputs wanted for every step: they get a leading axis of
            length T.
    """

    time_steps: int = DEFAULT_T
    events: tuple[str, ...] = ()
    every_step: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options."""
        checked_time_steps(self.time_steps)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Emit the loop in the main graph."""
        modified = emit_time_loop(
            model.graph, self.time_steps, self.events, self.every_step
        )
        return ir.passes.PassResult(model, modified=modified)

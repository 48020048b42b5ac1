"""Turn a single-step graph into one with time in the batch."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.schedules import DEFAULT_T, checked_time_steps, emit_multistep

__all__ = ["EmitMultistep"]


@dataclasses.dataclass(frozen=True)
class EmitMultistep(ir.passes.InPlacePass):
    """Let each layer of a single-step graph run all T time steps before the next one begins.

        before:  c = Conv(x, w);  spike, v_next = IntegrateAndFire(c, v_init, theta)
                 y = Mul(spike, theta);  z = Conv(y, u)
        after:   s, v_T = IntegrateAndFireMultiStep(Expand(Conv(x, w), [T, N, ...]), v_init, theta)
                 r = Reshape(s, [T * N, ...]);  z = Conv(Mul(r, theta), u)

    A node with states becomes that of the operator over all steps, on [T, N, ...]. Any other
    node that a state reaches runs on [T * N, ...] if it treats each row along axis 0 alone, or
    on [T, N, ...] if it broadcasts or moves axes. What does neither stands in a Loop, one step
    at a time. Nodes that no state reaches stay in front, and those on their way to the outputs
    run once, on the values of the last step.

    It computes what ``emit-time-loop`` does: a step of a layer depends on earlier ones of that
    layer and of those before, so layer by layer over all steps and step by step over all layers
    are one computation. The same bits wherever the weights of one step and those of all are
    added up in one order; memory grows with T.

    T becomes an initializer that is a graph input as well: it may be given at run time. Where
    an input is a sequence of events, T is the length of the first such input instead. A model
    without states is left alone.

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
        """Put time into the batch of the main graph."""
        modified = emit_multistep(
            model.graph, self.time_steps, self.events, self.every_step
        )
        return ir.passes.PassResult(model, modified=modified)

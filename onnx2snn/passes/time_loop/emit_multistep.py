"""Turn a single-step graph into one with time in the batch."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from onnx2snn.methods.layouts import MULTISTEP
from onnx2snn.passes.time_loop.emit_steps import EmitSteps

__all__ = ["EmitMultistep"]


@dataclasses.dataclass(frozen=True)
class EmitMultistep(EmitSteps):
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
    """

    layout: ClassVar[str] = MULTISTEP

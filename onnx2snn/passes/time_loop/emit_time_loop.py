"""Turn a single-step graph into one that loops over time."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from onnx2snn.methods.layouts import LOOP
from onnx2snn.passes.time_loop.emit_steps import EmitSteps

__all__ = ["EmitTimeLoop"]


@dataclasses.dataclass(frozen=True)
class EmitTimeLoop(EmitSteps):
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
    """

    layout: ClassVar[str] = LOOP

"""Turn a single-step graph into one that loops over time, each layer in steps of its own."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.metadata.input_coding import check_direct
from onnx2snn.methods.schedules import STAGGERED
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime.computed_shapes import infers_computed_sizes
from onnx2snn.schedules import DEFAULT_T, checked_time_steps, emit_staggered

__all__ = ["EmitStaggered"]


@dataclasses.dataclass(frozen=True)
class EmitStaggered(ir.passes.InPlacePass):
    """Let each layer send T weighted spikes in steps of its own, in a Loop over all steps.

    A neuron may wait: it takes in d steps of its input before it fires (``place-delays``). With a
    the sum of the delays in front of a layer on the longest path, D that of the whole graph, and
    k = ``leak``:

        before:  spike, v_next, written_next = GatedInverseLeakyIF(x, 0, 0, theta, half, k, 1)
        after:   Loop(T + D, t = 1 ..)
                     { z = x where a < t <= a + T, else 0
                       f = 1 where a + d < t <= a + d + T, else 0
                       spike, v, written = GatedInverseLeakyIF(
                           z, v, written, k^d theta, k^d half, k, f) }

    Where paths of unequal delay meet, the stream that is early waits in as many Delays as the other
    is late. Weighted sums and differences stand still outside of their T steps, so that what is
    read behind the Loop is what was there in their last one. A stream of T steps means the same as
    in lockstep: nothing else changes.

    T becomes an initializer that is a graph input as well: it may be given at run time. A model
    without neurons is left alone.

    Attributes:
        time_steps: T, the number of steps when none is given at run time, >= 1.
        every_step: Names of graph outputs wanted for every step of the Loop: they get a leading
            axis of length T + D.

    Raises:
        OptionError: An input is rate coded, or events: its steps are worth the same.
        UnsupportedError: A sequence would have to wait.
    """

    time_steps: int = DEFAULT_T
    every_step: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options."""
        checked_time_steps(self.time_steps)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Emit the loop in the main graph."""
        graph = model.graph
        check_direct(graph, STAGGERED)
        if not any(map(is_neuron, graph)):
            return ir.passes.PassResult(model, modified=False)
        expanded = infers_computed_sizes(graph)
        modified = emit_staggered(
            graph, self.time_steps, self.every_step, expanded=expanded
        )
        return ir.passes.PassResult(model, modified=modified)

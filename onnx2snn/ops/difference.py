"""The change of a value since the step before."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["DIFFERENCE"]


def _difference(x: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.where(np.isfinite(x), x, previous)
    return known - previous, known


DIFFERENCE = StepOp(
    name="Difference",
    doc="""One time step of the difference of successive values.

    previous_next = x, where it is finite, else previous
    difference    = previous_next - previous

It undoes a running sum: the differences of steps 1..t add up to `x(t)` minus the initial
`previous`. Exact where the subtraction is, so for sums of spikes.

A function of a running mean may be undefined in an early step, as is 0 / 0 before the first
spike. There the difference is 0, and the step in which it is finite again makes up for it.""",
    inputs={
        "x": "The value at this step, any shape and unit.",
        "previous": "The value at the step before, 0 at the start; broadcasts to x.",
    },
    outputs={
        "difference": "x - previous, 0 where x is NaN or infinite; shape of x.",
        "previous_next": "x, or previous where x is NaN or infinite.",
    },
    state={"previous": "previous_next"},
    body="""
    nothing = Sub (x, x)
    undefined = IsNaN (nothing)
    previous_next = Where (undefined, previous, x)
    difference = Sub (previous_next, previous)""",
    step=_difference,
)

"""The change of a value since the step before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DIFFERENCE"]


def _difference(x: np.ndarray, previous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x - previous, x


DIFFERENCE = StepOp(
    name="Difference",
    doc="""One time step of the difference of successive values.

    difference    = x - previous
    previous_next = x

It undoes a running sum: the differences of steps 1..t add up to `x(t)` minus the initial
`previous`. Exact where the subtraction is, so for sums of spikes.""",
    inputs={
        "x": "The value at this step, any shape and unit.",
        "previous": "The value at the step before, 0 at the start; broadcasts to x.",
    },
    outputs={
        "difference": "x - previous; shape of x.",
        "previous_next": "x itself.",
    },
    state={"previous": "previous_next"},
    body="""
    difference = Sub (x, previous)
    previous_next = Identity (x)""",
    step=_difference,
)

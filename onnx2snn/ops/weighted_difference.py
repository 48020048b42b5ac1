"""The digits of a number that is known a little better in each step."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["WEIGHTED_DIFFERENCE"]


def _weighted_difference(
    x: np.ndarray, previous: np.ndarray, leak: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    grown = leak * previous
    known = np.where(np.isfinite(x), x, grown)
    return known - grown, known


WEIGHTED_DIFFERENCE = StepOp(
    name="WeightedDifference",
    doc="""One time step of the digits that a function of weighted running sums writes.

    previous_next = x, where it is finite, else leak * previous
    difference    = previous_next - leak * previous

It undoes a weighted running sum: the differences of steps 1..t, each times `leak` to the number of
steps behind it, add up to `x(t)`.

A function of a running mean may be undefined in an early step, as is 0 / 0 before the first
spike. There the difference is 0, and the step in which it is finite again makes up for it.""",
    inputs={
        "x": "The value at this step, any shape and unit.",
        "previous": "The value at the step before, 0 at the start; broadcasts to x.",
        "leak": "Factor by which a digit loses weight in a step, >= 1; broadcasts to x.",
    },
    outputs={
        "difference": "x - leak * previous, 0 where x is NaN or infinite; shape of x.",
        "previous_next": "x, or leak * previous where x is NaN or infinite.",
    },
    state={"previous": "previous_next"},
    body="""
    grown = Mul (leak, previous)
    nothing = Sub (x, x)
    undefined = IsNaN (nothing)
    previous_next = Where (undefined, grown, x)
    difference = Sub (previous_next, grown)""",
    step=_weighted_difference,
)

"""The sum of a stream whose steps are digits, so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WEIGHTED_RUNNING_SUM"]


def _weighted_running_sum(
    x: np.ndarray, total: np.ndarray, leak: np.ndarray
) -> tuple[np.ndarray]:
    return (leak * total + x,)


WEIGHTED_RUNNING_SUM = StepOp(
    name="WeightedRunningSum",
    doc="""One time step of the sum of a stream whose steps weigh less and less.

    total_next = leak * total + x

With a total that starts at 0, step t gives `S(t) = k^(t-1) x(1) + ... + k x(t-1) + x(t)`, k being
`leak`: the number that the digits x write, in units of the last one. Over the sum of ones it is the
weighted mean so far. `WeightedDifference` turns a function of it back into a stream.""",
    inputs={
        "x": "The stream at this step, any shape and unit.",
        "total": "Sum of the steps before, 0 at the start; broadcasts to x.",
        "leak": "Factor by which the sum grows in a step, >= 1; broadcasts to x.",
    },
    outputs={"total_next": "leak * total + x; shape of x."},
    state={"total": "total_next"},
    body="""
    grown = Mul (leak, total)
    total_next = Add (grown, x)""",
    step=_weighted_running_sum,
)

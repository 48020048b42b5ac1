"""The sum of a stream so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RUNNING_SUM"]


def _running_sum(x: np.ndarray, total: np.ndarray) -> tuple[np.ndarray]:
    return (total + x,)


RUNNING_SUM = StepOp(
    name="RunningSum",
    doc="""One time step of the sum of a stream.

    total_next = total + x

With a total that starts at 0, step t gives `S(t) = x(1) + ... + x(t)`. A node `f` that is not
linear reads `S(t)` (max-like nodes) or the mean so far `S(t) / t`; `Difference` turns the result
back into a stream.""",
    inputs={
        "x": "The stream at this step, any shape and unit.",
        "total": "Sum of the steps before, 0 at the start; broadcasts to x.",
    },
    outputs={"total_next": "total + x; shape of x."},
    state={"total": "total_next"},
    body="""
    total_next = Add (total, x)""",
    step=_running_sum,
)

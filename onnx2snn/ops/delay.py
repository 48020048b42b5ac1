"""A stream, one step later."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["DELAY"]


def _delay(x: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.broadcast_to(held, x.shape).copy(), x


DELAY = StepOp(
    name="Delay",
    doc="""One time step of a delay line of length 1.

    delayed   = held
    held_next = x

Step t gives `x(t - 1)`, and the first step what is held at the start. Where paths of unequal delay
meet, the stream that comes early waits in as many of them as the other is late.""",
    inputs={
        "x": "The stream at this step, any shape and unit.",
        "held": "The stream at the step before, 0 at the start; broadcasts to x.",
    },
    outputs={"delayed": "held; shape of x.", "held_next": "x."},
    state={"held": "held_next"},
    body="""
    sizes = Shape (x)
    delayed = Expand (held, sizes)
    held_next = Identity (x)""",
    step=_delay,
)

"""The spiking neuron that forgets: a spike resets the potential to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["HARD_RESET_IF"]


def _hard_reset_if(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    spike = (h >= v_threshold).astype(h.dtype)
    return spike, h - spike * h


HARD_RESET_IF = StepOp(
    name="HardResetIF",
    doc="""One time step of a non-leaky neuron with reset to zero (hard reset).

With `h = v + current`:

    spike  = 1 if h >= v_threshold else 0
    v_next = 0 on a spike, else h

Firing is `>=`. What was above the threshold is lost with each spike, so that the rate falls short
of the current; `IntegrateAndFire` keeps it. This neuron is here for the methods published with it.

Source: Diehl et al., 2015; Sengupta et al., 2019.""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "v_threshold": "Firing threshold, > 0, in the same unit; broadcasts to current.",
    },
    outputs={
        "spike": "1 where v + current >= v_threshold, else 0; shape of current. "
        "A spike stands for v_threshold units of the activation.",
        "v_next": "0 where a spike is sent, else v + current; shape of current.",
    },
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    fired = GreaterOrEqual (h, v_threshold)
    spike = CastLike (fired, h)
    lost = Mul (spike, h)
    v_next = Sub (h, lost)""",
    step=_hard_reset_if,
)

"""The plain spiking neuron: integrate, fire at the threshold, reset by subtraction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["INTEGRATE_AND_FIRE"]


def _integrate_and_fire(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    spike = (h >= v_threshold).astype(h.dtype)
    return spike, h - spike * v_threshold


INTEGRATE_AND_FIRE = StepOp(
    name="IntegrateAndFire",
    doc="""One time step of a non-leaky neuron with reset by subtraction (soft reset).

With `h = v + current`:

    spike  = 1 if h >= v_threshold else 0
    v_next = h - spike * v_threshold

Firing is `>=`: a potential exactly at the threshold fires, and is 0 afterwards. At most one spike
a step; what is left above the threshold stays in the potential. Over T steps
`sum current = v_threshold * sum spike + v_T - v_0`. Where v_T ends in `[0, v_threshold)`, the mean
of `v_threshold * spike` is so the clipped ReLU of the mean current, in steps of `v_threshold / T`;
a negative v_T means that spikes came too early, which this neuron cannot take back.""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "v_threshold": "Firing threshold, > 0, in the same unit; broadcasts to current.",
    },
    outputs={
        "spike": "1 where v + current >= v_threshold, else 0; shape of current. "
        "A spike stands for v_threshold units of the activation.",
        "v_next": "v + current - spike * v_threshold; shape of current.",
    },
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    fired = GreaterOrEqual (h, v_threshold)
    spike = CastLike (fired, h)
    charge = Mul (spike, v_threshold)
    v_next = Sub (h, charge)""",
    step=_integrate_and_fire,
    unit_body="""
    h = Add (v, current)
    fired = GreaterOrEqual (h, v_threshold)
    spike = CastLike (fired, h)
    v_next = Sub (h, spike)""",
    unit_thresholds={"v_threshold": 1.0},
)

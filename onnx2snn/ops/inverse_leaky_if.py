"""The neurons whose potential grows: earlier spikes weigh more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["INVERSE_LEAKY_IF", "SIGNED_INVERSE_LEAKY_IF"]


def _inverse_leaky_if(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray, leak: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    spike = (h >= v_threshold).astype(h.dtype)
    return spike, leak * (h - spike * v_threshold)


def _signed_inverse_leaky_if(
    current: np.ndarray, v: np.ndarray, v_threshold: np.ndarray, leak: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    spike = (h >= v_threshold).astype(h.dtype) - (h <= -v_threshold).astype(h.dtype)
    return spike, leak * (h - spike * v_threshold)


_INPUTS = {
    "current": "Input current of this step, shape [N, C, ...], in units of the activation that "
    "the neuron replaces.",
    "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
    "v_threshold": "Firing threshold, > 0, in the unit of current; broadcasts to current.",
    "leak": "Factor by which the potential grows in each step, > 1; broadcasts to current.",
}
_V_NEXT = "leak * (v + current - spike * v_threshold); shape of current."

INVERSE_LEAKY_IF = StepOp(
    name="InverseLeakyIF",
    doc="""One time step of a neuron whose potential grows from step to step.

With `h = v + current`:

    spike  = 1 if h >= v_threshold, else 0
    v_next = leak * (h - spike * v_threshold)

Firing is `>=`. As what is left grows by the factor k = `leak`, a spike counts k times as much as
one in the next step: of T steps, the one at step t weighs `k^(T-t)`. With k = 2 the spikes of T
steps are the T binary digits of the potential, the largest first, in units of
`v_threshold / 2^(T-1)`.

Source: Liu et al., AAAI 2022 (SpikeConverter).""",
    inputs=_INPUTS,
    outputs={"spike": "1 or 0; shape of current.", "v_next": _V_NEXT},
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    fired = GreaterOrEqual (h, v_threshold)
    spike = CastLike (fired, h)
    charge = Mul (spike, v_threshold)
    rest = Sub (h, charge)
    v_next = Mul (leak, rest)""",
    step=_inverse_leaky_if,
)

SIGNED_INVERSE_LEAKY_IF = StepOp(
    name="SignedInverseLeakyIF",
    doc="""One time step of an inverse-leaky neuron that sends spikes of either sign.

With `h = v + current`:

    spike  = +1 if h >= v_threshold, -1 if h <= -v_threshold, else 0
    v_next = leak * (h - spike * v_threshold)

The spikes of a negative potential are minus those of the positive one: digits of the magnitude,
all with its sign. Firing is `>=` above and `<=` below.

Source: Liu et al., AAAI 2022 (SpikeConverter), for the inverse leak; the sign is ours.""",
    inputs=_INPUTS,
    outputs={"spike": "+1, -1 or 0; shape of current.", "v_next": _V_NEXT},
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    fired_up = GreaterOrEqual (h, v_threshold)
    plus = CastLike (fired_up, h)
    v_low = Neg (v_threshold)
    fired_down = LessOrEqual (h, v_low)
    minus = CastLike (fired_down, h)
    spike = Sub (plus, minus)
    charge = Mul (spike, v_threshold)
    rest = Sub (h, charge)
    v_next = Mul (leak, rest)""",
    step=_signed_inverse_leaky_if,
)

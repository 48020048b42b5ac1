"""The neuron of the schedule staggered: signed digits, the largest first, none taken twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["GATED_INVERSE_LEAKY_IF"]


def _gated_inverse_leaky_if(  # noqa: PLR0913, PLR0917 (one for each input)
    current: np.ndarray,
    v: np.ndarray,
    written: np.ndarray,
    v_threshold: np.ndarray,
    v_threshold_negative: np.ndarray,
    leak: np.ndarray,
    fires: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = leak * v + current
    owed = leak * written
    plus = (h >= v_threshold - v_threshold_negative).astype(h.dtype)
    below = (h < -v_threshold_negative).astype(h.dtype)
    minus = below * (owed >= 1).astype(h.dtype)
    spike = fires * (plus - minus)
    return spike, h - spike * v_threshold, owed + spike


GATED_INVERSE_LEAKY_IF = StepOp(
    name="GatedInverseLeakyIF",
    doc="""One time step of a neuron whose spikes are signed digits, the first worth most.

With `h = leak * v + current` and `owed = leak * written`:

    spike      = +1 if h >= v_threshold - v_threshold_negative,
                 -1 if h < -v_threshold_negative and owed >= 1, else 0
    spike      = 0 in a step in which it does not fire
    v_next     = h - spike * v_threshold
    written_next = owed + spike

What a spike is worth falls by the factor k = `leak` from one step to the next: of T steps, that of
step t weighs `k^(T-t)`, in the input as in the output. `written` is the number that the digits sent
so far write, in units of the last one. A digit that was too large is taken back by later ones of
the other sign, and `written` never falls below 0: the output stays a ReLU. Where `written` starts
large, digits may be negative from the first on.

With `fires` 0 the neuron takes in its input only. If it does so for d steps, it knows d digits of
its input before it sends the first of its own; its thresholds are then `k^d` times as large.

Positive firing is `>=`, negative firing is strict. With `v_threshold_negative` half a threshold,
what is left is rounded to the nearest digit.""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "written": "Number written before the step, >= 0, 0 at the start; broadcasts to current.",
        "v_threshold": "Charge that a spike takes, > 0, in the unit of current; broadcasts to "
        "current.",
        "v_threshold_negative": "Distance of the negative firing threshold below zero, and of the "
        "positive one below v_threshold, >= 0; broadcasts to current.",
        "leak": "Factor by which potential and number grow in a step, >= 1; broadcasts to current.",
        "fires": "1 where the neuron may send a spike in this step, else 0; broadcasts to current.",
    },
    outputs={
        "spike": "+1, -1 or 0; shape of current.",
        "v_next": "leak * v + current - spike * v_threshold; shape of current.",
        "written_next": "leak * written + spike; shape of current.",
    },
    state={"v": "v_next", "written": "written_next"},
    body="""
    grown = Mul (leak, v)
    h = Add (grown, current)
    owed = Mul (leak, written)
    v_high = Sub (v_threshold, v_threshold_negative)
    fired_up = GreaterOrEqual (h, v_high)
    plus = CastLike (fired_up, h)
    v_low = Neg (v_threshold_negative)
    is_below = Less (h, v_low)
    below = CastLike (is_below, h)
    unit = Constant <value_float = 1.0> ()
    one = CastLike (unit, h)
    may = GreaterOrEqual (owed, one)
    allowed = CastLike (may, h)
    minus = Mul (below, allowed)
    digit = Sub (plus, minus)
    spike = Mul (fires, digit)
    charge = Mul (spike, v_threshold)
    v_next = Sub (h, charge)
    written_next = Add (owed, spike)""",
    step=_gated_inverse_leaky_if,
)

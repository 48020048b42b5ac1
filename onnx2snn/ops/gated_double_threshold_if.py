"""The ReLU neuron that can take back a spike sent too early."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["GATED_DOUBLE_THRESHOLD_IF"]


def _gated_double_threshold_if(
    current: np.ndarray,
    v: np.ndarray,
    count: np.ndarray,
    v_threshold: np.ndarray,
    v_threshold_negative: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = v + current
    plus = (h >= v_threshold).astype(h.dtype)
    below = (h < -v_threshold_negative).astype(h.dtype)
    spike = plus - np.minimum(below, count)
    return spike, h - spike * v_threshold, count + spike


GATED_DOUBLE_THRESHOLD_IF = StepOp(
    name="GatedDoubleThresholdIF",
    doc="""One time step of a neuron whose negative spikes take back positive ones, and no more.

With `h = v + current`:

    spike      = +1 if h >= v_threshold, -1 if h < -v_threshold_negative and count > 0, else 0
    v_next     = h - spike * v_threshold
    count_next = count + spike

Positive firing is `>=`, negative firing is strict: with `v_threshold_negative = 0` a potential of
exactly 0 owes nothing. `count` is the net number of spikes sent, so it never falls below 0 and the
output stays a ReLU, while spikes that an uneven input drew too early are undone later. Both signs
move `v_threshold` units of charge, so `sum current = v_threshold * count_T + v_T - v_0` for a count
that starts at 0. Once the input has settled and `v_threshold_negative = 0`, the potential comes to
rest in `[0, v_threshold)`, or below 0 with a count of 0: the count is then exactly the quantized
ReLU `max(0, floor((v_0 + sum current) / v_threshold))`.

Source: Yu et al., 2022 (TerMapping); Gao et al., 2023 (Ca-LIF); ST-BIF (exactness once
settled).""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "count": "Net number of spikes sent before the step, an integer >= 0, exact in the type "
        "of current (T <= 2048 in float16, T <= 256 in bfloat16); broadcasts to current.",
        "v_threshold": "Firing threshold, > 0, in the unit of current; broadcasts to current.",
        "v_threshold_negative": "Distance of the negative firing threshold below zero, >= 0, "
        "in the unit of current; 0 for an exact ReLU; broadcasts to current.",
    },
    outputs={
        "spike": "+1, -1 or 0; shape of current. "
        "A spike stands for v_threshold units of the activation.",
        "v_next": "v + current - spike * v_threshold; shape of current.",
        "count_next": "count + spike, >= 0; shape of current.",
    },
    state={"v": "v_next", "count": "count_next"},
    body="""
    h = Add (v, current)
    fired = GreaterOrEqual (h, v_threshold)
    plus = CastLike (fired, h)
    v_low = Neg (v_threshold_negative)
    is_below = Less (h, v_low)
    below = CastLike (is_below, h)
    minus = Min (below, count)
    spike = Sub (plus, minus)
    charge = Mul (spike, v_threshold)
    v_next = Sub (h, charge)
    count_next = Add (count, spike)""",
    step=_gated_double_threshold_if,
    # count_next is computed first, and not below 0: so that no spike is -0
    unit_body="""
    h = Add (v, current)
    whole = Floor (h)
    minus_one = Constant <value_float = -1.0> ()
    plus_one = Constant <value_float = 1.0> ()
    low = CastLike (minus_one, h)
    high = CastLike (plus_one, h)
    wanted = Clip (whole, low, high)
    balance = Add (count, wanted)
    count_next = Relu (balance)
    spike = Sub (count_next, count)
    v_next = Sub (h, spike)""",
    unit_thresholds={"v_threshold": 1.0, "v_threshold_negative": 0.0},
)

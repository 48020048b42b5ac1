"""The signed spiking neuron: one threshold above zero, one below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops.declare import StepOp

if TYPE_CHECKING:
    import numpy as np

__all__ = ["DOUBLE_THRESHOLD_IF"]


def _double_threshold_if(
    current: np.ndarray,
    v: np.ndarray,
    v_threshold: np.ndarray,
    v_threshold_negative: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    h = v + current
    plus = (h >= v_threshold).astype(h.dtype)
    minus = (h <= -v_threshold_negative).astype(h.dtype)
    return plus - minus, h - (plus * v_threshold - minus * v_threshold_negative)


DOUBLE_THRESHOLD_IF = StepOp(
    name="DoubleThresholdIF",
    doc="""One time step of a neuron that fires positive and negative spikes, reset by subtraction.

With `h = v + current`:

    spike  = +1 if h >= v_threshold, -1 if h <= -v_threshold_negative, else 0
    v_next = h - v_threshold on a positive spike, h + v_threshold_negative on a negative one, else h

Firing is `>=` above and `<=` below: a potential exactly at either threshold fires, and is 0
afterwards. A positive spike always stands for `v_threshold` units of the activation, a negative one
for minus as much, whatever charge it took to fire it. So

- `v_threshold_negative = v_threshold` gives `clip(x, -v_threshold, v_threshold)`, and with it any
  signed activation;
- `v_threshold_negative = v_threshold / slope` gives `LeakyRelu` with `alpha = slope`, as a negative
  spike then takes `1 / slope` times the charge of a positive one.

Source: Kim et al., 2020 (Spiking-YOLO, imbalanced thresholds for the leaky ReLU); Han et al., 2023
(symmetric thresholds).""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "v_threshold": "Positive firing threshold, > 0, in the same unit; broadcasts to current.",
        "v_threshold_negative": "Distance of the negative firing threshold below zero, > 0 and "
        "finite, in the same unit; broadcasts to current.",
    },
    outputs={
        "spike": "+1, -1 or 0; shape of current.",
        "v_next": "Membrane potential after the step; shape of current.",
    },
    state={"v": "v_next"},
    body="""
    h = Add (v, current)
    fired_up = GreaterOrEqual (h, v_threshold)
    plus = CastLike (fired_up, h)
    v_low = Neg (v_threshold_negative)
    fired_down = LessOrEqual (h, v_low)
    minus = CastLike (fired_down, h)
    spike = Sub (plus, minus)
    charge_up = Mul (plus, v_threshold)
    charge_down = Mul (minus, v_threshold_negative)
    charge = Sub (charge_up, charge_down)
    v_next = Sub (h, charge)""",
    step=_double_threshold_if,
    unit_body="""
    h = Add (v, current)
    minus_one = Constant <value_float = -1.0> ()
    plus_one = Constant <value_float = 1.0> ()
    low = CastLike (minus_one, h)
    high = CastLike (plus_one, h)
    clipped = Clip (h, low, high)
    whole = Cast <to = 6> (clipped)
    spike = CastLike (whole, h)
    v_next = Sub (h, spike)""",
    unit_thresholds={"v_threshold": 1.0, "v_threshold_negative": 1.0},
)

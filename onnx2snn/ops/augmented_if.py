"""The neuron whose spike carries a count."""

from __future__ import annotations

import numpy as np

from onnx2snn.ops.declare import StepOp

__all__ = ["AUGMENTED_IF"]


def _augmented_if(
    current: np.ndarray,
    v: np.ndarray,
    count: np.ndarray,
    v_threshold: np.ndarray,
    max_spikes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    h = v + current
    whole = np.floor(h / v_threshold)
    up = np.maximum(np.minimum(whole, max_spikes), 0).astype(h.dtype)
    down = np.minimum(np.maximum(-whole, 0), np.minimum(count, max_spikes)).astype(
        h.dtype
    )
    spike = up - down
    return spike, h - spike * v_threshold, count + spike


AUGMENTED_IF = StepOp(
    name="AugmentedIF",
    doc="""One time step of a neuron that sends several spikes at once, and can take them back.

With `h = v + current`:

    spike      = clip(floor(h / v_threshold), -min(count, max_spikes), max_spikes)
    v_next     = h - spike * v_threshold
    count_next = count + spike

A spike is a whole number, sent as one: a burst of up to `max_spikes` plain spikes. Firing is `>=`:
a potential of exactly n thresholds sends n. Like the gated neuron, this one takes back no more than
it has sent, and with `max_spikes = 1` it is that neuron with `v_threshold_negative = 0`. Once the
input has settled and the potential has come to rest in `[0, v_threshold)`, the count is exactly the
quantized ReLU.

Source: Yu et al., TNNLS 2022 (AugMapping); burst spikes are the same.""",
    inputs={
        "current": "Input current of this step, shape [N, C, ...], in units of the activation "
        "that the neuron replaces.",
        "v": "Membrane potential before the step, in the same unit; broadcasts to current.",
        "count": "Net number of spikes sent before the step, an integer >= 0, exact in the type "
        "of current; broadcasts to current.",
        "v_threshold": "Charge of one spike, > 0, in the unit of current; broadcasts to current.",
        "max_spikes": "Most spikes that are sent or taken back in a step, an integer >= 1; "
        "broadcasts to current.",
    },
    outputs={
        "spike": "Number of spikes, -max_spikes to max_spikes; shape of current. Each stands for "
        "v_threshold units of the activation.",
        "v_next": "v + current - spike * v_threshold; shape of current.",
        "count_next": "count + spike, >= 0; shape of current.",
    },
    state={"v": "v_next", "count": "count_next"},
    # Relu in the place of Max with 0: the same for every float type, and never -0 in a difference.
    body="""
    h = Add (v, current)
    ratio = Div (h, v_threshold)
    whole = Floor (ratio)
    capped = Min (whole, max_spikes)
    up = Relu (capped)
    missing = Neg (whole)
    debt = Relu (missing)
    sent = Min (count, max_spikes)
    down = Min (debt, sent)
    spike = Sub (up, down)
    charge = Mul (spike, v_threshold)
    v_next = Sub (h, charge)
    count_next = Add (count, spike)""",
    step=_augmented_if,
    unit_body="""
    h = Add (v, current)
    whole = Floor (h)
    capped = Min (whole, max_spikes)
    up = Relu (capped)
    missing = Neg (whole)
    debt = Relu (missing)
    sent = Min (count, max_spikes)
    down = Min (debt, sent)
    spike = Sub (up, down)
    v_next = Sub (h, spike)
    count_next = Add (count, spike)""",
    unit_thresholds={"v_threshold": 1.0},
)

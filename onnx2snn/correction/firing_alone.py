"""The number that the spikes of a layer write which fires alone, once its input is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx2snn.correction.layer import Layer
    from onnx2snn.data.input_specs import Arrays
    from onnx2snn.ops import StepOp

__all__ = ["advance", "written_output"]


def advance(op: StepOp, values: Arrays) -> np.ndarray:
    """Run one step of a neuron, and return the spikes.

    Args:
        op: Its operator.
        values: Inputs of the operator by name; states are replaced by the next ones.
    """
    arguments = [values[name] for name in op.inputs]
    results = op.step(*arguments)
    outputs = dict(zip(op.outputs, results, strict=True))
    for state, next_state in op.state.items():
        values[state] = outputs[next_state]
    return outputs["spike"]


def written_output(layer: Layer, current: np.ndarray) -> np.ndarray:
    """Return what the spikes of a layer that fires alone write, [N, ...], for its input.

    Args:
        layer: The layer.
        current: Its complete input, with the bias, [N, ...].
    """
    dtype = current.dtype.type
    weights = layer.spike_weights
    share = dtype(1 / weights.total(layer.time_steps))
    values = layer.other_inputs | {"v_threshold": layer.v_threshold}
    for name, value in values.items():
        if name.startswith("v_threshold"):
            values[name] = value * share
    offset = layer.v_init * share * dtype(weights.last(layer.time_steps))
    if layer.op.name == "SignedInverseLeakyIF":  # its spikes write a magnitude
        offset = offset * np.sign(current)
    values["v"] = current + offset
    values["current"] = np.zeros_like(current)
    total = np.zeros_like(current)
    for t in range(layer.time_steps):
        weight = dtype(weights.leak**-t)
        total += advance(layer.op, values) * weight
    written = total * values["v_threshold"]
    return np.asarray(written)

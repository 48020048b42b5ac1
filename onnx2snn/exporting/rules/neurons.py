"""Neurons, and activations where a graph is an ANN whose layers are only counted."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.layers import Neuron
from onnx2snn.exporting.rules.work import NotRepresentableError
from onnx2snn.graph import array
from onnx2snn.ops import DOMAIN
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.layers import Shape
    from onnx2snn.exporting.rules.work import Rule, Work
    from onnx2snn.exporting.views import StreamValue

__all__ = ["NEURONS"]


def _neuron(work: Work, node: ir.Node) -> StreamValue:
    value = _checked_current(work, node)
    inputs = named_inputs(node)
    layer = Neuron(
        _of_sample(array(inputs["v_threshold"]), value.shape),
        _of_sample(starting_value(inputs["v"]), value.shape),
        hard=node.op_type == "HardResetIF",
    )
    made = work.made(node, layer, value, value.shape)
    return dataclasses.replace(made, is_static=False)


def _checked_current(work: Work, node: ir.Node) -> StreamValue:
    (value, *_) = work.operands(node)
    if not value.has_usual_order:
        message = "its axes are transposed; readers take channels first"
        raise NotRepresentableError(message)
    return value


def _of_sample(numbers: np.ndarray, shape: Shape) -> np.ndarray:
    """Return numbers that broadcast to a sample, without the batch."""
    missing = len(shape) + 1 - numbers.ndim
    full = numbers.reshape([1] * missing + list(numbers.shape)).astype(np.float64)
    if full.shape[0] != 1:
        message = "its thresholds or potentials differ from sample to sample"
        raise NotRepresentableError(message)
    return np.asarray(full[0])


def _activation(work: Work, node: ir.Node) -> StreamValue:
    """Return a neuron in the place of a Relu, or of a Clip from 0."""
    if not work.stands_for_neurons:
        message = "it is an activation without a neuron: convert with --for nir"
        raise NotRepresentableError(message)
    value = _checked_current(work, node)
    ones = np.ones([1] * len(value.shape))
    layer = Neuron(ones, np.zeros_like(ones))
    made = work.made(node, layer, value, value.shape)
    return dataclasses.replace(made, is_static=False)


NEURONS: dict[str, Rule] = {
    f"{DOMAIN}.IntegrateAndFire": _neuron,
    f"{DOMAIN}.HardResetIF": _neuron,
    "Relu": _activation,
    "Clip": _activation,
}
"""Operator to rule."""

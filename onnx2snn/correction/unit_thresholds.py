"""Neurons with a threshold of 1, whose input is measured in units of what the threshold was.

    fire(z, v, theta) = fire(z / theta, v / theta, 1)

The division goes into the weights and biases in front, as far as nothing else reads their sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    has_one_reader,
    is_constant,
    is_op,
    rank_of,
    rewire,
)
from onnx2snn.graph.affine_weights import has_plain_weights, varies_by_channel_only
from onnx2snn.graph.linear_weights import (
    count_output_channels,
    read_bias,
    scale_outputs,
)
from onnx2snn.metadata.facts import UNIT
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.schedules.initial_states import set_starting_value, starting_value
from onnx2snn.schedules.loops import named_inputs

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["use_unit_threshold"]

_THRESHOLDS = ("v_threshold", "v_threshold_negative")


def use_unit_threshold(neuron: ir.Node) -> bool:
    """Let a neuron of a single-step graph have a threshold of 1; whether it has another one.

    What it sends stays: ``UNIT`` says on it what a spike stands for.

    Args:
        neuron: The neuron; its graph is to be sorted at the end.
    """
    inputs = named_inputs(neuron)
    thresholds = [inputs.get(name) for name in _THRESHOLDS if name in inputs]
    if not all(is_constant(value) for value in thresholds):
        return False
    unit = array(inputs["v_threshold"]).astype(np.float64)
    if not _is_usable(neuron, unit):
        return False
    inverse = 1 / unit
    current = neuron.inputs[0]
    assert current is not None  # the stream
    scaled = _scale_value(current, inverse, neuron)
    rewire(neuron, current, scaled)
    _scale_constants(neuron, inverse)
    UNIT.write(neuron, unit.tolist())
    return True


def _is_usable(neuron: ir.Node, unit: np.ndarray) -> bool:
    """Whether thresholds can be told from one another by channel, and are not 1 already."""
    current, potential = neuron.inputs[:2]
    rank = rank_of(current)
    is_known = rank is not None and unit.ndim <= rank
    has_start = potential is not None and not _is_made_by_state(potential)
    return is_known and has_start and bool((unit > 0).all()) and bool((unit != 1).any())


def _is_made_by_state(value: ir.Value) -> bool:
    """Whether a state is made by another node with states."""
    maker = value.producer()
    return maker is not None and is_stateful(maker)


def _scale_constants(neuron: ir.Node, factor: np.ndarray) -> None:
    """Give a neuron thresholds and an initial potential that are ``factor`` times as large."""
    graph = neuron.graph
    assert graph is not None  # of a single-step graph
    names = list(named_inputs(neuron))
    for name in _THRESHOLDS:
        if name not in names:
            continue
        position = names.index(name)
        old = neuron.inputs[position]
        data = array(old)
        scaled = data * factor
        if name == "v_threshold" or np.array_equal(data * factor, np.ones_like(data)):
            scaled = np.ones([1] * data.ndim)
        new_name = f"{display_name(neuron)}.{name}"
        new = constant(graph, new_name, scaled.astype(data.dtype))
        neuron.replace_input_with(position, new)
    state = named_inputs(neuron)["v"]
    start = starting_value(state)
    set_starting_value(state, (start * factor).astype(start.dtype))


def _scale_value(value: ir.Value, factor: np.ndarray, reader: ir.Node) -> ir.Value:
    """Return ``value`` times ``factor``, by other constants where ``reader`` alone reads it."""
    maker = value.producer()
    is_ours_alone = has_one_reader(value) and not value.is_graph_output()
    if maker is not None and is_ours_alone:
        if is_op(maker, "Add", "Sub"):
            for operand in tuple(maker.inputs):
                assert operand is not None  # sums have two
                scaled = _scale_value(operand, factor, maker)
                rewire(maker, operand, scaled)
            return value
        if _scale_weights(maker, value, factor):
            return value
    return _scale_product(value, factor, reader)


def _scale_weights(node: ir.Node, output: ir.Value, factor: np.ndarray) -> bool:
    """Let constants of ``node`` make its output ``factor`` times as large; whether they can."""
    rank = rank_of(output)
    if not has_plain_weights(node) or rank is None:
        return False
    full = factor.reshape([1] * (rank - factor.ndim) + list(factor.shape))
    channels = count_output_channels(node)
    is_per_channel = varies_by_channel_only(node, full) and full.size in {1, channels}
    if not is_per_channel:
        return False
    scale = np.broadcast_to(full.reshape(-1), channels)
    graph = node.graph
    assert graph is not None
    weights = array(node.inputs[1])
    scaled = scale_outputs(node, scale).astype(weights.dtype)
    node.replace_input_with(1, constant(graph, f"{output.name}.weight", scaled))
    bias = read_bias(node)
    if bias is not None:
        new_bias = (bias * scale).astype(bias.dtype)
        node.replace_input_with(2, constant(graph, f"{output.name}.bias", new_bias))
    return True


def _scale_product(value: ir.Value, factor: np.ndarray, reader: ir.Node) -> ir.Value:
    """Return a new product: of a constant, of what ``value`` is a multiple of, or of itself."""
    graph = reader.graph
    assert graph is not None
    name = str(value.name)
    dtype = value.dtype.numpy() if value.dtype else np.dtype(np.float32)
    if is_constant(value):
        return constant(graph, f"{name}.scaled", (array(value) * factor).astype(dtype))
    maker = value.producer()
    base = value
    if maker is not None and is_op(maker, "Mul") and is_constant(maker.inputs[1]):
        assert maker.inputs[0] is not None
        base = maker.inputs[0]
        factor = array(maker.inputs[1]) * factor
    scale = constant(graph, f"{name}.scale", factor.astype(dtype))
    return NodeBuilder(graph).add("Mul", [base, scale], f"{name}.scaled", like=value)

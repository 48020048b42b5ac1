"""Take the quantizers that are spelled in float arithmetic out of a network."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.fake_quantizers import ROUNDINGS, uniform_quantizer_of
from onnx2snn.analysis.operators import operator_of
from onnx2snn.analysis.rectifiers import is_symmetric_clip
from onnx2snn.graph import (
    closure,
    constant,
    dependency_graph,
    display_name,
    is_op,
    remove_unused,
    take_over,
)
from onnx2snn.graph.quantization import along_axis
from onnx2snn.graph.sources import add_sources, find_inner_nodes
from onnx2snn.metadata.scale import QUANTIZER_RANGE, QuantizerRange

if TYPE_CHECKING:
    from onnx2snn.analysis.fake_quantizers import UniformQuantizer

__all__ = ["RemoveFakeQuantizers", "with_fake_quantizers"]

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class RemoveFakeQuantizers(ir.passes.InPlacePass):
    """Replace a quantizer that is spelled in float arithmetic by the clamp that it quantizes.

    This is the form of QCFS, of fake quantization, and of other activations trained for few
    levels. With one threshold theta:

        before:  y = theta * (Floor(Clip(x / theta, 0, 1) * L + 0.5) / L)
        after:   y = Clip(x, 0, theta)

    Where thresholds differ along an axis, a Relu takes the place of the Clip; where the values
    reach from -theta to theta, a Clip with these bounds.

    The threshold, the number of steps L, and where in a step the rounding is (here in the middle:
    0.5) are annotated on the result. They are the threshold and the initial potential of a neuron
    that does exactly the same in L time steps of constant input, so the pass ``calibrate`` needs
    no data for it.

    It is told by what it does: nodes in front of the rounding (Floor, Round or Ceil) and behind
    it may be any Add, Clip, Div, Identity, Max, Min, Mul, Neg, Relu and Sub with constants that
    together make equal steps of the same size in x and in y, and ``u + (Floor(u) - u)`` may stand
    for ``Floor(u)``. The result is not quantized any more: the difference is half a step.

    Left alone: a rounding that no weights stand in front of, and, with a warning if weights
    depend on it, one in any other company.

    Source: the quantizers of Bu et al., ICLR 2022, and Esser et al., ICLR 2020.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        edges = dependency_graph(model.graph)
        weights = [node for node in model.graph if operator_of(node).is_weighted]
        behind_weights = closure(edges, weights)
        before_weights = closure(edges.reverse(copy=False), weights)
        modified = False
        for node in tuple(model.graph):
            is_rounding = is_op(node, *ROUNDINGS)
            if not is_rounding or node not in behind_weights:
                continue
            if _remove_quantizer(node):
                modified = True
            elif node in before_weights:
                _LOGGER.warning(_UNKNOWN, node.op_type, display_name(node))
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _remove_quantizer(rounding: ir.Node) -> bool:
    """Replace the quantizer around a rounding by a clamp; whether there is one."""
    quantizer = uniform_quantizer_of(rounding)
    if quantizer is None or not _has_neurons(quantizer):
        return False
    graph = rounding.graph
    assert isinstance(graph, ir.Graph)
    node = _clamp_of(graph, quantizer, display_name(rounding))
    graph.insert_before(rounding, node)
    output = node.outputs[0]
    last = quantizer.y.producer()
    assert last is not None  # it computes a quantizer
    inside = find_inner_nodes(last, quantizer.x)
    take_over(quantizer.y, output)
    add_sources(node, inside)
    steps = quantizer.steps
    limit = QuantizerRange(
        values=steps.theta.reshape(-1),
        axis=_axis_of_thresholds(quantizer),
        levels=steps.levels,
        v_init=steps.v_init,
    )
    QUANTIZER_RANGE.write(output, limit)
    return True


def _clamp_of(graph: ir.Graph, quantizer: UniformQuantizer, name: str) -> ir.Node:
    """Return the node that limits x as the quantizer does, in a graph by another."""
    x = quantizer.x
    steps = quantizer.steps
    if steps.theta.size > 1:
        return ir.node("Relu", [x], name=name)
    dtype = np.dtype(np.float32)
    if x.dtype is not None:
        dtype = x.dtype.numpy()
    high = steps.theta.reshape([]).astype(dtype)
    low = -high if steps.is_signed else np.zeros_like(high)
    prefix = quantizer.y.name
    lower_bound = constant(graph, f"{prefix}.min", low)
    upper_bound = constant(graph, f"{prefix}.max", high)
    return ir.node("Clip", [x, lower_bound, upper_bound], name=name)


def _has_neurons(quantizer: UniformQuantizer) -> bool:
    """Whether neurons have its thresholds: one, or a rectifier's along one axis of ``x``."""
    x = quantizer.x
    theta = quantizer.steps.theta
    if theta.size == 1:
        return True
    if quantizer.steps.is_signed or x.shape is None:
        return False
    rank = len(x.shape)
    lies_along_one_axis = theta.size == max(theta.shape)
    return lies_along_one_axis and theta.ndim <= rank


def _axis_of_thresholds(quantizer: UniformQuantizer) -> int | None:
    """Return the axis of ``x`` along which thresholds differ, None for one threshold."""
    x = quantizer.x
    theta = quantizer.steps.theta
    if theta.size == 1:
        return None
    assert x.shape is not None
    axis_of_theta = int(np.argmax(theta.shape))
    return len(x.shape) - theta.ndim + axis_of_theta


def with_fake_quantizers(ann: ir.Model) -> ir.Model:
    """Return a copy of ``ann`` that is quantized again as it was trained.

    The activations keep their names. It is what a spiking network is to be compared with: without
    its quantizers, a network trained with them may be another one.
    """
    copy = ann.clone()
    for node in tuple(copy.graph):
        for value in node.outputs:
            limit = QUANTIZER_RANGE.read(value)
            if limit is not None and limit.v_init is not None:
                _quantize(copy.graph, value, limit)
    copy.graph.sort()
    return copy


def _quantize(graph: ir.Graph, value: ir.Value, limit: QuantizerRange) -> None:
    """Put ``theta * (clip(floor(value / theta * L + v_init), 0, L) / L)`` in its place."""
    first = None
    last = value
    operations = _quantizing_operations(value, limit)
    for index, (operator, *numbers) in enumerate(operations):
        inputs = [last]
        for position, number in enumerate(numbers):
            name = f"{value.name}.{index}.{position}"
            data = np.asarray(number, np.float32)
            operand = constant(graph, name, data)
            inputs.append(operand)
        node = ir.node(operator, inputs)
        graph.append(node)
        first = first or node
        last = node.outputs[0]
        last.type = value.type
        last.shape = value.shape
    take_over(value, last)
    assert first is not None
    # it has just been given the new value, like all readers
    first.replace_input_with(0, value)


def _quantizing_operations(
    value: ir.Value,
    limit: QuantizerRange,
) -> list[_Operation]:
    """Return the operators that quantize, one after the other, and their constants."""
    rank = 0
    if value.shape is not None and limit.axis is not None:
        rank = len(value.shape)
    theta = along_axis(limit.values, limit.axis, rank)
    producer = value.producer()
    is_signed = producer is not None and is_symmetric_clip(producer)
    levels = limit.levels
    lowest = -levels if is_signed else 0
    return [
        ("Div", theta),
        ("Mul", levels),
        ("Add", limit.v_init or 0.0),
        ("Floor",),
        ("Clip", lowest, levels),
        ("Div", levels),
        ("Mul", theta),
    ]


_Operation: TypeAlias = "tuple[str, *tuple[float | np.ndarray, ...]]"

_UNKNOWN = (
    "%s %r rounds in a way that is no quantizer of equal steps from 0: it stays as it is; "
    "its threshold comes from calibration"
)

"""Take the quantizers that are spelled in float arithmetic out of a network."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.activations import is_symmetric_clip
from onnx2snn.analysis.fake_quantizers import ROUNDINGS, uniform_quantizer_of
from onnx2snn.analysis.rules import WEIGHTED
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
from onnx2snn.metadata.scale import QuantizerRange

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
    0.5) are noted on the result. They are the threshold and the initial potential of a neuron
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
        weights = [node for node in model.graph if is_op(node, *WEIGHTED)]
        behind = closure(edges, weights)
        before = closure(edges.reverse(copy=False), weights)
        roundings = [n for n in model.graph if n in behind and is_op(n, *ROUNDINGS)]
        unknown = [node for node in roundings if not _rewrite(node)]
        for node in unknown:
            if node in before:
                _LOGGER.warning(_UNKNOWN, node.op_type, display_name(node))
        modified = len(unknown) < len(roundings)
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _rewrite(rounding: ir.Node) -> bool:
    stairs = uniform_quantizer_of(rounding)
    if stairs is None or not _has_one_axis(stairs):
        return False
    graph = rounding.graph
    assert isinstance(graph, ir.Graph)
    node = _clamp(graph, stairs, display_name(rounding))
    graph.insert_before(rounding, node)
    output = node.outputs[0]
    take_over(stairs.y, output)
    theta = stairs.steps.theta.reshape(-1)
    QuantizerRange(
        theta, _axis(stairs), stairs.steps.levels, stairs.steps.v_init
    ).write(output)
    return True


def _clamp(graph: ir.Graph, stairs: UniformQuantizer, name: str) -> ir.Node:
    if stairs.steps.theta.size > 1:
        return ir.node("Relu", [stairs.x], name=name)
    theta = stairs.steps.theta.reshape([])
    dtype = np.dtype(np.float32) if stairs.x.dtype is None else stairs.x.dtype.numpy()
    bounds = {
        "min": -theta if stairs.steps.is_signed else np.zeros_like(theta),
        "max": theta,
    }
    inputs = [
        constant(graph, f"{stairs.y.name}.{key}", bound.astype(dtype))
        for key, bound in bounds.items()
    ]
    return ir.node("Clip", [stairs.x, *inputs], name=name)


def _has_one_axis(stairs: UniformQuantizer) -> bool:
    """Whether thresholds are one, or those of a rectifier along one axis of ``x``."""
    rank = -1 if stairs.x.shape is None else len(stairs.x.shape)
    largest = max(stairs.steps.theta.shape, default=1)
    alone = stairs.steps.theta.size == largest and stairs.steps.theta.ndim <= rank
    return stairs.steps.theta.size == 1 or (alone and not stairs.steps.is_signed)


def _axis(stairs: UniformQuantizer) -> int | None:
    """Return the axis of ``x`` along which thresholds differ, None for one threshold."""
    if stairs.steps.theta.size == 1:
        return None
    assert stairs.x.shape is not None
    return (
        len(stairs.x.shape)
        - stairs.steps.theta.ndim
        + int(np.argmax(stairs.steps.theta.shape))
    )


def with_fake_quantizers(ann: ir.Model) -> ir.Model:
    """Return a copy of ``ann`` that is quantized again as it was trained.

    The activations keep their names. It is what a spiking network is to be compared with: without
    its quantizers, a network trained with them may be another one.
    """
    copy = ann.clone()
    for node in tuple(copy.graph):
        for value in node.outputs:
            noted = QuantizerRange.read(value)
            if noted is not None and noted.v_init is not None:
                _quantize(copy.graph, value, noted)
    copy.graph.sort()
    return copy


def _quantize(graph: ir.Graph, value: ir.Value, noted: QuantizerRange) -> None:
    """Put ``theta * (clip(floor(value / theta * L + v_init), 0, L) / L)`` in its place."""
    rank = 0 if value.shape is None else len(value.shape)
    producer = value.producer()
    signed = producer is not None and is_symmetric_clip(producer)
    steps = noted.levels
    theta = along_axis(noted.values, noted.axis, rank if noted.axis is not None else 0)
    operations: list[tuple[str, tuple[float | np.ndarray, ...]]] = [
        ("Div", (theta,)),
        ("Mul", (steps,)),
        ("Add", (noted.v_init or 0.0,)),
        ("Floor", ()),
        ("Clip", (-steps if signed else 0, steps)),
        ("Div", (steps,)),
        ("Mul", (theta,)),
    ]
    first, last = None, value
    for index, (operator, operands) in enumerate(operations):
        inputs = [
            constant(
                graph,
                f"{value.name}.{index}.{position}",
                np.asarray(operand, np.float32),
            )
            for position, operand in enumerate(operands)
        ]
        node = ir.node(operator, [last, *inputs])
        graph.append(node)
        first, last = first or node, node.outputs[0]
        last.type, last.shape = value.type, value.shape
    take_over(value, last)
    assert first is not None
    first.replace_input_with(
        0, value
    )  # it has just been given the new value, like all readers


_UNKNOWN = (
    "%s %r rounds in a way that is no quantizer of equal steps from 0: it stays as it is, and "
    "what the threshold around it is comes from calibration"
)

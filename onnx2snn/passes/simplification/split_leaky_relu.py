"""Give a leaky activation two rectifiers, one for each sign."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.activations import activations
from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    is_constant,
    is_op,
    take_over,
)

__all__ = ["SplitLeakyRelu"]


@dataclasses.dataclass(frozen=True)
class SplitLeakyRelu(ir.passes.InPlacePass):
    """Write a LeakyRelu, or a PRelu with constant slopes, as two rectifiers.

        before:  y = LeakyRelu<alpha = 0.1>(x)
        after:   y = Relu(x) + (-0.1) * Relu(-x)

    A pair of neurons takes its place, one that fires on positive currents and one on negative
    ones, each with a threshold fit for its side: where the slope is small, or one side reaches
    further than the other, one signed neuron would have levels too coarse for the smaller side.

    Exact. Left alone: a slope of 1, one that is no constant, and activations of the readout.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the activations of the main graph."""
        modified = False
        for value in activations(model.graph):
            node = value.producer()
            if node is not None and _split_if_leaky(node):
                modified = True
        return ir.passes.PassResult(model, modified=modified)


def _split_if_leaky(node: ir.Node) -> bool:
    slope = _slope_below_zero(node)
    if slope is None:
        return False
    is_identity = (slope == 1).all()
    if is_identity:
        return False
    _split(node, slope)
    return True


def _slope_below_zero(node: ir.Node) -> np.ndarray | None:
    """Return the slope below 0 of a leaky ``node``, a number or in the shape of a PRelu's."""
    x = node.inputs[0]
    if x is None or x.dtype is None:
        return None
    if is_op(node, "LeakyRelu"):
        alpha = node.attributes.get_float("alpha", 0.01)
        return np.array(alpha, x.dtype.numpy())
    if not is_op(node, "PRelu"):
        return None
    slope = node.inputs[1]
    if is_constant(slope):
        return array(slope)
    return None


def _split(node: ir.Node, slope: np.ndarray) -> None:
    """Put ``Relu(x) + (-slope) * Relu(-x)`` in the place of ``node``."""
    x = node.inputs[0]
    output = node.outputs[0]
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    factor = constant(graph, f"{output.name}.slope", -slope)
    name = display_name(node)
    positive = ir.node("Relu", [x], name=name)
    flipped = ir.node("Neg", [x], name=f"{name}.flipped")
    negative = ir.node("Relu", flipped.outputs, name=f"{name}.negative")
    leak = ir.node("Mul", [*negative.outputs, factor], name=f"{name}.leak")
    total = ir.node("Add", [*positive.outputs, *leak.outputs], name=f"{name}.sum")
    parts = {
        "positive": positive,
        "flipped": flipped,
        "negative": negative,
        "leak": leak,
        "sum": total,
    }
    builder = NodeBuilder.before(node)
    for suffix, part in parts.items():
        builder.put(part, f"{output.name}.{suffix}", like=output)
        part.metadata_props.update(node.metadata_props)
    take_over(output, total.outputs[0])
    graph.remove(node, safe=True)

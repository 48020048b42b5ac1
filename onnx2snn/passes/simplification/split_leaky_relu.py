"""Give a leaky activation two rectifiers, one for each sign."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            slope = None if node is None else _slope(node)
            if node is not None and slope is not None and not (slope == 1).all():
                _split(model.graph, node, slope)
                modified = True
        return ir.passes.PassResult(model, modified=modified)


def _slope(node: ir.Node) -> np.ndarray | None:
    """Return the slope below 0 of a leaky ``node``, a number or in the shape of a PRelu's."""
    x = node.inputs[0]
    if x is None or x.dtype is None:
        return None
    if is_op(node, "LeakyRelu"):
        return np.array(node.attributes.get_float("alpha", 0.01), x.dtype.numpy())
    if is_op(node, "PRelu") and is_constant(node.inputs[1]):
        return array(node.inputs[1])
    return None


def _split(graph: ir.Graph, node: ir.Node, slope: np.ndarray) -> None:
    output = node.outputs[0]
    x = node.inputs[0]
    builder = NodeBuilder.before(node)
    factor = constant(graph, f"{output.name}.slope", -slope)
    nodes = list(_halves(x, factor, display_name(node)))
    for new, suffix in zip(
        nodes, ("positive", "flipped", "negative", "leak", "sum"), strict=True
    ):
        builder.put(new, f"{output.name}.{suffix}", like=output)
        new.metadata_props.update(node.metadata_props)
    take_over(output, nodes[-1].outputs[0])
    graph.remove(node, safe=True)


def _halves(x: ir.Value | None, factor: ir.Value, name: str) -> Iterator[ir.Node]:
    """Give the nodes of ``Relu(x) + factor * Relu(-x)``, in their order."""
    positive = ir.node("Relu", [x], name=name)
    flipped = ir.node("Neg", [x], name=f"{name}.flipped")
    negative = ir.node("Relu", flipped.outputs, name=f"{name}.negative")
    leak = ir.node("Mul", [negative.outputs[0], factor], name=f"{name}.leak")
    total = ir.node("Add", [positive.outputs[0], leak.outputs[0]], name=f"{name}.sum")
    yield from (positive, flipped, negative, leak, total)

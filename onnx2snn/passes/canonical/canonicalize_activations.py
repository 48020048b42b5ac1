"""Write each clamp as one Relu or Clip, and each leaky one as LeakyRelu."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.clamps import Clamp, Clamps, Leak
from onnx2snn.graph import constant, is_op, remove_unused, replace_node
from onnx2snn.graph.sources import add_sources, find_inner_nodes

__all__ = ["CanonicalizeActivations"]


@dataclasses.dataclass(frozen=True)
class CanonicalizeActivations(ir.passes.InPlacePass):
    """Replace the ways in which exporters spell clamps and leaky clamps by one node each.

        before:  h = Max(x, 0);  y = Min(h, 6)
        after:   y = Clip(x, 0, 6)

        before:  m = Greater(x, 0);  y = Where(m, x, 0)
        after:   y = Relu(x)

        before:  h = Mul(x, 0.1);  y = Max(x, h)
        after:   y = LeakyRelu<alpha = 0.1>(x)

    A function of one value, element by element, that is a clamp is found in whatever words it
    is spelled, out of Abs, Add, Cast, Clip, Div, comparisons, LeakyRelu, Max, Min, Mul, Neg, Not,
    PRelu, Relu, Sub, Sum, ThresholdedRelu and Where with numbers: its lines and kinks are
    computed. It becomes Relu if its bounds are 0 and infinity (or the largest number of the
    type), else Clip with the bounds it has. Leaky is a function that is x for x > 0, else
    slope x; only LeakyRelu and PRelu may have a slope below 0. A clamp of a clamp is one clamp.
    Exact for every finite number, but for rounding where the clamp was spelled with sums.
    Main graph and subgraphs.

    Left as they are: integers, and values of unknown type; bounds that are not constant, not
    the same for all elements, or crossed; the inner clamp where it has other readers.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in the order of the graph, so that the inner clamp comes first."""
        modified = False
        for graph in model.graphs():
            if _rewrite_graph(graph):
                modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _rewrite_graph(graph: ir.Graph) -> bool:
    """Replace the clamps of ``graph``; whether there were any to replace."""
    clamps = Clamps()
    modified = False
    for node in tuple(graph):
        is_there = node.graph is not None
        if is_there and _rewrite_node(node, clamps):
            modified = True
    return modified


def _rewrite_node(node: ir.Node, clamps: Clamps) -> bool:
    is_of_onnx = is_op(node, node.op_type)
    if not is_of_onnx or len(node.outputs) != 1:
        return False
    clamp = clamps.find(node)
    if clamp is None or _is_canonical(node, clamp):
        return False
    old = node.outputs[0]
    new = _canonical_node(node, clamp)
    inside = find_inner_nodes(node, clamp.x)
    add_sources(new, [node, *inside])
    replace_node(node, new)
    clamps.replace(old, new.outputs[0])
    return True


def _is_canonical(node: ir.Node, clamp: Clamp | Leak) -> bool:
    """Whether ``node`` is already written as ``clamp`` is to be."""
    if node.inputs[0] is not clamp.x:
        return False
    if isinstance(clamp, Leak):
        return is_op(node, "LeakyRelu")
    if clamp.is_relu:
        return is_op(node, "Relu")
    if not is_op(node, "Clip"):
        return False
    has_low = _has_bound(node, 1, clamp.low)
    has_high = _has_bound(node, 2, clamp.high)
    return has_low and has_high


def _has_bound(clip: ir.Node, position: int, number: float) -> bool:
    """Whether a bound is left out where ``number`` is infinite, else a scalar."""
    bound = None
    if position < len(clip.inputs):
        bound = clip.inputs[position]
    if math.isinf(number):
        return bound is None
    return bound is not None and bound.shape == ()


def _canonical_node(node: ir.Node, clamp: Clamp | Leak) -> ir.Node:
    """Return the one node that does what ``clamp`` says of ``node``."""
    if isinstance(clamp, Leak):
        alpha = float(clamp.slope)
        return ir.node("LeakyRelu", [clamp.x], {"alpha": alpha})
    if clamp.is_relu:
        return ir.node("Relu", [clamp.x])
    low = _bound_of(node, clamp, "min", clamp.low)
    high = _bound_of(node, clamp, "max", clamp.high)
    inputs = [clamp.x, low, high]
    while inputs[-1] is None:
        inputs.pop()
    return ir.node("Clip", inputs)


def _bound_of(
    node: ir.Node,
    clamp: Clamp,
    suffix: str,
    number: float,
) -> ir.Value | None:
    """Return a bound as an initializer of the type of ``clamp.x``, None if infinite."""
    if math.isinf(number):
        return None
    graph = node.graph
    dtype = clamp.x.dtype
    assert isinstance(graph, ir.Graph)
    assert dtype is not None
    data = np.array(number, dtype.numpy())
    name = f"{node.outputs[0].name}.{suffix}"
    return constant(graph, name, data)

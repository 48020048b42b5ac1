"""Write each clamp as one Relu or Clip, and each leaky one as LeakyRelu."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.clamps import Clamp, Clamps, Leak
from onnx2snn.graph import constant, is_op, remove_unused, replace_node

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        rewritten = []
        for graph in model.graphs():
            clamps = Clamps()
            rewritten += [_rewrite(node, clamps) for node in tuple(graph) if node.graph]
        if any(rewritten):
            remove_unused(model)
        return ir.passes.PassResult(model, modified=any(rewritten))


def _rewrite(node: ir.Node, clamps: Clamps) -> bool:
    if len(node.outputs) != 1 or node.domain not in ("", "ai.onnx"):
        return False
    clamp = clamps.find(node)
    if clamp is None or _is_canonical(node, clamp):
        return False
    old = node.outputs[0]
    new = _node(node, clamp)
    replace_node(node, new)
    clamps.replace(old, new.outputs[0])
    return True


def _is_canonical(node: ir.Node, clamp: Clamp | Leak) -> bool:
    if node.inputs[0] is not clamp.x:
        return False
    if isinstance(clamp, Leak) or clamp.is_relu:
        return is_op(node, "LeakyRelu" if isinstance(clamp, Leak) else "Relu")
    if not is_op(node, "Clip"):
        return False
    bounds = [*node.inputs[1:], None, None][:2]
    expected = (clamp.low, clamp.high)
    return all(
        bound is None if math.isinf(number) else bound is not None and bound.shape == ()
        for bound, number in zip(bounds, expected, strict=True)
    )


def _node(node: ir.Node, clamp: Clamp | Leak) -> ir.Node:
    if isinstance(clamp, Leak):
        return ir.Node(
            "", "LeakyRelu", [clamp.x], [ir.AttrFloat32("alpha", clamp.slope)]
        )
    if clamp.is_relu:
        return ir.Node("", "Relu", [clamp.x])
    return ir.Node("", "Clip", [clamp.x, *_bounds(node, clamp)])


def _bounds(node: ir.Node, clamp: Clamp) -> Iterator[ir.Value | None]:
    """Give the bounds as initializers of the type of ``clamp.x``, None for an infinite one."""
    graph, dtype = node.graph, clamp.x.dtype
    assert isinstance(graph, ir.Graph)
    assert dtype is not None
    numbers = {"min": clamp.low, "max": clamp.high}
    while numbers and math.isinf(numbers[next(reversed(numbers))]):
        numbers.popitem()
    for suffix, number in numbers.items():
        if math.isinf(number):
            yield None
        else:
            data = np.array(number, dtype.numpy())
            yield constant(graph, f"{node.outputs[0].name}.{suffix}", data)

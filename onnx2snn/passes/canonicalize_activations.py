"""Write each clamp as one Relu or Clip, and each leaky one as LeakyRelu."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import constant, has_one_reader, is_op, remove_unused, replace_node
from onnx2snn.passes.clamps import Clamp, clamp_of, leak_of

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

    With a number c a clamp is Relu(x), Clip(x, c, c), Max(x, c), Min(x, c), Where(x > c, x, c)
    and the like, Mul(x, Cast(x > 0)), LeakyRelu or ThresholdedRelu with alpha 0, and PRelu with
    slope 0. A clamp of a clamp is one clamp. It becomes Relu if its bounds are 0 and
    infinity (or the largest number of the type), else Clip with the bounds it has. Leaky are
    LeakyRelu(x), PRelu(x) with one slope for all, and Max(x, c x) or Where(x > 0, x, c x)
    for c from 0 to 1. Exact for every finite number.
    Main graph and subgraphs.

    Left as they are: integers, and values of unknown type; bounds that are not constant, not
    the same for all elements, or crossed; the inner clamp where it has other readers.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in the order of the graph, so that the inner clamp comes first."""
        rewritten = [
            _rewrite(node) for graph in model.graphs() for node in tuple(graph) if node.graph
        ]
        if any(rewritten):
            remove_unused(model)
        return ir.passes.PassResult(model, modified=any(rewritten))


def _rewrite(node: ir.Node) -> bool:
    if len(node.outputs) != 1 or node.domain not in ("", "ai.onnx"):
        return False
    clamp = clamp_of(node)
    if clamp is not None:
        return _rewrite_clamp(node, clamp)
    leak = leak_of(node)
    if leak is None or is_op(node, "LeakyRelu"):
        return False
    attributes = [ir.AttrFloat32("alpha", leak.slope)]
    replace_node(node, ir.Node("", "LeakyRelu", [leak.x], attributes))
    return True


def _rewrite_clamp(node: ir.Node, clamp: Clamp) -> bool:
    inner_node = clamp.x.producer()
    inner = clamp_of(inner_node) if inner_node is not None and has_one_reader(clamp.x) else None
    if inner is None and _is_canonical(node, clamp):
        return False
    if inner is not None:
        clamp = clamp.after(inner)
    replace_node(node, _node(node, clamp))
    return True


def _is_canonical(node: ir.Node, clamp: Clamp) -> bool:
    if clamp.is_relu:
        return is_op(node, "Relu")
    if not is_op(node, "Clip"):
        return False
    bounds = [*node.inputs[1:], None, None][:2]
    expected = (clamp.low, clamp.high)
    return all(
        bound is None if math.isinf(number) else bound is not None and bound.shape == ()
        for bound, number in zip(bounds, expected, strict=True)
    )


def _node(node: ir.Node, clamp: Clamp) -> ir.Node:
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

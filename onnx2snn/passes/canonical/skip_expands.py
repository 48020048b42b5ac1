"""Let elementwise operators read what an Expand repeats, not what it gives."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import dims_of, is_op, remove_unused
from onnx2snn.graph.sources import add_sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onnx2snn.graph import Dims

__all__ = ["SkipExpands"]


@dataclasses.dataclass(frozen=True)
class SkipExpands(ir.passes.InPlacePass):
    """Leave repeating along axes to the elementwise operators, which do so by themselves.

        before:  z = Expand(0, [N, 32]);  y = Max(x, z)      with x of shape [N, 32]
        after:   y = Max(x, 0)

    Exporters of JAX repeat each number to the shape of what it meets. Where that shape has a
    free batch the result is no constant, and ``y`` would be a function of two values. Exact.
    Main graph and subgraphs.

    Left as they are: Expands whose result has a size that no other operand has, or one that is
    neither a number nor a name.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite in the order of the graph; a name is one size within the whole model."""
        modified = False
        for graph in model.graphs():
            for node in graph:
                if operator_of(node).is_elementwise and _skip(node):
                    modified = True
        if modified:
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)


def _skip(node: ir.Node) -> bool:
    """Read past each Expand that is not needed; whether there were any."""
    modified = False
    for position, value in enumerate(node.inputs):
        expand = None if value is None else value.producer()
        if expand is None or not is_op(expand, "Expand"):
            continue
        if _is_needed(expand, position, node):
            continue
        node.replace_input_with(position, expand.inputs[0])
        add_sources(node, [expand])
        modified = True
    return modified


def _is_needed(expand: ir.Node, position: int, node: ir.Node) -> bool:
    """Whether the result of ``node`` would be smaller without an Expand in front of it."""
    operands = list(node.inputs)
    operands[position] = expand.inputs[0]
    without = _broadcast_dims(operands)
    expanded = dims_of(expand.outputs[0])
    if without is None or expanded is None or len(expanded) > len(without):
        return True
    beside = without[len(without) - len(expanded) :]
    return any(
        size not in (1, other) or size is None
        for size, other in zip(expanded, beside, strict=True)
    )


def _broadcast_dims(operands: Iterable[ir.Value | None]) -> Dims | None:
    """Return the sizes that operands broadcast to, None for one where they are not known."""
    given = [dims_of(value) for value in operands if value is not None]
    known = [dims for dims in given if dims is not None]
    if len(known) < len(given):
        return None
    rank = max(map(len, known))
    return tuple(_broadcast_size(known, axis) for axis in range(-rank, 0))


def _broadcast_size(shapes: Iterable[Dims], axis: int) -> int | str | None:
    """Return the size of an axis, counted from the last, None if it is not known."""
    sizes = {dims[axis] for dims in shapes if len(dims) >= -axis}
    larger = sizes - {1}
    if len(larger) > 1:
        return None
    return larger.pop() if larger else 1

"""Finding values whose very shape depends on what streams hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.graph import is_op, reads, subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["data_dependent_values"]


def data_dependent_values(
    graph: ir.Graph, streams: Iterable[ir.Value]
) -> set[ir.Value]:
    """Return the values whose shape depends on the numbers in ``streams``.

    The positions that NonZero finds in a stream are the plainest example: they are more or
    fewer from step to step, and so is all that is gathered at them. A state needs a shape that
    stays, so no neuron can stand there, no sum can be taken, and no step be subtracted from the
    one before. A shape that inference knows in numbers and dimensions of the graph's inputs
    stays, whatever it was computed from.

    Args:
        graph: An ANN, or a model in step form.
        streams: Values that change from step to step.
    """
    names = {dim.value for value in graph.inputs for dim in _symbols(value)} - {None}
    finder = _Finder(names, streams)
    finder.visit(graph)
    return finder.elastic


def _symbols(value: ir.Value) -> list[ir.SymbolicDim]:
    return [dim for dim in value.shape or () if isinstance(dim, ir.SymbolicDim)]


class _Finder:
    """What changes from step to step, and what changes its shape."""

    def __init__(self, names: set[str | None], streams: Iterable[ir.Value]) -> None:
        self.elastic: set[ir.Value] = set()
        self._names = names
        self._moving = set(streams)

    def visit(self, graph: ir.Graph) -> None:
        """Follow the streams through ``graph``."""
        for node in graph:
            read = reads(node)
            resized = not self.elastic.isdisjoint(read)
            operator = operator_of(node)
            shape_only = operator.form is Form.SHAPE
            if self._moving.isdisjoint(read) or (shape_only and not resized):
                continue
            resized |= any(self._moves(node, position) for position in operator.sizes)
            for body in subgraphs(node):
                resized |= self._resizes(node, body)
            self._moving.update(node.outputs)
            if resized:
                self.elastic.update(
                    value for value in node.outputs if not self._stays(value)
                )

    def _resizes(self, node: ir.Node, body: ir.Graph) -> bool:
        """Whether ``body`` of ``node`` gives results of changing shapes, or ends when it likes."""
        offset = (
            1 if is_op(node, "Loop") else 0
        )  # a Loop's body is given the number of the turn
        links = [*zip(node.inputs[offset:], body.inputs[offset:], strict=False)]
        if is_op(node, "If"):
            links = []
        if is_op(node, "Loop", "Scan"):
            states = (
                len(body.inputs)
                - node.attributes.get_int("num_scan_inputs", 0)
                - offset
            )
            links += zip(body.outputs[:states], body.inputs[offset:], strict=False)
        known = -1
        while known != len(self._moving) + len(self.elastic):
            known = len(self._moving) + len(self.elastic)
            for known_as in (self._moving, self.elastic):
                known_as.update(inner for outer, inner in links if outer in known_as)
            self.visit(body)
        ends = is_op(node, "Loop") and body.outputs[0] in self._moving
        return ends or not self.elastic.isdisjoint(body.outputs)

    def _moves(self, node: ir.Node, position: int) -> bool:
        return position < len(node.inputs) and node.inputs[position] in self._moving

    def _stays(self, value: ir.Value) -> bool:
        if value.shape is None:
            return False
        return all(
            isinstance(dim, int) or dim.value in self._names for dim in value.shape
        )

"""Finding values whose very shape depends on what streams hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.graph import dims_of, input_at, is_op, reads, subgraphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    _Link = tuple[ir.Value | None, ir.Value]

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
        graph: An ANN, or a single-step graph.
        streams: Values that change from step to step.
    """
    finder = _Finder(_names_of_input_dimensions(graph), streams)
    finder.visit_graph(graph)
    return finder.data_dependent


def _names_of_input_dimensions(graph: ir.Graph) -> set[str]:
    names = set()
    for value in graph.inputs:
        for dimension in value.shape or ():
            if isinstance(dimension, ir.SymbolicDim) and dimension.value is not None:
                names.add(dimension.value)
    return names


class _Finder:
    """Values that change from step to step, and those that change their shape."""

    def __init__(self, names: set[str], streams: Iterable[ir.Value]) -> None:
        self.data_dependent: set[ir.Value] = set()
        self._names_that_stay = names
        self._varying = set(streams)

    def visit_graph(self, graph: ir.Graph) -> None:
        """Follow the streams through ``graph``."""
        for node in graph:
            self._visit_node(node)

    def _visit_node(self, node: ir.Node) -> None:
        read = reads(node)
        if self._varying.isdisjoint(read):
            return
        is_resized = not self.data_dependent.isdisjoint(read)
        if operator_of(node).form is Form.SHAPE and not is_resized:
            return
        resizes = self._resizes(node)
        self._varying.update(node.outputs)
        if is_resized or resizes:
            changing = [v for v in node.outputs if not self._has_fixed_shape(v)]
            self.data_dependent.update(changing)

    def _resizes(self, node: ir.Node) -> bool:
        """Whether streams decide how large the results of ``node`` are."""
        bodies = [self._gives_other_shapes(node, body) for body in subgraphs(node)]
        if any(bodies):
            return True
        positions = operator_of(node).sizes
        return any(self._is_varying_input(node, position) for position in positions)

    def _gives_other_shapes(self, node: ir.Node, body: ir.Graph) -> bool:
        """Whether ``body`` gives results of changing shapes, or a changing number of turns."""
        links = _values_handed_in(node, body)
        known = -1
        while known != self._count_known():
            known = self._count_known()
            self._hand_in(links, self._varying)
            self._hand_in(links, self.data_dependent)
            self.visit_graph(body)
        may_go_on = body.outputs[0]
        if is_op(node, "Loop") and may_go_on in self._varying:
            return True
        return not self.data_dependent.isdisjoint(body.outputs)

    def _count_known(self) -> int:
        return len(self._varying) + len(self.data_dependent)

    @staticmethod
    def _hand_in(links: Sequence[_Link], known: set[ir.Value]) -> None:
        """Say of the inputs of a body what is known of the values that come in there."""
        for outer, inner in links:
            if outer in known:
                known.add(inner)

    def _is_varying_input(self, node: ir.Node, position: int) -> bool:
        return input_at(node, position) in self._varying

    def _has_fixed_shape(self, value: ir.Value) -> bool:
        dims = dims_of(value)
        if dims is None:
            return False
        open_dims = [dim for dim in dims if not isinstance(dim, int)]
        return all(dim in self._names_that_stay for dim in open_dims)


def _values_handed_in(node: ir.Node, body: ir.Graph) -> list[_Link]:
    """Return each value that comes in at an input of ``body``, with that input."""
    if is_op(node, "If"):
        return []
    is_loop = is_op(node, "Loop")
    skipped = 1 if is_loop else 0  # the body of a Loop is given the number of the turn
    inputs = body.inputs[skipped:]
    links: list[_Link] = list(zip(node.inputs[skipped:], inputs, strict=False))
    if is_loop or is_op(node, "Scan"):
        scanned = node.attributes.get_int("num_scan_inputs", 0)
        states = len(inputs) - scanned
        links += zip(body.outputs[:states], inputs, strict=False)
    return links

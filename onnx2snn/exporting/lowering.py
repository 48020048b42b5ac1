"""An emitted network, or an ANN, as layers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.exporting.layers import Entry, Exit, LayerGraph
from onnx2snn.exporting.realizing import realize_all
from onnx2snn.exporting.rules import RULES, NotRepresentableError, Work, why_refused
from onnx2snn.exporting.views import StreamValue
from onnx2snn.graph import (
    array,
    dims_of,
    display_name,
    is_constant,
    known_sizes,
    operator_name,
)
from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import is_neuron

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "Lowered",
    "lower",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Lowered:
    """A network as layers.

    Attributes:
        layers: The layers, with one entry and one exit.
        entry: The value of the graph that comes in: one of its inputs, or one that only depends
            on them.
        output: The value that goes out, as a mean over the steps.
    """

    layers: LayerGraph
    entry: ir.Value
    output: ir.Value


def lower(
    graph: ir.Graph, output: ir.Value, name: str, *, stands_for_neurons: bool = False
) -> Lowered:
    """Return what computes ``output`` as layers.

    What does not change over time, and no layer computes, stays in front: the entry is then
    behind it.

    Args:
        graph: A single-step graph, sorted, with shapes.
        output: The value.
        name: Name of the network, for messages.
        stands_for_neurons: Whether the graph is an ANN, whose activations count as neurons.

    Raises:
        UnsupportedError: Some nodes are nothing that layers compute; it names all of them.
    """
    work = _Lowering(graph, stands_for_neurons=stands_for_neurons)
    work.run(_needed(output))
    found = work.values.get(output)
    if work.refusals or found is None:
        message = f"{name} cannot be written as layers for other simulators"
        raise UnsupportedError(message, work.refusals)
    sources = realize_all(work.layers, found, "readout")
    end = work.layers.add("output", Exit(), sources, found.shape)
    work.layers.keep_only([end])
    return Lowered(work.layers, work.only_entry(name), output)


def _currents(graph: ir.Graph) -> list[ir.Value]:
    """Return what neurons read."""
    read = [node.inputs[0] for node in graph if is_neuron(node)]
    return [value for value in read if value is not None]


def _needed(*outputs: ir.Value) -> set[ir.Node]:
    """Return the nodes that values depend on."""
    found: set[ir.Node] = set()
    pending = list(outputs)
    while pending:
        node = pending.pop().producer()
        if node is not None and node not in found:
            found.add(node)
            pending += [value for value in node.inputs if value is not None]
    return found


class _Lowering(Work):
    """Applies the rules, node by node.

    Attributes:
        refusals: The nodes that no layer computes.
    """

    def __init__(self, graph: ir.Graph, *, stands_for_neurons: bool) -> None:
        super().__init__(stands_for_neurons=stands_for_neurons)
        self.refusals: list[Refusal] = []
        self._graph = graph
        self._entries: dict[str, ir.Value] = {}
        self._static: set[ir.Value] = set(graph.inputs)
        self._before_neurons = _needed(*_currents(graph))
        for value in graph.inputs:
            self._enter(value)

    def run(self, needed: set[ir.Node]) -> None:
        """Lower the nodes that are needed."""
        for node in self._graph:
            if node in needed and node.outputs:
                self._visit(node)

    def _visit(self, node: ir.Node) -> None:
        if _counts_steps(node):
            self.counts.update(node.outputs)
            return
        is_static = self._is_static(node)
        if is_static:
            self._static.update(node.outputs)
        try:
            self._apply(node)
        except NotRepresentableError as error:
            if is_static:
                self._enter_in_front(node)
            else:
                reason = str(error)
                self._refuse(node, reason)

    def _is_static(self, node: ir.Node) -> bool:
        """Whether a node gives the same in every step."""
        operands = [value for value in node.inputs if value is not None]
        varying = [value for value in operands if not is_constant(value)]
        is_ours = operator_name(node).startswith(DOMAIN)
        return not is_ours and bool(varying) and self._static.issuperset(varying)

    def _apply(self, node: ir.Node) -> None:
        """Lower a node, if what it reads could be."""
        operands = self.operands(node)
        if not operands:
            return  # computed of constants, of sizes, or of what was refused
        rule = RULES.get(operator_name(node))
        if rule is None:
            raise NotRepresentableError(self._why_refused(node))
        if any(value.is_total for value in operands) and node.op_type != "Div":
            raise NotRepresentableError(self._why_refused(node))
        self.values[node.outputs[0]] = rule(self, node)

    def _why_refused(self, node: ir.Node) -> str:
        return why_refused(node, leads_to_neurons=node in self._before_neurons)

    def _refuse(self, node: ir.Node, reason: str) -> None:
        depends_on_refused = not self.operands(node)
        if not depends_on_refused:
            refusal = Refusal(display_name(node), operator_name(node), reason)
            self.refusals.append(refusal)

    def _enter_in_front(self, node: ir.Node) -> None:
        """Let the input come in right in front of a static node, or else behind it."""
        first = node.inputs[0]
        known = self.values.get(first) if first is not None else None
        has_entered = first in self._entries.values()
        if first is not None and known is not None and not has_entered:
            self._enter(first)
            try:
                self._apply(node)
            except NotRepresentableError:
                self.values[first] = known
            else:
                return
        for value in node.outputs:
            self._enter(value)

    def _enter(self, value: ir.Value) -> None:
        """Let a value come in from outside, if it is one of real numbers, of a known shape."""
        dims = dims_of(value)
        sizes = None if dims is None else known_sizes(dims[1:])
        if not sizes or value.dtype is None or not value.dtype.is_floating_point():
            return
        name = self.layers.add("input", Entry(), [], tuple(sizes))
        self._entries[name] = value
        entered = StreamValue.of_layer(name, tuple(sizes), is_static=True)
        self.values[value] = entered

    def only_entry(self, name: str) -> ir.Value:
        """Return the value that comes in.

        Raises:
            UnsupportedError: There are several, or none.
        """
        used = [self._entries[each] for each in self.layers.named(Entry)]
        if len(used) != 1:
            names = ", ".join(repr(str(value.name)) for value in used) or "none"
            message = (
                f"{name} has the inputs {names}: readers of NIR take one; join them into one "
                "input in the network"
            )
            raise UnsupportedError(message)
        return used[0]


def _counts_steps(node: ir.Node) -> bool:
    """Whether a node sums up ones: it counts the steps."""
    if operator_name(node) != f"{DOMAIN}.RunningSum":
        return False
    value = node.inputs[0]
    return is_constant(value) and bool(np.all(array(value) == 1))

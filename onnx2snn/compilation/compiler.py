"""Compiling a network with time in the batch, node after node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.compilation.rules import RULES
from onnx2snn.compilation.values import CompiledValues
from onnx2snn.errors import OptionError
from onnx2snn.graph import NodeBuilder, reads, remove_unused, rewire
from onnx2snn.ops import DOMAIN
from onnx2snn.schedules import time_steps_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.compilation.rules import Rule

__all__ = ["WEIGHT_TYPES", "Compiler", "compile_network"]

WEIGHT_TYPES = ("int8", "float")
"""Types of weights in a compiled network."""


def compile_network(model: ir.Model, weights: str = "int8") -> None:
    """Rewrite a network with time in the batch for the native library.

    Spikes become int8, neurons take all steps at once in registers, and weights multiply whole
    numbers: as int8 with one scale an output channel, or as float in two halves. What the library
    has no operator for stays as it is, with casts where it meets the rest.

    Args:
        model: The network; it is changed in place. It then runs with the library only.
        weights: ``int8`` or ``float``.

    Raises:
        OptionError: There is no such type of weights, or time is not in the batch.
    """
    if weights not in WEIGHT_TYPES:
        message = f"weights must be one of {', '.join(WEIGHT_TYPES)}, not {weights!r}"
        raise OptionError(message)
    time_steps = time_steps_of(model.graph)
    if time_steps is None:
        message = "the network has no time steps; convert it with 'onnx2snn convert'"
        raise OptionError(message)
    Compiler(model.graph, time_steps, weights).run()
    remove_unused(model)
    _drop_functions(model)


class Compiler:
    """Takes the nodes of a graph, in order, to those of the library.

    Args:
        graph: The graph; it is changed in place.
        time_steps: T, a scalar.
        weights: ``int8`` or ``float``.

    Attributes:
        values: The values in their forms.
        time_steps: T.
        weights: The type of weights.
    """

    def __init__(self, graph: ir.Graph, time_steps: ir.Value, weights: str) -> None:
        """Begin with the graph as it is."""
        self.values = CompiledValues(graph)
        self.time_steps = time_steps
        self.weights = weights
        self._graph = graph

    def run(self) -> None:
        """Compile every node that a rule takes."""
        for node in list(self._graph):
            self.values.builder = NodeBuilder.before(node)
            rule = _rule_for(node)
            is_compiled = rule is not None and rule(self, node)
            if not is_compiled:
                self._read_plain(node)
        self.values.builder = NodeBuilder(self._graph)
        self._hand_out()
        self._graph.sort()  # what is made for a reader may stand behind others

    def _read_plain(self, node: ir.Node) -> None:
        """Let a node that stays read values as the emitted network has them."""
        for value in reads(node):
            plain = self.values.plain(value)
            if plain is not value:
                rewire(node, value, plain)

    def _hand_out(self) -> None:
        """Let the graph's outputs be what they were."""
        for position, value in enumerate(self._graph.outputs):
            plain = self.values.plain(value)
            if plain is not value:
                plain.name, value.name = value.name, f"{value.name}.compiled"
                self._graph.outputs[position] = plain


def _rule_for(node: ir.Node) -> Rule | None:
    domain = "" if node.domain == "ai.onnx" else node.domain
    return RULES.get((domain, node.op_type))


def _drop_functions(model: ir.Model) -> None:
    """Remove the functions of operators that are no longer there."""
    used = {node.op_type for node in model.graph.all_nodes() if node.domain == DOMAIN}
    for identifier in list(model.functions):
        if identifier[0] == DOMAIN and identifier[1] not in used:
            del model.functions[identifier]

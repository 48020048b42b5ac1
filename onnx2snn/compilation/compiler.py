"""Compiling a network with time in the batch, node after node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.arguments import checked_choice, checked_keywords
from onnx2snn.compilation.driving import join_neurons_to_weights
from onnx2snn.compilation.rules import RULES
from onnx2snn.compilation.values import CompiledValues
from onnx2snn.errors import OptionError
from onnx2snn.graph import NodeBuilder, reads, remove_unused, rewire
from onnx2snn.metadata.facts import COMPILED, INLINED
from onnx2snn.methods.layouts import MULTISTEP
from onnx2snn.methods.weight_types import INT8, WEIGHT_TYPES
from onnx2snn.ops import DOMAIN
from onnx2snn.runtime import Emitted, change_layout
from onnx2snn.schedules import time_steps_of
from onnx2snn.storage.isolation import isolate_values

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.compilation.rules import Rule
    from onnx2snn.runtime import AnyNetwork

__all__ = ["Compiler", "compile_model", "compile_network"]


@checked_keywords()
def compile_network(network: AnyNetwork, weights: str = INT8) -> Emitted:
    """Return a spiking network for the native library, which then runs in no other runtime.

    Spikes become int8, neurons take all steps at once in registers, and weights multiply whole
    numbers. What the library has no operator for stays as it is, with casts where it meets the
    rest. Load the result with the runtime ``native`` or ``auto``, or register the library in a
    session of your own.

    Args:
        network: The network, in any form that ``load`` takes; it is not changed. It has its
            time in a Loop or in the batch.
        weights: ``int8``: with thresholds folded in, and one scale an output channel, which
            costs about 1 % of the largest weight of each channel in rounding. ``float``: in
            three digits of 8 bits, for about twice the time. Weights that the network has in
            int8 already are taken as they are, with either.

    Raises:
        InvalidModelError: The file is not there, or is no network that was emitted here.
        OptionError: There is no such type of weights, or the network fires layer by layer.
        TypeError: ``network`` is of no such form.
    """
    checked_choice("weights", weights, WEIGHT_TYPES)
    over_time = change_layout(network, MULTISTEP)
    if INLINED.is_on(over_time.ir_model):
        message = (
            "the operators of the network were written out (inline), and the native library has "
            "none of those; compile the file that was not inlined"
        )
        raise OptionError(message)
    model = over_time.ir_model.clone()
    isolate_values(model)
    compile_model(model, weights)
    return Emitted(model, files=over_time.files)


def compile_model(model: ir.Model, weights: str = INT8) -> None:
    """Rewrite a network with time in the batch for the native library.

    Args:
        model: The network; it is changed in place.
        weights: ``int8`` or ``float``.

    Raises:
        OptionError: The network has no time steps.
    """
    time_steps = time_steps_of(model.graph)
    if time_steps is None:
        message = "the network has no time steps; convert it with 'onnx2snn convert'"
        raise OptionError(message)
    Compiler(model.graph, time_steps, weights).run()
    remove_unused(model)
    join_neurons_to_weights(model.graph)
    _drop_functions(model)
    COMPILED.write(model, weights)


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

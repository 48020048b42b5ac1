"""Layer by layer: each fires in a loop over time of its own, once it has taken in its input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    fresh_name,
    rewire,
)
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.accumulation import Fired, accumulate_results
from onnx2snn.schedules.closed_forms import ClosedForms
from onnx2snn.schedules.finding import LAYER_LOOP
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.linear_parts import LinearParts
from onnx2snn.schedules.loops import (
    Body,
    Carried,
    name_finals,
    named_inputs,
    new_loop,
    silence_like,
    states,
    step_number,
)
from onnx2snn.schedules.spike_weights import (
    SpikeWeightValues,
    spike_weight,
    spike_weights_of,
)
from onnx2snn.schedules.time_steps import time_steps_input

if TYPE_CHECKING:
    from onnx2snn.graph import ValueMap
    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["emit_layerwise"]


def emit_layerwise(graph: ir.Graph, time_steps: int, *, collapse: bool) -> None:
    """Let every neuron of a single-step graph fire T times, once its input is complete.

    Args:
        graph: A single-step graph, whose inputs are constant; it is changed in place. Nodes
            that nobody reads any more may stay.
        time_steps: T when none is given at run time.
        collapse: Whether nothing is computed in steps that has one formula for all of them:
            neurons, and what lies between layers, on the sum of the spikes. Else linear parts
            are computed on the spikes of one step after the other.
    """
    neurons = [node for node in graph if is_neuron(node)]
    linear = LinearParts.of(graph)
    count = time_steps_input(graph, time_steps)
    emitter = _Emitter(graph, count, keeps_spikes=not collapse)
    if collapse:
        closed_forms = ClosedForms(graph, count)
        in_steps = [neuron for neuron in neurons if not closed_forms.replace(neuron)]
        for neuron in in_steps:
            emitter.fire_layer(neuron)
    else:
        layers = [emitter.fire_layer(neuron) for neuron in neurons]
        accumulate_results(graph, count, layers, linear)
    graph.sort()


class _Emitter:
    """Takes neurons of a single-step graph into loops.

    Args:
        graph: The graph.
        count: T.
        keeps_spikes: Whether the loops hand out the spikes of all steps, beside their sum.
    """

    def __init__(self, graph: ir.Graph, count: ir.Value, *, keeps_spikes: bool) -> None:
        self._graph = graph
        self._builder = NodeBuilder(graph)
        self._count = count
        self._keeps_spikes = keeps_spikes
        self._values: dict[tuple[SpikeWeights, ir.DataType], SpikeWeightValues] = {}

    def fire_layer(self, neuron: ir.Node) -> Fired:
        """Put ``neuron`` into a loop; its readers read what its spikes stand for in the end."""
        graph = self._graph
        current = neuron.inputs[0]
        spike = neuron.outputs[0]
        assert current is not None
        weights = spike_weights_of(neuron)
        values = self._weight_values(weights, spike)
        thresholds = self._divide_thresholds(neuron, values)
        silence = silence_like(graph, current)
        start = self._starting_potential(neuron, current, values)
        graph.remove(neuron)
        neuron.replace_input_with(0, silence)
        starts = {"v": start}
        carried = [
            state.carry(graph, starts.get(state.name)) for state in states(neuron)
        ]
        name = display_name(neuron)
        nodes, sums = self._add_spikes(weights, spike, silence, name)
        carried += sums
        stacked = [spike] if self._keeps_spikes else []
        step = step_number(graph)
        nodes_inside = [neuron, *nodes]
        body = Body(step, nodes_inside, carried, stacked)
        loop_name = f"{LAYER_LOOP}{name}"
        loop = new_loop(graph, loop_name, self._count, body)
        name_finals(graph, loop, carried)
        spikes = self._name_stacked(loop, spike) if self._keeps_spikes else None
        total = loop.outputs[carried.index(sums[0])]
        self._rewire_readers(spike, total, thresholds)
        graph.append(loop)
        return Fired(weights, total, spikes, silence)

    def _weight_values(
        self, weights: SpikeWeights, spike: ir.Value
    ) -> SpikeWeightValues:
        """Return the numbers of ``weights`` in the type of ``spike``, written once each."""
        key = weights, spike.dtype or ir.DataType.FLOAT
        if key not in self._values:
            self._values[key] = SpikeWeightValues.write(self._graph, *key, self._count)
        return self._values[key]

    def _divide_thresholds(
        self, neuron: ir.Node, values: SpikeWeightValues
    ) -> ValueMap:
        """Let ``neuron`` read its thresholds divided by the sum of the weights; old to new."""
        divided: ValueMap = {}
        for name, value in named_inputs(neuron).items():
            if value is None or not name.startswith("v_threshold"):
                continue
            if array(value).any():
                divided[value] = self._builder.add(
                    "Div", [value, values.total], f"{value.name}.digit", like=value
                )
        for old, new in divided.items():
            rewire(neuron, old, new)
        return divided

    def _starting_potential(
        self, neuron: ir.Node, current: ir.Value, values: SpikeWeightValues
    ) -> ir.Value:
        """Return the potential from which ``neuron`` fires: its input, and what is rounded up.

        The offset is to the smallest digit what ``v_init`` is to the threshold. Where spikes of
        both signs write a magnitude, the offset has the sign of the input.
        """
        inputs = named_inputs(neuron)
        v_init = starting_value(inputs["v"])
        if not v_init.any():
            return current
        builder = self._builder
        name = display_name(neuron)
        first = constant(self._graph, f"{name}.v_init", v_init)
        offset = builder.add(
            "Div", [first, values.total], f"{name}.first_offset", like=first
        )
        if values.last is not None:
            offset = builder.add(
                "Mul", [offset, values.last], f"{name}.offset", like=offset
            )
        if neuron.op_type == "SignedInverseLeakyIF":
            sign = builder.add("Sign", [current], f"{name}.sign", like=current)
            offset = builder.add(
                "Mul", [sign, offset], f"{name}.signed_offset", like=sign
            )
        operands = [current, offset]
        return builder.add("Add", operands, f"{name}.potential", like=current)

    def _add_spikes(
        self, weights: SpikeWeights, spike: ir.Value, silence: ir.Value, name: str
    ) -> tuple[list[ir.Node], list[Carried]]:
        """Return the nodes that add up the spikes by their weights, and the sum first."""
        builder = self._builder
        total = builder.value(f"{name}.total", like=silence)
        total_next = f"{name}.total_next"
        if weights.leak == 1.0:
            add = builder.node("Add", [total, spike], total_next, like=total)
            return [add], [Carried(silence, total, add.outputs[0])]
        dtype = silence.dtype or ir.DataType.FLOAT
        fade, weight = spike_weight(self._graph, weights, dtype, 1.0, f"{name}.weight")
        scale = builder.node("Mul", [spike, weight.inside], f"{name}.digit", like=spike)
        weighted_spike = scale.outputs[0]
        add = builder.node("Add", [total, weighted_spike], total_next, like=total)
        nodes = [scale, add, fade]
        return nodes, [Carried(silence, total, add.outputs[0]), weight]

    def _name_stacked(self, loop: ir.Node, spike: ir.Value) -> ir.Value:
        """Name the spikes of all steps, the last output of ``loop``, and return them."""
        spikes = loop.outputs[-1]
        spikes.type = spike.type
        spikes.name = fresh_name(self._graph, f"{spike.name}.all")
        return spikes

    def _rewire_readers(
        self, spike: ir.Value, total: ir.Value, thresholds: ValueMap
    ) -> None:
        """Let the readers of ``spike`` read the sum, in units of the first spike."""
        readers = {use.node for use in spike.uses() if use.node.graph is self._graph}
        for reader in readers:
            rewire(reader, spike, total)
            for old, new in thresholds.items():
                rewire(reader, old, new)

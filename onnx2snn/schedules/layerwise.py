"""Layer by layer: each fires in a loop over time of its own, once it has taken in its input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import onnx_ir as ir

from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    dependency_graph,
    display_name,
    fresh_name,
    rewire,
    subgraphs,
)
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.initial_states import starting_value
from onnx2snn.schedules.layer_bodies import Fired, Linear, accumulate
from onnx2snn.schedules.loops import (
    LAYER_LOOP,
    Body,
    Carried,
    is_layer_loop,
    new_loop,
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
    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["emit_layerwise", "layers_in_a_row"]


def emit_layerwise(graph: ir.Graph, time_steps: int, *, collapse: bool) -> None:
    """Let every neuron of a graph in step form fire T times, once its input is complete.

    Args:
        graph: A graph in step form, whose inputs are constant; it is changed in place. Nodes
            that nobody reads any more may stay.
        time_steps: T when none is given at run time.
        collapse: Whether what lies between layers is computed once, on the sum of the spikes;
            else its linear parts are computed on those of one step after the other.
    """
    neurons = [node for node in graph if is_neuron(node)]
    linear = Linear.of(graph)
    count = time_steps_input(graph, time_steps)
    firing = _Firing(graph, count, hand_out=not collapse)
    layers = [firing.fire(neuron) for neuron in neurons]
    if not collapse:
        accumulate(graph, count, layers, linear)
    graph.sort()


def layers_in_a_row(graph: ir.Graph) -> int:
    """Return how many layers of an emitted graph fire one after another on its longest path."""
    edges = dependency_graph(graph)
    depth: dict[ir.Node, int] = {}
    for node in nx.topological_sort(edges):
        inner = (layers_in_a_row(held) for held in subgraphs(node))
        own = 1 if is_layer_loop(node) else max(inner, default=0)
        depth[node] = own + max(
            (depth[before] for before in edges.predecessors(node)), default=0
        )
    return max(depth.values(), default=0)


class _Firing:
    """Takes neurons of a graph in step form into loops."""

    def __init__(
        self, graph: ir.Graph, time_steps: ir.Value, *, hand_out: bool
    ) -> None:
        self._graph = graph
        self._builder = NodeBuilder(graph)
        self._time_steps = time_steps
        self._hand_out = hand_out
        self._values: dict[tuple[SpikeWeights, ir.DataType], SpikeWeightValues] = {}

    def fire(self, neuron: ir.Node) -> Fired:
        """Put ``neuron`` into a loop; its readers read what its spikes stand for in the end."""
        graph, name = self._graph, display_name(neuron)
        digits, values = self._digits(neuron)
        current, spike = neuron.inputs[0], neuron.outputs[0]
        assert current is not None
        thresholds = self._share_out(neuron, values)
        silence = self._silence(current)
        start = self._start(neuron, current, values)
        graph.remove(neuron)
        neuron.replace_input_with(0, silence)
        starts = {"v": start}
        carried = [
            state.carry(graph, starts.get(state.name)) for state in states(neuron)
        ]
        nodes, sums = self._sum(digits, spike, silence, name)
        handed_out = [spike] if self._hand_out else []
        body = Body(step_number(graph), [neuron, *nodes], [*carried, *sums], handed_out)
        loop = new_loop(graph, f"{LAYER_LOOP}{name}", self._time_steps, body)
        total = self._name_outputs(loop, body, sums[0].after)
        self._hand_on(spike, total, thresholds)
        graph.append(loop)
        return Fired(
            digits, total, loop.outputs[-1] if self._hand_out else None, silence
        )

    def _digits(self, neuron: ir.Node) -> tuple[SpikeWeights, SpikeWeightValues]:
        digits = spike_weights_of(neuron)
        dtype = neuron.outputs[0].dtype or ir.DataType.FLOAT
        key = digits, dtype
        if key not in self._values:
            self._values[key] = SpikeWeightValues.write(
                self._graph, digits, self._time_steps, dtype
            )
        return digits, self._values[key]

    def _share_out(
        self, neuron: ir.Node, values: SpikeWeightValues
    ) -> dict[ir.Value, ir.Value]:
        """Let ``neuron`` read its thresholds divided by the sum of the weights; old to new."""
        found: dict[ir.Value, ir.Value] = {}
        for name, value in zip(
            ALL_OPS[neuron.op_type].inputs, tuple(neuron.inputs), strict=True
        ):
            if (
                value is not None
                and name.startswith("v_threshold")
                and array(value).any()
            ):
                found[value] = self._builder.add(
                    "Div", [value, values.total], f"{value.name}.digit", like=value
                )
        for old, new in found.items():
            rewire(neuron, old, new)
        return found

    def _start(
        self, neuron: ir.Node, current: ir.Value, values: SpikeWeightValues
    ) -> ir.Value:
        """Return the potential from which ``neuron`` fires: its input, and what is rounded up.

        The offset is to the smallest digit what ``v_init`` is to the threshold. Where spikes of
        both signs write a magnitude, the offset has the sign of the input.
        """
        inputs = dict(zip(ALL_OPS[neuron.op_type].inputs, neuron.inputs, strict=True))
        v_init = starting_value(inputs["v"])
        if not v_init.any():
            return current
        name = display_name(neuron)
        first = constant(self._graph, f"{name}.v_init", v_init)
        offset = self._builder.add(
            "Div", [first, values.total], f"{name}.first_offset", like=first
        )
        if values.last is not None:
            offset = self._builder.add(
                "Mul", [offset, values.last], f"{name}.offset", like=offset
            )
        if neuron.op_type == "SignedInverseLeakyIF":
            sign = self._builder.add("Sign", [current], f"{name}.sign", like=current)
            offset = self._builder.add(
                "Mul", [sign, offset], f"{name}.signed_offset", like=sign
            )
        return self._builder.add(
            "Add", [current, offset], f"{name}.potential", like=current
        )

    def _silence(self, current: ir.Value) -> ir.Value:
        """Return zeros in the shape of ``current``: no input comes while a layer fires."""
        dtype = (current.dtype or ir.DataType.FLOAT).numpy()
        zero = constant(self._graph, f"{current.name}.zero", np.zeros([], dtype))
        shape = self._builder.add("Shape", [current], f"{current.name}.shape")
        shape.type = ir.TensorType(ir.DataType.INT64)
        shape.shape = (
            None if current.shape is None else ir.Shape([current.shape.rank()])
        )
        return self._builder.add(
            "Expand", [zero, shape], f"{current.name}.silence", like=current
        )

    def _sum(
        self, digits: SpikeWeights, spike: ir.Value, silence: ir.Value, name: str
    ) -> tuple[list[ir.Node], list[Carried]]:
        """Return what adds up the spikes by their weights, the sum first."""
        graph, builder = self._graph, self._builder
        total = builder.value(f"{name}.total", like=silence)
        if digits.leak == 1.0:
            add = builder.node("Add", [total, spike], f"{name}.total_next", like=total)
            return [add], [Carried(silence, total, add.outputs[0])]
        dtype = silence.dtype or ir.DataType.FLOAT
        fade, weight = spike_weight(graph, digits, dtype, 1.0, f"{name}.weight")
        digit = builder.node("Mul", [spike, weight.inside], f"{name}.digit", like=spike)
        add = builder.node(
            "Add", [total, digit.outputs[0]], f"{name}.total_next", like=total
        )
        return [digit, add, fade], [Carried(silence, total, add.outputs[0]), weight]

    def _name_outputs(self, loop: ir.Node, body: Body, total: ir.Value) -> ir.Value:
        """Name what the loop hands out; return the sum of the spikes."""
        found = total
        for output, value in zip(
            loop.outputs, [c.after for c in body.carried], strict=False
        ):
            output.type, output.shape = value.type, value.shape
            output.name = fresh_name(self._graph, f"{value.name}.final")
            found = output if value is total else found
        for output, value in zip(
            loop.outputs[len(body.carried) :], body.stacked, strict=True
        ):
            output.type = value.type
            output.name = fresh_name(self._graph, f"{value.name}.all")
        return found

    def _hand_on(
        self, spike: ir.Value, total: ir.Value, thresholds: dict[ir.Value, ir.Value]
    ) -> None:
        """Let the readers of ``spike`` read the sum, in units of the first spike."""
        for reader in {
            use.node for use in spike.uses() if use.node.graph is self._graph
        }:
            rewire(reader, spike, total)
            for old, new in thresholds.items():
                rewire(reader, old, new)

"""Values between layers, computed on one step's spikes after the other and added up."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, constant, copied, fresh_name, reads, rewire
from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.schedules.finding import ACCUMULATION_LOOP
from onnx2snn.schedules.loops import (
    Body,
    Carried,
    hand_over_output,
    name_finals,
    new_loop,
    step_number,
    zeros_like,
)
from onnx2snn.schedules.spike_weights import spike_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.schedules.linear_parts import LinearParts

__all__ = ["Fired", "accumulate_results"]

WeightKind: TypeAlias = tuple[SpikeWeights, ir.DataType]
"""All that the weight of a spike depends on, beside the step."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fired:
    """A layer that fires in a loop of its own.

    Attributes:
        weights: Weights of its spikes.
        total: The sum of its spikes, each times its weight; shape of the activation.
        spikes: The spikes of all steps, [T, ...]; None if they are not handed out.
        silence: Zeros in the shape of the activation.
    """

    weights: SpikeWeights
    total: ir.Value
    spikes: ir.Value | None
    silence: ir.Value


def accumulate_results(
    graph: ir.Graph, time_steps: ir.Value, layers: Sequence[Fired], linear: LinearParts
) -> None:
    """Let each result of linear nodes be added up over the spikes of one step after the other.

    With f the linear nodes in front of a result, and w(t) the weight of a spike:

        before:  y = f(sum of w(t) s(t))
        after:   y = f(0) + sum of (f(w(t) s(t)) - f(0))

    f(0) is what f gives before the first spike, in one more step of the loop.

    Args:
        graph: The graph, with layers that have fired; it is to be sorted when all is done.
        time_steps: T.
        layers: Those layers, with the spikes of all steps.
        linear: The linear parts, found before the layers fired.
    """
    builder = NodeBuilder(graph)
    one_more = np.array(1, np.int64)
    one = constant(graph, "one_step", one_more)
    count = builder.add("Add", [time_steps, one], "T.with_silence", like=time_steps)
    sources = {layer.total: _Source.of(graph, layer) for layer in layers}
    for value in linear.results:
        before = linear.before(value)
        if len(before) < 2:  # one alone makes a value of the sum of spikes
            continue
        nodes = [node for node in graph if node in before]
        accumulation = _Accumulation(graph, value, sources)
        loop = accumulation.make_loop(nodes, count)
        readers = [node for node in graph if node not in linear.nodes]
        graph.append(loop)
        base, changes = loop.outputs[:2]
        name = f"{value.name}.all"
        operands = [base, changes]
        total = builder.add("Add", operands, name, like=base)
        for node in readers:
            rewire(node, value, total)
        hand_over_output(graph, value, total)


@dataclasses.dataclass(frozen=True, eq=False)
class _Source:
    """The spikes of a layer with silence in front of them.

    Attributes:
        kind: All that their weights depend on, beside the step.
        spikes: First zeros, then the spikes of each step, [1 + T, ...].
        like: A value of the shape of one step.
    """

    kind: WeightKind
    spikes: ir.Value
    like: ir.Value

    @classmethod
    def of(cls, graph: ir.Graph, layer: Fired) -> _Source:
        """Return the spikes of ``layer``, with the nodes for it at the end of ``graph``."""
        silence = layer.silence
        spikes = layer.spikes
        assert spikes is not None
        builder = NodeBuilder(graph)
        first = np.array([0], np.int64)
        axis = constant(graph, f"{layer.total.name}.time_axis", first)
        silent_step = builder.add(
            "Unsqueeze", [silence, axis], f"{spikes.name}.silent", like=silence
        )
        padded = builder.add(
            "Concat",
            [silent_step, spikes],
            f"{spikes.name}.padded",
            {"axis": 0},
            like=silent_step,
        )
        silent_step.shape = padded.shape = None
        kind = layer.weights, silence.dtype or ir.DataType.FLOAT
        return cls(kind, padded, silence)


class _Accumulation:
    """The loop that adds up one value over the spikes of all steps.

    Args:
        graph: The graph that is to hold the loop.
        value: The value.
        sources: The sum of the spikes of a layer to its spikes.
    """

    def __init__(
        self, graph: ir.Graph, value: ir.Value, sources: dict[ir.Value, _Source]
    ) -> None:
        self._graph = graph
        self._builder = NodeBuilder(graph)
        self._value = value
        self._sources = sources
        self._step = step_number(graph)

    def make_loop(self, nodes: Sequence[ir.Node], count: ir.Value) -> ir.Node:
        """Return the loop that computes the value by ``nodes``; its outputs are f(0), the rest.

        Args:
            nodes: The linear nodes in front of the value, in order.
            count: Number of steps, with the one before the first spike.
        """
        copies = self._copy_nodes(nodes)
        producer = self._value.producer()
        index = self._value.index() or 0
        result = copies[producer].outputs[index]
        linear = list(copies.values())
        totals: dict[ir.Value, None] = {}
        for node in linear:
            read = [v for v in reads(node) if v in self._sources]
            totals.update(dict.fromkeys(read))
        used = [self._sources[v] for v in totals]
        weights, fading = self._carry_weights(used)
        slices: list[ir.Node] = []
        for total in totals:
            source = self._sources[total]
            weight = weights.get(source.kind)
            taken = self._take_step(source, weight)
            slices += taken
            for node in linear:
                spikes = taken[-1].outputs[0]
                rewire(node, total, spikes)
        sums, carried_sums = self._add_changes(result)
        carried = [*carried_sums, *weights.values()]
        all_nodes = [*slices, *linear, *sums, *fading]
        body = Body(self._step, all_nodes, carried)
        name = f"{ACCUMULATION_LOOP}{self._value.name}"
        loop = new_loop(self._graph, name, count, body)
        name_finals(self._graph, loop, carried)
        return loop

    def _copy_nodes(self, nodes: Sequence[ir.Node]) -> dict[ir.Node | None, ir.Node]:
        """Return copies of ``nodes`` that read each other."""
        copies: dict[ir.Node | None, ir.Node] = {node: copied(node) for node in nodes}
        for node in nodes:
            copy = copies[node]
            copy.name = node.name
            for old, new in zip(node.outputs, copy.outputs, strict=True):
                name = f"{old.name}.step"
                new.name = fresh_name(self._graph, name)
                for reader in copies.values():
                    rewire(reader, old, new)
        return copies

    def _carry_weights(
        self, sources: Sequence[_Source]
    ) -> tuple[dict[WeightKind, Carried], list[ir.Node]]:
        """Return the weights that change from step to step, 1 in the second, and their nodes."""
        name = f"{self._value.name}.weight"
        carried: dict[WeightKind, Carried] = {}
        nodes = []
        kinds = dict.fromkeys(source.kind for source in sources)
        for kind in kinds:
            weights, dtype = kind
            if weights.leak == 1.0:
                continue
            node, weight = spike_weight(self._graph, weights, dtype, weights.leak, name)
            carried[kind] = weight
            nodes.append(node)
        return carried, nodes

    def _take_step(self, source: _Source, weight: Carried | None) -> list[ir.Node]:
        """Return the nodes that take the spikes of this step, times their weight."""
        name = f"{source.spikes.name}.step"
        first_axis = {"axis": 0}
        gather = self._builder.node(
            "Gather", [source.spikes, self._step], name, first_axis
        )
        now = gather.outputs[0]
        now.type = source.spikes.type
        now.shape = source.like.shape
        if weight is None:
            return [gather]
        scale = self._builder.node(
            "Mul", [now, weight.inside], f"{name}.weighted", like=now
        )
        return [gather, scale]

    def _add_changes(self, result: ir.Value) -> tuple[list[ir.Node], list[Carried]]:
        """Return the nodes that keep f(0), and add up the differences to it."""
        builder = self._builder
        name = str(self._value.name)
        zeros = zeros_like(result)
        zero = constant(self._graph, f"{name}.zero", zeros)
        number = np.array(0, np.int64)
        no_step = constant(self._graph, f"{name}.no_step", number)
        base = builder.value(f"{name}.base", like=result)
        total = builder.value(f"{name}.sum", like=result)
        base.shape = total.shape = None  # zero, which broadcasts, at first
        is_first = builder.node(
            "Equal", [self._step, no_step], f"{name}.is_first", like=self._step
        )
        first = is_first.outputs[0]
        first.type = ir.TensorType(ir.DataType.BOOL)
        keep = builder.node(
            "Where", [first, result, base], f"{name}.base_next", like=result
        )
        kept = keep.outputs[0]
        operands = [result, kept]
        subtract = builder.node("Sub", operands, f"{name}.change", like=result)
        change = subtract.outputs[0]
        addends = [change, total]
        add = builder.node("Add", addends, f"{name}.sum_next", like=result)
        carried_base = Carried(zero, base, kept)
        carried_total = Carried(zero, total, add.outputs[0])
        carried = [carried_base, carried_total]
        nodes = [is_first, keep, subtract, add]
        return nodes, carried

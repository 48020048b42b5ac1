"""What lies between layers, computed on one step's spikes after the other."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.node_kinds import NodeKind, classify
from onnx2snn.graph import NodeBuilder, constant, copied, fresh_name, reads, rewire
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.loops import Body, Carried, new_loop, step_number
from onnx2snn.schedules.spike_weights import spike_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.methods.spike_weights import SpikeWeights

__all__ = ["SEGMENT_LOOP", "Fired", "Linear", "accumulate"]

SEGMENT_LOOP = "onnx2snn.segment_loop."
"""What the name of a Loop node that adds up the spikes of layers starts with."""


@dataclasses.dataclass(frozen=True, eq=False)
class Linear:
    """The linear parts of a graph between its neurons.

    Attributes:
        nodes: Nodes that are linear in what spikes bring, and read nothing of it otherwise.
        results: Values they make that others read: neurons, nodes that are not linear, and
            whoever reads the outputs of the graph. In order.
    """

    nodes: set[ir.Node]
    results: list[ir.Value]

    @classmethod
    def of(cls, graph: ir.Graph) -> Linear:
        """Return the linear parts of a graph in step form, without running sums or means."""
        spikes = [node.outputs[0] for node in graph if is_neuron(node)]
        elastic = data_dependent_values(graph, spikes)
        moved, nodes = set(spikes), set()
        results: dict[ir.Value, None] = {}
        for node in graph:
            read = moved.intersection(reads(node))
            if (
                not read
                or not _is_linear(node, moved)
                or elastic.intersection(reads(node))
            ):
                results |= dict.fromkeys(
                    value for value in reads(node) if value in read
                )
            else:
                nodes.add(node)
                moved.update(node.outputs)
        results |= dict.fromkeys(value for value in graph.outputs if value in moved)
        return cls(nodes, list(results))

    def before(self, value: ir.Value) -> set[ir.Node]:
        """Return the linear nodes that ``value`` is made by."""
        found: set[ir.Node] = set()
        pending = [value.producer()]
        while pending:
            node = pending.pop()
            if node in self.nodes and node not in found:
                found.add(node)
                pending += [read.producer() for read in reads(node)]
        return found


def _is_linear(node: ir.Node, moved: set[ir.Value]) -> bool:
    inputs = [value in moved for value in node.inputs]
    captured = moved.intersection(reads(node)).difference(node.inputs)
    return (
        not captured
        and not is_neuron(node)
        and classify(node, inputs).kind is NodeKind.LINEAR
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Fired:
    """A layer that fires in a loop of its own.

    Attributes:
        digits: What its spikes weigh.
        total: The sum of its spikes, each times its weight; shape of the activation.
        spikes: The spikes of all steps, [T, ...]; None if they are not handed out.
        silence: Zeros in the shape of the activation.
    """

    digits: SpikeWeights
    total: ir.Value
    spikes: ir.Value | None
    silence: ir.Value


def accumulate(
    graph: ir.Graph, time_steps: ir.Value, layers: Sequence[Fired], linear: Linear
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
    one = constant(graph, "one_step", np.array(1, np.int64))
    count = builder.add("Add", [time_steps, one], "T.with_silence", like=time_steps)
    sources = {layer.total: _Source.of(graph, layer) for layer in layers}
    for value in linear.results:
        nodes = [node for node in graph if node in linear.before(value)]
        if len(nodes) > 1:  # one alone makes a value of the sum of spikes
            loop, results = _segment(graph, value, nodes, sources, count)
            readers = [node for node in graph if node not in linear.nodes]
            graph.append(loop)
            total = builder.add("Add", results, f"{value.name}.all", like=results[0])
            _replace(graph, value, total, readers)


@dataclasses.dataclass(frozen=True, eq=False)
class _Source:
    """The spikes of a layer, [1 + T, ...]: nothing first, then those of each step."""

    digits: SpikeWeights
    spikes: ir.Value
    like: ir.Value

    @classmethod
    def of(cls, graph: ir.Graph, layer: Fired) -> _Source:
        assert layer.spikes is not None
        axis = constant(graph, f"{layer.total.name}.time_axis", np.array([0], np.int64))
        name, builder = layer.spikes.name, NodeBuilder(graph)
        silent = builder.add(
            "Unsqueeze", [layer.silence, axis], f"{name}.silent", like=layer.silence
        )
        spikes = builder.add(
            "Concat", [silent, layer.spikes], f"{name}.padded", {"axis": 0}, like=silent
        )
        silent.shape = spikes.shape = None
        return cls(layer.digits, spikes, layer.silence)

    @property
    def kind(self) -> tuple[SpikeWeights, ir.DataType]:
        """What the weight of a spike depends on, beside the step."""
        return self.digits, self.like.dtype or ir.DataType.FLOAT

    def now(
        self, graph: ir.Graph, step: ir.Value, weight: ir.Value | None
    ) -> tuple[list[ir.Node], ir.Value]:
        """Return the nodes that take the spikes of a step, times their weight, and their result."""
        name, builder = f"{self.spikes.name}.step", NodeBuilder(graph)
        gather = builder.node("Gather", [self.spikes, step], name, {"axis": 0})
        now = gather.outputs[0]
        now.type, now.shape = self.spikes.type, self.like.shape
        if weight is None:
            return [gather], now
        scale = builder.node("Mul", [now, weight], f"{name}.weighted", like=now)
        return [gather, scale], scale.outputs[0]


def _segment(
    graph: ir.Graph,
    value: ir.Value,
    nodes: Sequence[ir.Node],
    sources: dict[ir.Value, _Source],
    count: ir.Value,
) -> tuple[ir.Node, list[ir.Value]]:
    """Return the loop that computes ``value`` by ``nodes``, and its two parts: f(0), the rest."""
    step = step_number(graph)
    copies = _copies(graph, nodes)
    result = copies[value.producer()].outputs[value.index() or 0]
    inside = list(copies.values())
    read = dict.fromkeys(v for node in inside for v in reads(node) if v in sources)
    found = _weights(graph, value, [sources[root] for root in read])
    front: list[ir.Node] = []
    for root in read:
        weight = found.get(sources[root].kind)
        taken, now = sources[root].now(
            graph, step, None if weight is None else weight[1].inside
        )
        front += taken
        for node in inside:
            rewire(node, root, now)
    back, sums = _sums(graph, result, step, str(value.name))
    carried = [*sums, *(weight for _, weight in found.values())]
    body = [*front, *inside, *back, *(node for node, _ in found.values())]
    loop = new_loop(
        graph, f"{SEGMENT_LOOP}{value.name}", count, Body(step, body, carried)
    )
    for output, part in zip(loop.outputs, carried, strict=True):
        output.type, output.shape = part.after.type, part.after.shape
        output.name = fresh_name(graph, f"{part.after.name}.final")
    return loop, list(loop.outputs[:2])


def _copies(graph: ir.Graph, nodes: Sequence[ir.Node]) -> dict[ir.Node | None, ir.Node]:
    """Return copies of ``nodes`` that read each other."""
    copies: dict[ir.Node | None, ir.Node] = {node: copied(node) for node in nodes}
    for node in nodes:
        copies[node].name = node.name
        for old, new in zip(node.outputs, copies[node].outputs, strict=True):
            new.name = fresh_name(graph, f"{old.name}.step")
            for reader in copies.values():
                rewire(reader, old, new)
    return copies


def _weights(
    graph: ir.Graph, value: ir.Value, sources: Sequence[_Source]
) -> dict[tuple[SpikeWeights, ir.DataType], tuple[ir.Node, Carried]]:
    """Return the weights of the step where spikes weigh more or less; 1 in the second step."""
    return {
        (digits, dtype): spike_weight(
            graph, digits, dtype, digits.leak, f"{value.name}.weight"
        )
        for digits, dtype in dict.fromkeys(source.kind for source in sources)
        if digits.leak != 1.0
    }


def _sums(
    graph: ir.Graph, result: ir.Value, step: ir.Value, name: str
) -> tuple[list[ir.Node], list[Carried]]:
    """Return the nodes that keep f(0), and add up the differences to it."""
    dtype = (result.dtype or ir.DataType.FLOAT).numpy()
    zero = constant(
        graph, f"{name}.zero", np.zeros([1] * len(result.shape or ()), dtype)
    )
    before = constant(graph, f"{name}.no_step", np.array(0, np.int64))
    builder = NodeBuilder(graph)
    base = builder.value(f"{name}.base", like=result)
    total = builder.value(f"{name}.sum", like=result)
    base.shape = total.shape = None  # zero, which broadcasts, at first
    is_first = builder.node("Equal", [step, before], f"{name}.is_first", like=step)
    is_first.outputs[0].type = ir.TensorType(ir.DataType.BOOL)
    choices = [is_first.outputs[0], result, base]
    keep = builder.node("Where", choices, f"{name}.base_next", like=result)
    kept = keep.outputs[0]
    change = builder.node("Sub", [result, kept], f"{name}.change", like=result)
    terms = [change.outputs[0], total]
    add = builder.node("Add", terms, f"{name}.sum_next", like=result)
    carried = [
        Carried(zero, base, kept),
        Carried(zero, total, add.outputs[0]),
    ]
    return [is_first, keep, change, add], carried


def _replace(
    graph: ir.Graph, old: ir.Value, new: ir.Value, readers: Sequence[ir.Node]
) -> None:
    """Let ``readers`` and the outputs of the graph read ``new``, in the place of ``old``."""
    for node in readers:
        rewire(node, old, new)
    if old.is_graph_output():
        old.name, new.name = new.name, old.name
        graph.outputs[:] = [new if value is old else value for value in graph.outputs]

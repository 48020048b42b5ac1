"""Which values of a graph are streams, and what each node becomes.

The analysis works alike on an ANN, whose activations *will* become neurons, and on a model
in step form, whose neurons are there already.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import array, closure, dependency_graph, is_constant, is_op, reads
from onnx2snn.ops import ALL_OPS, DOMAIN
from onnx2snn.rules import ACTIVATIONS, RULES, SHAPE_ONLY, Form, Rule

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "Kind",
    "Streams",
    "Verdict",
    "activations",
    "is_activation",
    "is_neuron",
    "is_stateful",
    "upper_bound",
]

_FLOATS = (ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


class Kind(enum.StrEnum):
    """What a node becomes in the spiking network."""

    STATIC = "static"
    """Computed once, before the first step."""
    LINEAR = "linear"
    """Itself, once a step."""
    SPIKING = "spiking"
    """A neuron with its state."""
    MAX_LIKE = "max-like"
    """The difference of maxima of running sums, once a step."""
    ANALOG = "analog"
    """Computed on running means, once a step."""
    READOUT = "readout"
    """Computed once on the time-means, after the last step: no neuron depends on it."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one node becomes, and why."""

    kind: Kind
    reason: str


def is_activation(node: ir.Node) -> bool:
    """Whether a spiking neuron can replace ``node``."""
    if not is_op(node, *ACTIVATIONS) or not _is_float(node.outputs[0]):
        return False
    if node.op_type == "Clip":
        upper = node.inputs[2] if len(node.inputs) > 2 else None
        bound = upper_bound(node)
        has_bound = upper is None or (bound is not None and bound > 0.0)
        return _clip_bound(node, 1) == 0.0 and has_bound
    return True


def activations(graph: ir.Graph) -> list[ir.Node]:
    """Return the activations of ``graph`` that neurons replace, in order."""
    return [node for node in graph if is_activation(node) and not is_constant(node.inputs[0])]


def upper_bound(node: ir.Node) -> float | None:
    """Return the largest value the activation ``node`` can give, None if it has no bound."""
    return _clip_bound(node, 2) if is_op(node, "Clip") else None


def _clip_bound(node: ir.Node, position: int) -> float | None:
    bound = node.inputs[position] if len(node.inputs) > position else None
    return float(array(bound)) if is_constant(bound) else None


def is_neuron(node: ir.Node) -> bool:
    """Whether ``node`` is a spiking neuron of one time step."""
    return is_stateful(node) and "spike" in ALL_OPS[node.op_type].outputs


def is_stateful(node: ir.Node) -> bool:
    """Whether ``node`` carries a state from step to step."""
    return node.domain == DOMAIN and bool(ALL_OPS[node.op_type].state)


def _is_float(value: ir.Value) -> bool:
    return value.dtype is None or value.dtype in _FLOATS


class Streams:
    """The streams of a graph.

    Args:
        graph: An ANN, or a model in step form.
        events: Graph inputs that are streams themselves: one slice a step.

    Attributes:
        graph: The graph that was analysed; it must not change while this object is used.
        verdicts: What each node of the main graph becomes, in topological order.
        varying: Values that change from step to step.
        live: Nodes that a neuron depends on.
        spikes: The streams whose elements are spikes, times a constant of their channel.
    """

    def __init__(self, graph: ir.Graph, events: Collection[ir.Value] = ()) -> None:
        """Analyse ``graph``."""
        self.graph = graph
        self.varying: set[ir.Value] = set(events)
        self.spikes: set[ir.Value] = set(events)
        self.verdicts: dict[ir.Node, Verdict] = {}
        dependants_first = dependency_graph(graph).reverse(copy=False)
        self.live = closure(dependants_first, [node for node in graph if _fires(node)])
        for node in graph:
            self.verdicts[node] = self._visit(node)

    def of_kind(self, kind: Kind) -> list[ir.Node]:
        """Return the nodes that become ``kind``."""
        return [node for node, verdict in self.verdicts.items() if verdict.kind is kind]

    def _visit(self, node: ir.Node) -> Verdict:
        verdict = self._judge(node)
        if verdict.kind is not Kind.STATIC:
            self.varying.update(node.outputs)
        if verdict.kind is Kind.SPIKING:
            self.spikes.add(node.outputs[0])
        elif verdict.kind in {Kind.LINEAR, Kind.MAX_LIKE} and self._keeps_spikes(node):
            self.spikes.update(node.outputs)
        return verdict

    def _judge(self, node: ir.Node) -> Verdict:
        if _fires(node):
            return Verdict(Kind.SPIKING, "activation")
        streams = [value for value in reads(node) if value in self.varying]
        if not streams:
            return Verdict(Kind.STATIC, "reads no stream")
        if is_op(node, *SHAPE_ONLY):
            return Verdict(Kind.STATIC, "reads the shape of a stream only")
        if node not in self.live:
            return Verdict(Kind.READOUT, "no neuron depends on it")
        return _verdict_by_rule(node, [value in self.varying for value in node.inputs])

    def _keeps_spikes(self, node: ir.Node) -> bool:
        if is_op(node, "Mul", "Div"):  # by a constant of the channel: a spike's size changes
            inputs = [value for value in node.inputs if value in self.varying]
            others = [value for value in node.inputs if value not in self.varying]
            return all(map(is_constant, others)) and self.spikes.issuperset(inputs)
        rule = RULES.get(node.op_type)
        streams = [value for value in node.inputs if value in self.varying]
        return rule is not None and rule.selects and self.spikes.issuperset(streams)


def _fires(node: ir.Node) -> bool:
    return is_neuron(node) or (is_activation(node) and not is_constant(node.inputs[0]))


def _verdict_by_rule(node: ir.Node, streams: list[bool]) -> Verdict:
    rule = RULES.get(node.op_type) if node.domain in {"", "ai.onnx"} else None
    if rule is None or not _is_plain(node):
        return Verdict(Kind.ANALOG, f"{node.op_type} is not linear")
    if not all(_is_float(value) for value in node.outputs):
        return Verdict(Kind.ANALOG, "its result is not a real number")
    if rule.form is Form.MAX_LIKE:
        return _judge_max_like(node, rule, streams)
    carried = [position for position, stream in enumerate(streams) if stream]
    allowed = range(len(streams)) if rule.inputs is None else (*rule.inputs, *rule.bias)
    foreign = [position for position in carried if position not in allowed]
    if foreign or not carried:
        return Verdict(Kind.ANALOG, f"input {foreign} of {node.op_type} is a stream")
    factors = [position for position in carried if position not in rule.bias]
    if rule.form is Form.MULTILINEAR and len(factors) > 1:
        return Verdict(Kind.ANALOG, "multiplies two streams")
    return Verdict(Kind.LINEAR, f"{node.op_type} is linear in its stream")


def _is_plain(node: ir.Node) -> bool:
    """Whether the attributes of ``node`` leave it in the form that its rule states."""
    if is_op(node, "ScatterElements", "ScatterND"):
        return node.attributes.get_string("reduction", "none") in {"none", "add"}
    return node.attributes.get_int("training_mode", 0) == 0


def _judge_max_like(node: ir.Node, rule: Rule, streams: list[bool]) -> Verdict:
    count = len(streams) if rule.inputs is None else len(rule.inputs)
    if not all(streams[:count]):
        return Verdict(Kind.ANALOG, f"{node.op_type} of a stream and a constant")
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        return Verdict(Kind.ANALOG, "its second output is read")
    return Verdict(Kind.MAX_LIKE, f"{node.op_type} of streams")

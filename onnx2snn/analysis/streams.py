"""Which values of a graph are streams, and what each node becomes.

The analysis works alike on an ANN, whose activations *will* become neurons, and on a model
in step form, whose neurons are there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.activations import activations, is_rectifier, is_symmetric_clip
from onnx2snn.analysis.dynamic_shapes import data_dependent_values
from onnx2snn.analysis.node_kinds import (
    Classification,
    NodeKind,
    classify,
    refusal,
    selects,
    summed,
)
from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.errors import OptionError, Refusal, UnsupportedError
from onnx2snn.graph import (
    closure,
    dependency_graph,
    display_name,
    is_constant,
    is_op,
    reads,
)
from onnx2snn.metadata.facts import is_excluded
from onnx2snn.metadata.input_coding import EVENTS, RATE, coded_inputs
from onnx2snn.ops.predicates import is_neuron, is_stateful, sends_spikes

if TYPE_CHECKING:
    from collections.abc import Collection

    import onnx_ir as ir

__all__ = [
    "SPIKE",
    "Classification",
    "NodeKind",
    "Streams",
    "weighted_operand",
]

SPIKE = ("activations", "all")
"""Where neurons may stand."""


def weighted_operand(node: ir.Node) -> ir.Value | None:
    """Return what the constant weights of ``node`` multiply, None if it has none.

    None as well if no neuron is to stand in front of them.
    """
    if not operator_of(node).is_weighted or any(map(is_excluded, node.outputs)):
        return None
    moving = [value for value in node.inputs[:2] if not is_constant(value)]
    return moving[0] if len(moving) == 1 else None


class Streams:
    """The streams of a graph.

    Args:
        graph: An ANN, or a model in step form.
        events: Graph inputs that are streams themselves, beside those noted as such: one slice
            a step.
        spike: In an ANN, where neurons are to stand: at the ``activations``, or in front of
            ``all`` weights, but for the first, which the input itself drives.

    Attributes:
        graph: The graph that was analyzed; it must not change while this object is used.
        verdicts: What each node of the main graph becomes, in topological order.
        varying: Values that change from step to step.
        live: Nodes that a neuron depends on.
        spikes: The streams made of spikes alone: each element is a sum of spikes, each times a
            constant of its place.
        fired: In an ANN, the activations at which neurons are to stand, in order.
        fed: In an ANN, further values in front of weights at which neurons are to stand.

    Raises:
        OptionError: ``spike`` is none of the two.
    """

    def __init__(
        self,
        graph: ir.Graph,
        events: Collection[ir.Value] = (),
        spike: str = "activations",
    ) -> None:
        """Analyze ``graph``."""
        if spike not in SPIKE:
            message = f"spike must be one of {', '.join(SPIKE)}, not {spike!r}"
            raise OptionError(message)
        self.graph = graph
        self.varying: set[ir.Value] = {
            *events,
            *coded_inputs(graph.inputs, RATE, EVENTS),
        }
        self.spikes: set[ir.Value] = set(self.varying)
        self.classifications: dict[ir.Node, Classification] = {}
        neurons = [node for node in graph if is_neuron(node)]
        self.fired = [] if neurons else activations(graph)
        self.weight_inputs: dict[ir.Value, None] = {}
        feeds = _feeds(graph) if spike == "all" else set()
        stepped = [
            value for node in graph if is_stateful(node) for value in node.outputs
        ]
        self._data_dependent = data_dependent_values(
            graph, [*self.varying, *stepped, *self.fired, *feeds]
        )
        self._feeds = feeds - self._data_dependent
        firing = {
            producer for v in (*self.fired, *self._feeds) if (producer := v.producer())
        }
        dependants_first = dependency_graph(graph).reverse(copy=False)
        self.live = closure(dependants_first, [*neurons, *firing])
        self._firing = {value.producer() for value in self.fired}
        self._firing.update(node for node in graph if sends_spikes(node))
        for node in graph:
            self.classifications[node] = self._visit(node)

    def of_kind(self, kind: NodeKind) -> list[ir.Node]:
        """Return the nodes that become ``kind``."""
        return [
            node
            for node, classification in self.classifications.items()
            if classification.kind is kind
        ]

    def check(self) -> None:
        """Check that every node can be converted.

        Raises:
            UnsupportedError: It names all that cannot.
        """
        refusals = [
            Refusal(display_name(node), node.op_type, self.classifications[node].reason)
            for node in self.of_kind(NodeKind.REFUSED)
        ]
        if refusals:
            message = f"{self.graph.name or 'the model'} has parts that no spiking network can be:"
            raise UnsupportedError(message, refusals)

    def is_spike_driven(self, node: ir.Node) -> bool:
        """Whether the weights of ``node`` are added up by spikes, every step."""
        moving = {value for value in node.inputs if self._moves(node, value)}
        kind = self.classifications[node].kind
        return (
            operator_of(node).is_weighted
            and kind is NodeKind.LINEAR
            and bool(moving)
            and all(
                value in self.spikes or self._is_fed(node, value) for value in moving
            )
        )

    def _moves(self, node: ir.Node, value: ir.Value | None) -> bool:
        """Whether ``node`` gets another ``value`` in each step."""
        return value in self.varying or self._is_fed(node, value)

    def _is_fed(self, node: ir.Node, value: ir.Value | None) -> bool:
        """Whether a neuron stands between ``value`` and the weights of ``node``."""
        return value in self.weight_inputs and weighted_operand(node) is value

    def _visit(self, node: ir.Node) -> Classification:
        operand = weighted_operand(node)
        if operand in self._feeds and operand not in self.spikes:
            self.weight_inputs[operand] = None
        classification = self._classify(node)
        if classification.kind is not NodeKind.STATIC:
            self.varying.update(node.outputs)
        if classification.kind is NodeKind.SPIKING or self._keeps_spikes(
            node, classification.kind
        ):
            self.spikes.update(node.outputs)
        return classification

    def _classify(self, node: ir.Node) -> Classification:
        if node in self._firing:
            return Classification(NodeKind.SPIKING, _neuron_reason(node))
        moving = [self._moves(node, value) for value in node.inputs]
        read = reads(node)
        elastic = not self._data_dependent.isdisjoint(read)
        if not any(moving) and self.varying.isdisjoint(read):
            classification = Classification(NodeKind.STATIC, "reads no stream")
        elif operator_of(node).form is Form.SHAPE and not elastic:
            classification = Classification(
                NodeKind.STATIC, "reads the shape of a stream only"
            )
        elif node not in self.live:
            classification = Classification(NodeKind.READOUT, "no neuron depends on it")
        elif reason := refusal(node):
            classification = Classification(NodeKind.REFUSED, reason)
        elif elastic:
            classification = Classification(
                NodeKind.ANALOG, "the numbers in a stream decide the size of its input"
            )
        else:
            classification = classify(node, moving)
        if classification.kind is NodeKind.MAX_LIKE and any(
            map(is_excluded, node.outputs)
        ):
            return Classification(NodeKind.ANALOG, "no neuron stands here")
        return classification

    def _keeps_spikes(self, node: ir.Node, kind: NodeKind) -> bool:
        if kind is NodeKind.MAX_LIKE:  # a bound is no spike
            return selects(node) and self.spikes.issuperset(summed(node))
        if kind is not NodeKind.LINEAR:
            return False
        inputs = [value for value in node.inputs if value in self.varying]
        if is_op(
            node, "Mul", "Div"
        ):  # by a constant of the channel: a spike's size changes
            others = [value for value in node.inputs if value not in self.varying]
            return all(map(is_constant, others)) and self.spikes.issuperset(inputs)
        if is_op(node, "Add", "Neg", "Sub", "Sum"):  # each spike adds its own weights
            return len(inputs) == len(node.inputs) and self.spikes.issuperset(inputs)
        return selects(node) and self.spikes.issuperset(inputs)


def _neuron_reason(node: ir.Node) -> str:
    if sends_spikes(node) or is_rectifier(node) or is_symmetric_clip(node):
        return "a neuron takes its place"
    return "computed on running means, a signed neuron behind it"


def _feeds(graph: ir.Graph) -> set[ir.Value]:
    """Return what weights multiply, behind the first weights."""
    edges = dependency_graph(graph)
    behind = closure(edges, [node for node in graph if operator_of(node).is_weighted])
    operands = map(weighted_operand, graph)
    return {
        value
        for value in operands
        if value is not None and value.producer() in behind and not is_excluded(value)
    }

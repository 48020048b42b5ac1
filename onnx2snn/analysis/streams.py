"""The streams of a graph, and the classification of each node.

The analysis works alike on an ANN, whose activations *will* become neurons, and on a
single-step graph, whose neurons are there already.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.analysis.neuron_places import (
    NeuronPlaces,
    find_neuron_places,
    is_excluded_node,
    weighted_operand,
)
from onnx2snn.analysis.node_kinds import (
    Classification,
    NodeKind,
    classify_node,
    find_refusal,
    selects_elements,
    summed_inputs,
)
from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.analysis.operators.foreign import is_foreign
from onnx2snn.analysis.rectifiers import is_rectifier, is_symmetric_clip
from onnx2snn.analysis.sharing import shared
from onnx2snn.analysis.surroundings import describe_surroundings
from onnx2snn.arguments import checked_choice
from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import (
    display_name,
    is_constant,
    is_op,
    operator_name,
    reads,
)
from onnx2snn.metadata.input_coding import EVENTS, RATE, coded_inputs
from onnx2snn.ops.predicates import sends_spikes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import onnx_ir as ir

__all__ = [
    "SPIKE",
    "Classification",
    "NodeKind",
    "Streams",
    "find_streams",
]

SPIKE = ("activations", "all")
"""Choices of the places at which neurons may stand."""


@dataclasses.dataclass(frozen=True, eq=False)
class Streams:
    """The streams of a graph.

    Attributes:
        graph: The graph that was analyzed; it must not change while this object is used.
        classifications: What each node of the main graph becomes, in topological order.
        varying: Values that change from step to step.
        live: Nodes that a neuron depends on.
        spikes: The streams made of spikes alone: each element is a sum of spikes, each times a
            constant of its place.
        fired: In an ANN, the activations at which neurons are to stand, in order.
        weight_inputs: In an ANN, further values in front of weights at which neurons are to
            stand, in order.
    """

    graph: ir.Graph
    classifications: Mapping[ir.Node, Classification]
    varying: set[ir.Value]
    live: set[ir.Node]
    spikes: set[ir.Value]
    fired: list[ir.Value]
    weight_inputs: list[ir.Value]

    @property
    def has_neurons(self) -> bool:
        """Whether neurons are to stand anywhere in an ANN."""
        return bool(self.fired or self.weight_inputs)

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
            Refusal(
                display_name(node),
                operator_name(node),
                self.classifications[node].reason,
            )
            for node in self.of_kind(NodeKind.REFUSED)
        ]
        if refusals:
            name = self.graph.name or "the model"
            message = f"{name} has nodes that cannot be converted:"
            raise UnsupportedError(message, refusals)

    def is_spike_driven(self, node: ir.Node) -> bool:
        """Whether the weights of ``node`` are added up by spikes, every step."""
        if not operator_of(node).is_weighted:
            return False
        if self.classifications[node].kind is not NodeKind.LINEAR:
            return False
        neuron_input = _operand_among(node, self.weight_inputs)
        streams = {value for value in node.inputs if value in self.varying}
        if neuron_input is not None:
            streams.discard(neuron_input)
        is_driven = bool(streams) or neuron_input is not None
        return is_driven and streams <= self.spikes


def find_streams(
    graph: ir.Graph, events: Collection[ir.Value] = (), spike: str = "activations"
) -> Streams:
    """Return the streams of ``graph``; inside ``sharing``, found once while it stays as it is.

    Args:
        graph: An ANN, or a single-step graph.
        events: Graph inputs that are streams themselves, beside those annotated as such: one
            slice a step.
        spike: In an ANN, where neurons are to stand: at the ``activations``, or in front of
            ``all`` weights, but for the first, which the input itself drives.

    Raises:
        OptionError: ``spike`` is none of the two.
    """
    checked_choice("spike", spike, SPIKE)
    question = ("streams", frozenset(events), spike)
    return shared(graph, question, lambda: _analyze(graph, events, spike))


def _analyze(graph: ir.Graph, events: Collection[ir.Value], spike: str) -> Streams:
    inputs = {*events, *coded_inputs(graph.inputs, RATE, EVENTS)}
    neurons = find_neuron_places(graph, inputs, spike)
    classifier = _Classifier(neurons, inputs)
    for node in graph:
        classifier.visit(node)
    return Streams(
        graph=graph,
        classifications=classifier.classifications,
        varying=classifier.varying,
        live=neurons.live,
        spikes=classifier.spikes,
        fired=neurons.fired,
        weight_inputs=list(classifier.weight_inputs),
    )


class _Classifier:
    """Nodes classified one after another, in topological order."""

    def __init__(self, neurons: NeuronPlaces, inputs: set[ir.Value]) -> None:
        """Begin with the graph inputs that are streams."""
        self._neurons = neurons
        self.classifications: dict[ir.Node, Classification] = {}
        self.varying = set(inputs)
        self.spikes = set(inputs)
        self.weight_inputs: dict[ir.Value, None] = {}

    def visit(self, node: ir.Node) -> None:
        """Classify ``node``, and see which streams it makes."""
        operand = weighted_operand(node)
        if operand in self._neurons.in_front and operand not in self.spikes:
            self.weight_inputs[operand] = None
        if node in self._neurons.nodes:
            classification = Classification(NodeKind.SPIKING, _neuron_reason(node))
        else:
            classification = self._classify(node)
        self.classifications[node] = classification
        if classification.kind is not NodeKind.STATIC:
            self.varying.update(node.outputs)
        if self._makes_spikes(node, classification.kind):
            self.spikes.update(node.outputs)

    def _classify(self, node: ir.Node) -> Classification:
        neuron_input = _operand_among(node, self.weight_inputs)
        is_resized = not self._neurons.data_dependent.isdisjoint(reads(node))
        if neuron_input is None and self.varying.isdisjoint(reads(node)):
            return Classification(NodeKind.STATIC, "reads no stream")
        if operator_of(node).form is Form.SHAPE and not is_resized:
            return Classification(NodeKind.STATIC, "reads the shape of a stream only")
        if node not in self._neurons.live:
            return Classification(NodeKind.READOUT, "no neuron depends on it")
        reason = find_refusal(node)
        if reason is not None:
            if is_foreign(node):
                reason = f"{describe_surroundings(node, self._neurons)}; {reason}"
            return Classification(NodeKind.REFUSED, reason)
        if is_resized:
            reason = "the numbers in a stream decide the size of its input"
            return Classification(NodeKind.ANALOG, reason)
        return self._classify_by_operator(node, neuron_input)

    def _classify_by_operator(
        self, node: ir.Node, neuron_input: ir.Value | None
    ) -> Classification:
        streams = [
            value in self.varying or (value is not None and value is neuron_input)
            for value in node.inputs
        ]
        classification = classify_node(node, streams)
        if classification.kind is NodeKind.MAX_LIKE and is_excluded_node(node):
            return Classification(NodeKind.ANALOG, "no neuron stands here")
        return classification

    def _makes_spikes(self, node: ir.Node, kind: NodeKind) -> bool:
        if kind is NodeKind.SPIKING:
            return True
        if kind is NodeKind.MAX_LIKE:  # a bound is no spike
            return selects_elements(node) and self.spikes.issuperset(
                summed_inputs(node)
            )
        if kind is NodeKind.LINEAR:
            return self._keeps_spikes(node)
        return False

    def _keeps_spikes(self, node: ir.Node) -> bool:
        """Whether ``node``, which is linear, makes spikes of spikes."""
        streams = [value for value in node.inputs if value in self.varying]
        if not self.spikes.issuperset(streams):
            return False
        if is_op(node, "Mul", "Div"):
            # Times a constant of the channel: the size of a spike changes.
            others = [value for value in node.inputs if value not in self.varying]
            return all(is_constant(value) for value in others)
        if is_op(node, "Add", "Neg", "Sub", "Sum"):
            # Each spike adds its own weights.
            return len(streams) == len(node.inputs)
        return selects_elements(node)


def _operand_among(
    node: ir.Node, weight_inputs: Collection[ir.Value]
) -> ir.Value | None:
    """Return the operand of the weights of ``node`` if a neuron stands at it, else None."""
    operand = weighted_operand(node)
    if operand in weight_inputs:
        return operand
    return None


def _neuron_reason(node: ir.Node) -> str:
    if sends_spikes(node) or is_rectifier(node) or is_symmetric_clip(node):
        return "a neuron takes its place"
    return "computed on running means, a signed neuron behind it"

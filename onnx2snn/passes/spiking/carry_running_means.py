"""Compute what is not linear on running sums and means of its streams."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.node_kinds import summed_inputs
from onnx2snn.analysis.streams import NodeKind, Streams, find_streams
from onnx2snn.graph import constant, fresh_name, reads, rewire, take_over
from onnx2snn.metadata.facts import STREAM_OF
from onnx2snn.ops import ALL_OPS, DOMAIN, OPSET
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.initial_states import InitialStates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["CarryRunningMeans"]


@dataclasses.dataclass(frozen=True)
class CarryRunningMeans(ir.passes.InPlacePass):
    """Let every node that is not linear read running sums or means.

    With S(t) the running sum of the stream x, and t the number of the step:

        max-like:  before:  y = MaxPool(x)
                   after:   y(t) = MaxPool(S(t)) - MaxPool(S(t-1))
                   before:  y = Max(x, c), c static
                   after:   y(t) = Max(S(t), t c) - Max(S(t-1), (t-1) c)
        analog:    before:  y = Softmax(x)
                   after:   m(t) = Softmax(S(t) / t);  y(t) = t m(t) - (t-1) m(t-1)
        readout:   before:  y = Softmax(x), no neuron depends on y
                   after:   y = Softmax(S(t) / t)

    Whatever T is, the mean of y over the T steps is the node's function of the mean of x.
    A chain of analog nodes stays on means; they turn into a stream only where a neuron, or
    a linear node that reads another stream, needs one. Graph outputs become means, so that
    they are the ANN's outputs as far as known after t steps.

    Exact up to rounding; exact for max-like nodes on spikes. The result is in step form.

    Attributes:
        events: Names of graph inputs that are streams themselves, one slice a step.

    Raises:
        UnsupportedError: A neuron depends on a node that has no mean, or no rule.
    """

    events: tuple[str, ...] = ()

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        events = [value for value in model.graph.inputs if value.name in self.events]
        streams = find_streams(model.graph, events)
        streams.check()
        carrier = _Carrier(streams)
        for node, classification in streams.classifications.items():
            carrier.visit(node, classification.kind)
        for position, value in enumerate(tuple(model.graph.outputs)):
            if value in streams.varying and carrier.mean(value) is not value:
                carrier.output_mean(position, value)
        if carrier.changed:
            model.graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=carrier.changed)


class _Carrier:
    """The forms in which each varying value is at hand: stream, running sum, mean."""

    def __init__(self, streams: Streams) -> None:
        self.changed = False
        self._streams = streams
        self._graph = streams.graph
        self._states = InitialStates(streams.graph)
        self._are_means: set[ir.Value] = set()
        self._streams_of: dict[ir.Value, ir.Value] = {}
        self._sums_of: dict[ir.Value, ir.Value] = {}
        self._means_of: dict[ir.Value, ir.Value] = {}
        self._step_numbers: dict[ir.DataType, ir.Value] = {}

    def visit(self, node: ir.Node, kind: NodeKind) -> None:
        """Let ``node`` read the form of its inputs that its kind asks for."""
        varying = [value for value in reads(node) if value in self._streams.varying]
        if kind in {NodeKind.ANALOG, NodeKind.READOUT}:
            self._read(node, varying, self.mean)
            self._are_means.update(node.outputs)
        elif kind is NodeKind.STATIC:
            if node not in self._streams.live:  # a Shape in the readout
                self._read(node, varying, self.mean)
        elif kind is NodeKind.SPIKING:
            self._read(node, varying if is_neuron(node) else [], self.stream)
        elif self._are_means.issuperset(varying):
            self._are_means.update(node.outputs)
        elif kind is NodeKind.LINEAR:
            self._read(node, varying, self.stream)
        else:
            self._read(node, summed_inputs(node), self.running_sum)
            self._are_means.update(node.outputs[1:])  # positions: of sums as of means
            self._take_difference(node.outputs[0])

    def _read(
        self,
        node: ir.Node,
        values: Iterable[ir.Value],
        form: Callable[[ir.Value], ir.Value],
    ) -> None:
        for value in dict.fromkeys(values):
            new = form(value)
            if new is not value:
                rewire(node, value, new)

    def stream(self, value: ir.Value) -> ir.Value:
        """Return ``value`` as a stream."""
        if value not in self._are_means:
            return value
        if value not in self._streams_of:
            total = self.running_sum(value)
            previous = self._initial_state(value, "previous")
            self._streams_of[value] = self._append(
                "Difference", [total, previous], f"{value.name}.stream", value
            )
        return self._streams_of[value]

    def running_sum(self, value: ir.Value) -> ir.Value:
        """Return the sum of ``value`` over the steps so far."""
        if value not in self._sums_of:
            if value in self._are_means or value not in self._streams.varying:
                op, other = "Mul", self._step_number(value)
            else:
                op, other = "RunningSum", self._initial_state(value, "total")
            self._sums_of[value] = self._append(
                op, [value, other], f"{value.name}.total", value
            )
        return self._sums_of[value]

    def mean(self, value: ir.Value) -> ir.Value:
        """Return the mean of ``value`` over the steps so far."""
        if value in self._are_means:
            return value
        if value not in self._means_of:
            operands = [self.running_sum(value), self._step_number(value)]
            self._means_of[value] = self._append(
                "Div", operands, f"{value.name}.mean", value
            )
        return self._means_of[value]

    def output_mean(self, position: int, value: ir.Value) -> None:
        """Make the graph output at ``position`` the mean of the stream ``value``."""
        mean = self.mean(value)
        name, value.name = value.name, fresh_name(self._graph, f"{value.name}.stream")
        STREAM_OF.write(value, str(name))
        mean.name = name
        self._graph.outputs[position] = mean

    def _take_difference(self, output: ir.Value) -> None:
        previous = self._initial_state(output, "previous")
        stream = self._append(
            "Difference", [output, previous], f"{output.name}.stream", output
        )
        take_over(output, stream)
        rewire(_producer(stream), stream, output)
        output.name = fresh_name(self._graph, f"{stream.name}.running")
        self._streams.varying.add(stream)

    def _step_number(self, value: ir.Value) -> ir.Value:
        """Return the number of the step, 1 in the first, in the type of ``value``."""
        dtype = value.dtype or ir.DataType.FLOAT
        if dtype not in self._step_numbers:
            one = constant(self._graph, "one", np.ones([], dtype.numpy()))
            zero = constant(self._graph, "t_init", np.zeros([], dtype.numpy()))
            self._step_numbers[dtype] = self._append(
                "RunningSum", [one, zero], "t", one
            )
        return self._step_numbers[dtype]

    def _initial_state(self, value: ir.Value, state: str) -> ir.Value:
        dtype = (value.dtype or ir.DataType.FLOAT).numpy()
        zero = np.zeros([1] * len(value.shape or ()), dtype)
        return self._states.make(value, f"{value.name}.{state}_init", zero)

    def _append(
        self, op: str, inputs: Sequence[ir.Value], name: str, like: ir.Value
    ) -> ir.Value:
        """Append a node (the graph is sorted at the end) and return its first output."""
        self.changed = True
        domain = DOMAIN if op in ALL_OPS else ""
        outputs = tuple(ALL_OPS[op].outputs) if op in ALL_OPS else ("",)
        node = ir.node(op, inputs, domain=domain, num_outputs=len(outputs))
        self._graph.append(node)
        node.outputs[0].name = node.name = fresh_name(self._graph, name)
        for value, output in zip(node.outputs, outputs, strict=True):
            value.type, value.shape = like.type, like.shape
            value.name = value.name or fresh_name(self._graph, f"{name}.{output}")
        return node.outputs[0]


def _producer(value: ir.Value) -> ir.Node:
    producer = value.producer()
    assert producer is not None
    return producer

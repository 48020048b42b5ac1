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
from onnx2snn.runtime.computed_shapes import infers_computed_sizes
from onnx2snn.schedules.initial_states import InitialStates
from onnx2snn.schedules.loops import zeros_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from onnx2snn.graph import ValueMap

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

    Exact up to rounding; exact for max-like nodes on spikes. The result is a single-step graph.

    Attributes:
        events: Names of graph inputs that are streams themselves, one slice a step.
        leak: Worth of a spike in spikes a step later, >= 1. Above 1 the sums and means are
            weighted ones: the step before counts ``leak`` times as much, and t is the sum of the
            weights.

    Raises:
        UnsupportedError: A neuron depends on a node that has no mean, or no rule.
    """

    events: tuple[str, ...] = ()
    leak: float = 1.0

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        graph = model.graph
        events = [value for value in graph.inputs if value.name in self.events]
        streams = find_streams(graph, events)
        streams.check()
        carrier = _Carrier(streams, self.leak)
        for node, classification in streams.classifications.items():
            kind = classification.kind
            carrier.visit(node, kind)
        carrier.average_outputs()
        if carrier.changed:
            graph.sort()
            model.opset_imports[DOMAIN] = OPSET
        return ir.passes.PassResult(model, modified=carrier.changed)


class _Carrier:
    """The forms in which each varying value is at hand: stream, running sum, mean.

    Args:
        streams: The streams of the graph that is rewritten.
        leak: Worth of a step of them, in steps that come one later.

    Attributes:
        changed: Whether a node was added.
    """

    def __init__(self, streams: Streams, leak: float) -> None:
        self.changed = False
        self._streams = streams
        self._leak = leak
        self._varying = set(streams.varying)  # of its own: it grows
        graph = streams.graph
        self._graph = graph
        self._states = InitialStates(graph, expanded=infers_computed_sizes(graph))
        self._are_means: set[ir.Value] = set()
        self._streams_of: ValueMap = {}
        self._sums_of: ValueMap = {}
        self._means_of: ValueMap = {}
        self._step_numbers: dict[ir.DataType, ir.Value] = {}
        self._leaks: dict[ir.DataType, ir.Value] = {}

    def visit(self, node: ir.Node, kind: NodeKind) -> None:
        """Let ``node`` read the form of its inputs that its kind asks for."""
        values = reads(node)
        varying = [value for value in values if value in self._varying]
        if kind in {NodeKind.ANALOG, NodeKind.READOUT}:
            self._read_means(node, varying)
            self._are_means.update(node.outputs)
        elif kind is NodeKind.STATIC:
            self._visit_static(node, varying)
        elif kind is NodeKind.SPIKING:
            if is_neuron(node):
                self._read_streams(node, varying)
        elif self._are_means.issuperset(varying):
            self._are_means.update(node.outputs)
        elif kind is NodeKind.LINEAR:
            self._read_streams(node, varying)
        else:
            self._visit_max_like(node)

    def _visit_static(self, node: ir.Node, varying: Iterable[ir.Value]) -> None:
        if node not in self._streams.live:  # a Shape in the readout
            self._read_means(node, varying)

    def _visit_max_like(self, node: ir.Node) -> None:
        _replace_inputs(node, summed_inputs(node), self._running_sum)
        first, *others = node.outputs
        self._are_means.update(others)  # positions: of sums as of means
        self._take_difference(first)

    def _read_means(self, node: ir.Node, values: Iterable[ir.Value]) -> None:
        _replace_inputs(node, values, self._mean)

    def _read_streams(self, node: ir.Node, values: Iterable[ir.Value]) -> None:
        _replace_inputs(node, values, self._stream)

    def _stream(self, value: ir.Value) -> ir.Value:
        """Return ``value`` as a stream."""
        if value not in self._are_means:
            return value
        if value not in self._streams_of:
            total = self._running_sum(value)
            self._streams_of[value] = self._difference(total, value)
        return self._streams_of[value]

    def _running_sum(self, value: ir.Value) -> ir.Value:
        """Return the sum of ``value`` over the steps so far."""
        if value not in self._sums_of:
            name = f"{value.name}.total"
            if self._is_stream(value):
                start = self._initial_state(value, "total")
                total = self._add_over_time("RunningSum", [value, start], name, value)
            else:
                step = self._step_number(value)
                operands = [value, step]
                total = self._add("Mul", operands, name, value)
            self._sums_of[value] = total
        return self._sums_of[value]

    def _is_stream(self, value: ir.Value) -> bool:
        return value in self._varying and value not in self._are_means

    def _mean(self, value: ir.Value) -> ir.Value:
        """Return the mean of ``value`` over the steps so far."""
        if value in self._are_means:
            return value
        if value not in self._means_of:
            total = self._running_sum(value)
            steps = self._step_number(value)
            operands = [total, steps]
            name = f"{value.name}.mean"
            mean = self._add("Div", operands, name, value)
            self._means_of[value] = mean
        return self._means_of[value]

    def average_outputs(self) -> None:
        """Make every graph output that is a stream the mean of it, under its name."""
        outputs = tuple(self._graph.outputs)
        for position, value in enumerate(outputs):
            if value not in self._varying:
                continue
            mean = self._mean(value)
            if mean is not value:
                name = value.name
                stream_name = f"{name}.stream"
                value.name = fresh_name(self._graph, stream_name)
                STREAM_OF.write(value, str(name))
                mean.name = name
                self._graph.outputs[position] = mean

    def _take_difference(self, output: ir.Value) -> None:
        """Let the readers of ``output``, a function of running sums, read a stream."""
        stream = self._difference(output, output)
        difference = stream.producer()
        assert difference is not None
        take_over(output, stream)
        rewire(difference, stream, output)
        running_name = f"{stream.name}.running"
        output.name = fresh_name(self._graph, running_name)
        self._varying.add(stream)

    def _difference(self, total: ir.Value, value: ir.Value) -> ir.Value:
        """Return how much ``total`` changes in a step, as a stream named after ``value``."""
        previous = self._initial_state(value, "previous")
        name = f"{value.name}.stream"
        return self._add_over_time("Difference", [total, previous], name, value)

    def _step_number(self, value: ir.Value) -> ir.Value:
        """Return the number of the step, 1 in the first, in the type of ``value``."""
        dtype = value.dtype or ir.DataType.FLOAT
        if dtype not in self._step_numbers:
            number_type = dtype.numpy()
            increment = np.ones([], number_type)
            one = constant(self._graph, "one", increment)
            start = np.zeros([], number_type)
            zero = constant(self._graph, "t_init", start)
            step = self._add_over_time("RunningSum", [one, zero], "t", one)
            self._step_numbers[dtype] = step
        return self._step_numbers[dtype]

    def _weight_of_a_step(self, value: ir.Value) -> ir.Value:
        """Return the worth of a step in those one later, in the type of ``value``."""
        dtype = value.dtype or ir.DataType.FLOAT
        if dtype not in self._leaks:
            data = np.array(self._leak, dtype.numpy())
            self._leaks[dtype] = constant(self._graph, "leak", data)
        return self._leaks[dtype]

    def _initial_state(self, value: ir.Value, state: str) -> ir.Value:
        """Return zero as the initial state of a node that takes in ``value``."""
        name = f"{value.name}.{state}_init"
        zeros = zeros_like(value)
        return self._states.make(value, name, zeros)

    def _add(
        self, op: str, inputs: Sequence[ir.Value], name: str, like: ir.Value
    ) -> ir.Value:
        """Append a node of ONNX, and return its output."""
        node = ir.node(op, inputs)
        return self._append(node, name, like)

    def _add_over_time(
        self, op: str, inputs: Sequence[ir.Value], name: str, like: ir.Value
    ) -> ir.Value:
        """Append a node of an operator of ours, and return its first output.

        Where steps weigh differently, that is the operator that weighs them.
        """
        if self._leak != 1.0:
            leak = self._weight_of_a_step(like)
            inputs = [*inputs, leak]
            op = f"Weighted{op}"
        operator = ALL_OPS[op]
        outputs = len(operator.outputs)
        node = ir.node(op, inputs, domain=DOMAIN, num_outputs=outputs)
        return self._append(node, name, like)

    def _append(self, node: ir.Node, name: str, like: ir.Value) -> ir.Value:
        """Append a node (the graph is sorted at the end), and return its first output."""
        self.changed = True
        self._graph.append(node)
        first, *states = node.outputs
        first.name = node.name = fresh_name(self._graph, name)
        names = _state_outputs(node)
        for state, output in zip(states, names, strict=True):
            state_name = f"{name}.{output}"
            state.name = fresh_name(self._graph, state_name)
        for value in node.outputs:
            value.type = like.type
            value.shape = like.shape
        return first


def _replace_inputs(
    node: ir.Node, values: Iterable[ir.Value], form: Callable[[ir.Value], ir.Value]
) -> None:
    """Let ``node`` read each of ``values`` in another form."""
    for value in dict.fromkeys(values):
        new = form(value)
        if new is not value:
            rewire(node, value, new)


def _state_outputs(node: ir.Node) -> list[str]:
    """Return what an operator of ours calls its outputs behind the first, which are states."""
    if node.domain == DOMAIN:
        op = ALL_OPS[node.op_type]
        outputs = list(op.outputs)
        return outputs[1:]
    return []

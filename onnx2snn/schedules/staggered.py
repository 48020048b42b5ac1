"""Layers that fire some steps behind those before them, in one loop over time.

A layer sends T weighted spikes, the first worth most, and may wait for some steps of its input
before the first. In a loop over all layers its steps are then those from its arrival on: the sum
of the delays on the longest path to it. Before and after, it is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import (
    NodeBuilder,
    constant,
    display_name,
    operator_name,
    reads,
    rewire,
)
from onnx2snn.ops import ALL_OPS, DOMAIN
from onnx2snn.ops.predicates import is_neuron, is_stateful
from onnx2snn.schedules.finding import ITERATIONS, LOOP_NAME
from onnx2snn.schedules.initial_states import InitialStates
from onnx2snn.schedules.lockstep import put_into_loop
from onnx2snn.schedules.loops import named_inputs, zeros_like
from onnx2snn.schedules.partition import is_tensor, part_between_tensors
from onnx2snn.schedules.time_steps import time_steps_input
from onnx2snn.schedules.waiting import (
    delay_of,
    delays_until,
    note_delay,
    raise_thresholds,
)
from onnx2snn.schedules.whole_inputs import give_whole_inputs
from onnx2snn.schedules.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["emit_staggered"]


def emit_staggered(
    graph: ir.Graph,
    time_steps: int,
    every_step: Collection[str] = (),
    *,
    expanded: bool = True,
) -> bool:
    """Put what changes from step to step into a Loop, each layer in its own steps.

    Args:
        graph: A single-step graph, whose inputs are constant; it is changed in place.
        time_steps: T when none is given at run time.
        every_step: Names of graph outputs wanted for every iteration: they get a leading axis.
        expanded: Whether states may be expanded; see ``InitialStates``.

    Returns:
        Whether there was anything.
    """
    body = part_between_tensors(graph, (), every_step).body
    if not body:
        return False
    count = time_steps_input(graph, time_steps)
    give_whole_inputs(graph, body, count)
    delay = delays_until(body)
    if delay:
        stagger = _Stagger(graph, count, InitialStates(graph, expanded=expanded))
        stagger.hold_back(body)
        count = _iterations(graph, count, delay)
        graph.sort()
    parts = part_between_tensors(graph, (), every_step)
    put_into_loop(graph, parts, count)
    note_delay(graph, LOOP_NAME, delay)
    return True


def _iterations(graph: ir.Graph, count: ir.Value, delay: int) -> ir.Value:
    """Return the number of steps until all layers are done, T and the delays."""
    steps = constant(graph, "delays", np.array(delay, np.int64))
    node = ir.node("Add", [count, steps], name=ITERATIONS)
    iterations = NodeBuilder(graph).put(node, "iterations", like=steps)
    iterations.shape = ir.Shape([])
    return iterations


class _Stagger:
    """Lets the nodes of a step work in steps of their own, and wait for each other.

    Args:
        graph: A single-step graph, which is to be sorted at the end.
        count: T.
        states: Makes initial states.
    """

    def __init__(self, graph: ir.Graph, count: ir.Value, states: InitialStates) -> None:
        self._graph = graph
        self._states = states
        self._builder = NodeBuilder(graph)
        self._windows = Windows(graph, count)
        self._arrivals: dict[ir.Value, int] = {}
        self._delayed: dict[tuple[ir.Value, int], ir.Value] = {}

    def hold_back(self, nodes: Iterable[ir.Node]) -> None:
        """Hold each of ``nodes``, in order, back until all that it reads is there."""
        for node in nodes:
            arrival = self._wait_for_all(node)
            if is_neuron(node):
                arrival = self._stagger_neuron(node, arrival)
            elif is_stateful(node):
                self._stop_outside(node, arrival)
            self._arrivals |= dict.fromkeys(node.outputs, arrival)

    def _wait_for_all(self, node: ir.Node) -> int:
        """Let what ``node`` reads wait for the last of it; return when that comes."""
        varying = [v for v in dict.fromkeys(reads(node)) if v in self._arrivals]
        arrival = max((self._arrivals[value] for value in varying), default=0)
        for value in varying:
            delayed = self._late(node, value, arrival - self._arrivals[value])
            if delayed is not value:
                rewire(node, value, delayed)
        return arrival

    def _late(self, node: ir.Node, value: ir.Value, steps: int) -> ir.Value:
        """Return ``value`` as it was so many steps ago."""
        if steps == 0:
            return value
        if not is_tensor(value):
            reason = f"{value.name!r}, a sequence, would have to wait for other inputs"
            refusal = Refusal(display_name(node), operator_name(node), reason)
            message = "the schedule staggered cannot hold back all values:"
            raise UnsupportedError(message, [refusal])
        key = value, steps
        if key not in self._delayed:
            before = self._late(node, value, steps - 1)
            self._delayed[key] = self._delay(before, f"{value.name}.late_{steps}")
        return self._delayed[key]

    def _delay(self, value: ir.Value, name: str) -> ir.Value:
        """Return ``value`` one step later, in its own type: Delay holds real numbers."""
        dtype = value.dtype
        if dtype is not None and not dtype.is_floating_point():
            real = self._cast(value, ir.DataType.DOUBLE, f"{name}.real")
            return self._cast(self._delay(real, f"{name}.held"), dtype, name)
        start = self._states.make(value, f"{name}.init", zeros_like(value))
        outputs = len(ALL_OPS["Delay"].outputs)
        node = ir.node("Delay", [value, start], domain=DOMAIN, num_outputs=outputs)
        return self._builder.put(node, name, like=value)

    def _cast(self, value: ir.Value, dtype: ir.DataType, name: str) -> ir.Value:
        found = self._builder.add("Cast", [value], name, {"to": int(dtype)}, like=value)
        found.type = ir.TensorType(dtype)
        return found

    def _stagger_neuron(self, neuron: ir.Node, arrival: int) -> int:
        """Let a neuron hear and fire in its own steps; return when its first spike comes."""
        delay = delay_of(neuron)
        fired = arrival + delay
        inputs = named_inputs(neuron)
        fires = inputs["fires"]
        assert fires is not None  # always 1, as yet
        rewire(neuron, fires, self._windows.gate(fired, fires))
        if neuron.inputs[0] in self._arrivals:
            self._silence_outside(neuron, arrival)
        raise_thresholds(self._graph, neuron, delay)
        return fired

    def _stop_outside(self, node: ir.Node, arrival: int) -> None:
        """Let a weighted sum, or difference, stay as it is outside of its steps."""
        inputs = named_inputs(node)
        leak = inputs.get("leak")
        assert leak is not None  # no other operator has a state here
        rewire(node, leak, self._windows.leak(arrival, leak))
        if node.op_type == "WeightedRunningSum":
            self._silence_outside(node, arrival)

    def _silence_outside(self, node: ir.Node, arrival: int) -> None:
        """Let the stream of ``node`` be 0 outside of its steps: biases are added in all."""
        stream = node.inputs[0]
        assert stream is not None
        heard = self._windows.heard(stream, arrival)
        node.replace_input_with(0, heard)

"""One step as a graph of its own: states are inputs, and their next values are outputs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import (
    NodeBuilder,
    display_name,
    forget_names,
    fresh_name,
    operator_name,
    rank_of,
)
from onnx2snn.methods.layouts import LOOP
from onnx2snn.schedules.inlining import inline_time_loop
from onnx2snn.schedules.loops import states
from onnx2snn.schedules.steps import emit_steps

if TYPE_CHECKING:
    from collections.abc import Collection

    from onnx2snn.schedules.loops import State

__all__ = ["StepStates", "put_loop_around_step", "take_step_out_of_loop"]


@dataclasses.dataclass(frozen=True)
class StepStates:
    """The states of a graph that runs one step.

    Attributes:
        reset: Name of the input that lets all states start anew, a scalar bool.
        states: Name of the input of each state to that of the output with its next value.
    """

    reset: str
    states: dict[str, str]


def take_step_out_of_loop(loop: ir.Node, events: Collection[str]) -> StepStates:
    """Let a graph run one step of its Loop: T is no input any more, and each state is one.

    A state is what comes in or, where ``reset`` is true, its value before the first step; what
    comes in then only has to broadcast to that.

    Args:
        loop: The Loop over all steps, of the main graph, which is changed in place.
        events: Names of graph inputs that are events; they lose the axis of time.

    Raises:
        UnsupportedError: The rank of a state is not known.
    """
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    count = loop.inputs[0]
    streams = [value for value in graph.inputs if value.name in events]
    inline_time_loop(loop, streams)
    forget_names(graph)  # those of the body are free again
    assert count is not None  # T, or how many events there are
    _remove_time_steps(graph, count)
    found = [state for node in graph for state in states(node)]
    _check_ranks(found)
    reset = _new_input(graph, "reset", ir.DataType.BOOL, rank=0)
    names = {}
    for state in found:
        name = _take_state_in(graph, reset, state)
        names[name] = _hand_state_out(graph, state, f"{name}.next")
    graph.sort()
    return StepStates(str(reset.name), names)


def put_loop_around_step(
    graph: ir.Graph, given: StepStates, time_steps: int, events: Collection[str]
) -> None:
    """Let a graph of one step run for T steps in a Loop again.

    Args:
        graph: The graph; it is changed in place.
        given: Its states.
        time_steps: T when none is given at run time.
        events: Names of graph inputs that are events; they get the axis of time.
    """
    forget_names(graph)
    inputs = {value.name: value for value in graph.inputs}
    reset = inputs[given.reset]
    for use in tuple(reset.uses()):
        node = use.node
        start = node.inputs[1]
        assert start is not None  # the value before the first step
        node.outputs[0].replace_all_uses_with(start)
        graph.remove(node, safe=True)
    added = {given.reset, *given.states}
    graph.inputs[:] = [value for value in graph.inputs if value.name not in added]
    nexts = set(given.states.values())
    graph.outputs[:] = [value for value in graph.outputs if value.name not in nexts]
    emit_steps(graph, LOOP, time_steps, events)


def _remove_time_steps(graph: ir.Graph, count: ir.Value) -> None:
    """Remove T, which nothing reads any more, from the inputs of a graph."""
    name = str(count.name)
    graph.inputs[:] = [value for value in graph.inputs if value is not count]
    graph.initializers.pop(name, None)


def _check_ranks(found: Collection[State]) -> None:
    """Refuse states that could not be declared as inputs."""
    refusals = [
        Refusal(display_name(state.node), operator_name(state.node), _UNKNOWN)
        for state in found
        if rank_of(state.node.inputs[0]) is None
    ]
    if refusals:
        message = "states of the network cannot be inputs of a file of one step:"
        raise UnsupportedError(message, refusals)


_UNKNOWN = (
    "the rank of its input is not known; take the layout loop, or convert with calibration data, "
    "from which it is observed"
)


def _take_state_in(graph: ir.Graph, reset: ir.Value, state: State) -> str:
    """Let a node read a state from a new input; return the name of that."""
    rank = rank_of(state.node.inputs[0])
    assert rank is not None  # it was checked
    label = f"{display_name(state.node)}.{state.name}"
    before = state.before
    given = _new_input(graph, label, before.dtype or ir.DataType.FLOAT, rank)
    operands = [reset, before, given]
    builder = NodeBuilder(graph)
    now = builder.add("Where", operands, f"{given.name}.now", like=state.after)
    now.shape = None  # that of the start, in the first step
    state.node.replace_input_with(state.position, now)
    return str(given.name)


def _new_input(graph: ir.Graph, name: str, dtype: ir.DataType, rank: int) -> ir.Value:
    """Add an input with axes of any size."""
    value = ir.Value(
        name=fresh_name(graph, name),
        type=ir.TensorType(dtype),
        shape=ir.Shape([None] * rank),
    )
    graph.inputs.append(value)
    return value


def _hand_state_out(graph: ir.Graph, state: State, name: str) -> str:
    """Make the next value of a state an output; return the name of that."""
    value = state.after
    if value.is_graph_output():
        value = NodeBuilder(graph).add("Identity", [value], name, like=value)
    else:
        value.name = fresh_name(graph, name)
    graph.outputs.append(value)
    return str(value.name)

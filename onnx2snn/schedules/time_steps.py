"""The number of time steps, as an option and as an input of a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.errors import OptionError
from onnx2snn.graph import NodeBuilder, constant
from onnx2snn.methods.time_inputs import FIXED, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DEFAULT_T",
    "MOST_TIME_STEPS",
    "TIME_STEPS",
    "add_time_axis",
    "check_latency",
    "checked_time_steps",
    "set_time_steps_input",
    "several_time_steps",
    "step_count",
    "time_steps_input",
]

TIME_STEPS = "T"
"""Name of the graph input that holds the number of time steps, if the ANN leaves it free."""

DEFAULT_T = 8
"""Number of time steps of a conversion that is not told of any."""

MOST_TIME_STEPS = 2**16
"""Largest number of time steps: beyond it a float16 or a threshold search loses its meaning."""


def checked_time_steps(value: object) -> int:
    """Return a number of time steps as an int.

    Raises:
        OptionError: It is no whole number from 1 to ``MOST_TIME_STEPS``.
    """
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    count = int(value) if is_whole else 0  # type: ignore[call-overload]
    if count < 1:
        message = f"T must be a whole number of at least 1, not {value!r}"
        raise OptionError(message)
    if count > MOST_TIME_STEPS:
        message = f"T must be at most {MOST_TIME_STEPS}, not {value!r}"
        raise OptionError(message)
    return count


def check_latency(latency: int | None, time_steps: int) -> None:
    """Check that a latency that is given leaves room for T steps.

    Raises:
        OptionError: It does not.
    """
    if latency is not None and latency < time_steps:
        message = f"latency must be at least T = {time_steps}, not {latency}"
        raise OptionError(message)


def several_time_steps(value: object) -> list[int]:
    """Return the different numbers of time steps in a single one, or in several.

    Raises:
        OptionError: One is no such number, or there is none.
    """
    counts = [checked_time_steps(each) for each in _each_of(value)]
    if not counts:
        message = "no number of time steps is given"
        raise OptionError(message)
    return list(dict.fromkeys(counts))


def _each_of(value: object) -> Iterable[object]:
    """Return what a value holds, or the value alone where it holds nothing."""
    if isinstance(value, np.ndarray):
        return value.reshape(-1)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return value
    return (value,)


def time_steps_input(graph: ir.Graph, time_steps: int) -> ir.Value:
    """Add the input that holds the number of time steps, ``time_steps`` if no feed says another."""
    data = np.array(time_steps, np.int64)
    value = constant(graph, TIME_STEPS, data)
    value.shape = ir.Shape([])
    graph.inputs.append(value)
    return value


def set_time_steps_input(
    graph: ir.Graph, value: ir.Value, way: str, time_steps: int
) -> None:
    """Let a graph take T in another way.

    Args:
        graph: An emitted graph; it is changed in place.
        value: Its T, an input, a constant, or both.
        way: One of ``TIME_INPUTS``.
        time_steps: T that the network was made for.
    """
    name = str(value.name)
    is_input = value.is_graph_input()
    if way == FIXED and is_input:
        graph.inputs.remove(value)
    elif way != FIXED and not is_input:
        graph.inputs.append(value)
    if way == REQUIRED:
        graph.initializers.pop(name, None)
        value.const_value = None
    elif name not in graph.initializers:
        data = np.array(time_steps, np.int64)
        value.const_value = ir.tensor(data, name=name)
        graph.register_initializer(value)


def step_count(
    graph: ir.Graph, events: Sequence[ir.Value], time_steps: int
) -> ir.Value:
    """Return the number of steps, a scalar: an input, or how many slices events have.

    Args:
        graph: The graph that gets it.
        events: Its inputs that are streams, [T, N, ...].
        time_steps: Default of the input, where there are no events.
    """
    if not events:
        return time_steps_input(graph, time_steps)
    event = events[0]
    builder = NodeBuilder(graph)
    first = np.array([0], np.int64)
    axis = constant(graph, f"{event.name}.time_axis", first)
    first_axis = {"start": 0, "end": 1}
    length = builder.add("Shape", [event], f"{event.name}.length", first_axis)
    length.type = ir.TensorType(ir.DataType.INT64)
    length.shape = ir.Shape([1])
    steps = builder.add("Squeeze", [length, axis], f"{event.name}.steps")
    steps.type = length.type
    steps.shape = ir.Shape([])
    return steps


def add_time_axis(value: ir.Value) -> None:
    """Put an axis of length T in front of the shape of ``value``, if it is known."""
    if value.shape is not None:
        value.shape = ir.Shape([TIME_STEPS, *value.shape])

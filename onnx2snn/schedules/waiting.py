"""Neurons that take in some steps of their input before they fire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, array, constant, reads, rewire
from onnx2snn.metadata.facts import DELAY
from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.schedules.spike_weights import spike_weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

__all__ = [
    "delay_of",
    "delays_of",
    "delays_until",
    "note_delay",
    "raise_thresholds",
    "raised_thresholds",
    "raising_factor",
    "take_in_first",
]

_THRESHOLDS = ("v_threshold", "v_threshold_negative")


def delay_of(neuron: ir.Node) -> int:
    """Return how many steps of its input a neuron takes in before it fires."""
    return DELAY.read(neuron) or 0


def delays_until(nodes: Iterable[ir.Node]) -> int:
    """Return the sum of the delays on the longest path through ``nodes``, which are in order."""
    return _longest_path(nodes, delay_of)


def delays_of(nodes: Iterable[ir.Node], waiting: Collection[ir.Node]) -> int:
    """Return that sum where the neurons ``waiting``, and no others, wait for a step."""
    return _longest_path(nodes, lambda node: int(node in waiting))


def _longest_path(nodes: Iterable[ir.Node], steps_of: Callable[[ir.Node], int]) -> int:
    late: dict[ir.Value, int] = {}
    for node in nodes:
        steps = max((late.get(value, 0) for value in reads(node)), default=0)
        if is_neuron(node):
            steps += steps_of(node)
        late |= dict.fromkeys(node.outputs, steps)
    return max(late.values(), default=0)


def note_delay(graph: ir.Graph, name: str, delay: int) -> None:
    """Write on the node called ``name`` by how many steps its outputs come late, if they do."""
    for node in graph:
        if delay and node.name == name:
            DELAY.write(node, delay)


def raised_thresholds(
    inputs: Mapping[str, np.ndarray], delay: int
) -> dict[str, np.ndarray]:
    """Return the thresholds of a neuron that waits: in d steps, its potential grows by leak^d.

    Args:
        inputs: Inputs of its operator by name.
        delay: d.
    """
    factor = float(inputs["leak"]) ** delay
    thresholds = {name: inputs[name] for name in _THRESHOLDS}
    return {name: each * each.dtype.type(factor) for name, each in thresholds.items()}


def raising_factor(neuron: ir.Node) -> float:
    """Return how many times as large the thresholds of an emitted neuron are as they were made."""
    delay = delay_of(neuron)
    return spike_weights_of(neuron).leak ** delay


def raise_thresholds(graph: ir.Graph, neuron: ir.Node, delay: int) -> None:
    """Let a neuron read the thresholds that it needs where it waits for ``delay`` steps."""
    inputs = named_inputs(neuron)
    names = ("leak", *_THRESHOLDS)
    arrays = {name: array(inputs[name]) for name in names}
    for name, data in raised_thresholds(arrays, delay).items():
        old = inputs[name]
        assert old is not None  # a constant
        new = constant(graph, f"{old.name}.raised", data)
        rewire(neuron, old, new)


def take_in_first(
    graph: ir.Graph, neuron: ir.Node, steps: ir.Value, delay: int
) -> tuple[ir.Value, ir.Value]:
    """Add the nodes in front of all steps of a neuron that waits, at the end of ``graph``.

    Args:
        graph: The graph.
        neuron: The neuron, in a single step.
        steps: Its input in every step, [T, N, ...], of a known rank.
        delay: Number of steps that it waits.

    Returns:
        Its input from step ``delay`` on, with silence behind it, [T, N, ...]; and the potential
        that the steps before come to, [N, ...].
    """
    first, rest = _split_in_time(graph, steps, delay)
    inputs = named_inputs(neuron)
    operands = [first, inputs["v"], inputs["leak"]]
    op = "WeightedRunningSumMultiStep"
    node = ir.node(op, operands, domain=DOMAIN, num_outputs=2)
    NodeBuilder(graph).put(node, f"{first.name}.taken_in")
    current = neuron.inputs[0]
    assert current is not None
    taken_in = node.outputs[1]
    for value in node.outputs:
        value.type = steps.type
    taken_in.shape = current.shape
    return rest, taken_in


def _split_in_time(
    graph: ir.Graph, steps: ir.Value, border: int
) -> tuple[ir.Value, ir.Value]:
    """Return the first steps up to a border, and all others with as many of silence behind."""
    builder = NodeBuilder(graph)
    name = f"{steps.name}.{border}"
    rank = len(steps.shape or ())
    ends = np.zeros(2 * rank, np.int64)
    ends[rank] = border  # behind the last step
    silence = constant(graph, f"{name}.silence", ends)
    padded = builder.add("Pad", [steps, silence], f"{name}.padded")
    padded.type = steps.type
    numbers = {"start": 0, "border": border, "end": np.iinfo(np.int64).max}
    places = {
        key: constant(graph, f"{name}.{key}", np.array([number], np.int64))
        for key, number in numbers.items()
    }
    inside = [padded, places["start"], places["border"]]
    first = builder.add("Slice", inside, f"{name}.first")
    first.type = steps.type
    behind = [padded, places["border"], places["end"]]
    rest = builder.add("Slice", behind, f"{name}.rest", like=steps)
    return first, rest

"""What an answer of an emitted network takes: steps, and passes over the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import array, is_constant, is_op, subgraphs
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.metadata.step_count import LATENCY, WEIGHT_PASSES, StepCount
from onnx2snn.ops.predicates import runs_all_steps
from onnx2snn.schedules.finding import (
    LAST_STEP,
    extra_steps_of,
    is_accumulation_loop,
    is_step_loop,
    is_time_loop,
    layers_in_a_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir as ir

__all__ = ["latency_of", "weight_passes_of", "write_step_counts"]

ONCE = StepCount(further=1)
EACH_STEP = StepCount(per_step=1)


def latency_of(graph: ir.Graph) -> StepCount:
    """Return the number of steps until the outputs of an emitted graph are there."""
    layers = layers_in_a_row(graph)
    if layers:
        return StepCount(per_step=layers)
    return StepCount(per_step=1, further=extra_steps_of(graph))


def weight_passes_of(model: ir.Model) -> StepCount:
    """Return how often weights multiply for an answer of an emitted network.

    That is the most of all nodes with weights: those in a Loop over time do in each of its
    iterations, also where a layer is silent; those with time in the batch in each step; others
    once.
    """
    streams = _values_of_all_steps(model)
    return _passes_within(model.graph, ONCE, streams)


def write_step_counts(model: ir.Model) -> None:
    """Write both numbers into the metadata of an emitted network."""
    LATENCY.write(model, latency_of(model.graph))
    WEIGHT_PASSES.write(model, weight_passes_of(model))


def _passes_within(
    graph: ir.Graph, around: StepCount, streams: set[ir.Value]
) -> StepCount:
    """Return the most passes of the nodes in a graph, which itself is run so often."""
    most = StepCount()
    for node in graph:
        passes = _iterations_of(node) or around
        for inner in subgraphs(node):
            most = max(most, _passes_within(inner, passes, streams))
        if operator_of(node).is_weighted:
            reads_streams = not streams.isdisjoint(node.inputs)
            most = max(most, EACH_STEP if reads_streams else passes)
    return most


def _iterations_of(node: ir.Node) -> StepCount | None:
    """Return how often a Loop over time runs its body; None for any other node."""
    is_over_time = is_time_loop(node) or is_step_loop(node)
    if not is_over_time and not is_accumulation_loop(node):
        return None
    count = node.inputs[0]
    addition = None if count is None else count.producer()
    if addition is None or not is_op(addition, "Add"):
        return EACH_STEP
    further = sum(int(array(v)) for v in addition.inputs[1:] if is_constant(v))
    return StepCount(per_step=1, further=further)


def _values_of_all_steps(model: ir.Model) -> set[ir.Value]:
    """Return the values that hold all steps, in a network with time in the batch."""
    events = event_inputs_of(model)
    found = {value for value in model.graph.inputs if value.name in events}
    for node in model.graph.all_nodes():
        found.update(_all_steps_of(node))
    pending = list(found)
    while pending:
        for reader in _readers_of(pending.pop()):
            fresh = [value for value in reader.outputs if value not in found]
            found.update(fresh)
            pending += fresh
    return found


def _all_steps_of(node: ir.Node) -> Sequence[ir.Value]:
    """Return what a node gives for all steps, where it is told by its operator or name."""
    if is_step_loop(node):
        carried = len(node.inputs) - 2  # without T and the condition
        return node.outputs[carried:]
    if runs_all_steps(node):
        return node.outputs[:1]
    return ()


def _readers_of(value: ir.Value) -> Iterator[ir.Node]:
    """Yield the nodes that read a value of all steps, and give what has all steps as well."""
    for use in value.uses():
        node = use.node
        takes_last = (node.name or "").startswith(LAST_STEP)
        is_known = is_step_loop(node) or runs_all_steps(node)
        if not takes_last and not is_known:
            yield node

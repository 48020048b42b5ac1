"""Predicates of nodes: whether one is a neuron, or another operator of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops import ALL_OPS, DOMAIN, closed_form_op, multistep_op

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.ops import ClosedFormOp, StepOp

__all__ = [
    "closed_form_of",
    "is_neuron",
    "is_stateful",
    "runs_all_steps",
    "sends_spikes",
    "sends_weighted_spikes",
    "step_op_of",
]


def step_op_of(node: ir.Node) -> StepOp | None:
    """Return the operator of which ``node`` is one step, or all; None if it is of another kind."""
    if node.domain != DOMAIN:
        return None
    closed_form = closed_form_op(node.op_type)
    if closed_form is not None:
        return closed_form.step_op
    all_steps = multistep_op(node.op_type)
    if all_steps is not None:
        return all_steps.step_op
    return ALL_OPS.get(node.op_type)


def closed_form_of(node: ir.Node) -> ClosedFormOp | None:
    """Return the operator of ``node`` if it is all steps of a neuron in one formula, else None."""
    if node.domain != DOMAIN:
        return None
    return closed_form_op(node.op_type)


def is_stateful(node: ir.Node) -> bool:
    """Whether ``node`` is one time step, and has a state that is carried to the next."""
    op = ALL_OPS.get(node.op_type) if node.domain == DOMAIN else None
    return op is not None and bool(op.state)


def runs_all_steps(node: ir.Node) -> bool:
    """Whether ``node`` is all steps of an operator of ours, with time in the batch."""
    return node.domain == DOMAIN and multistep_op(node.op_type) is not None


def is_neuron(node: ir.Node) -> bool:
    """Whether ``node`` is a spiking neuron, in one time step or in all."""
    op = step_op_of(node)
    return op is not None and "v_threshold" in op.inputs


def sends_weighted_spikes(node: ir.Node) -> bool:
    """Whether ``node`` is a neuron, in one step or in all, whose spikes are digits as they go."""
    op = step_op_of(node)
    return op is not None and "fires" in op.inputs


def sends_spikes(node: ir.Node) -> bool:
    """Whether ``node`` is a neuron, or makes spikes of an input."""
    return is_stateful(node) and "spike" in ALL_OPS[node.op_type].outputs

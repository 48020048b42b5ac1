"""Predicates of nodes: whether one is a neuron, or another operator of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops import ALL_OPS, DOMAIN, multistep_op

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.ops import StepOp

__all__ = ["is_neuron", "is_stateful", "sends_spikes", "step_op_of"]


def step_op_of(node: ir.Node) -> StepOp | None:
    """Return the operator of which ``node`` is one step, or all; None if it is of another kind."""
    if node.domain != DOMAIN:
        return None
    all_steps = multistep_op(node.op_type)
    if all_steps is not None:
        return all_steps.step_op
    return ALL_OPS.get(node.op_type)


def is_stateful(node: ir.Node) -> bool:
    """Whether ``node`` is one time step, and has a state that is carried to the next."""
    op = ALL_OPS.get(node.op_type) if node.domain == DOMAIN else None
    return op is not None and bool(op.state)


def is_neuron(node: ir.Node) -> bool:
    """Whether ``node`` is a spiking neuron, in one time step or in all."""
    op = step_op_of(node)
    return op is not None and "v_threshold" in op.inputs


def sends_spikes(node: ir.Node) -> bool:
    """Whether ``node`` is a neuron, or makes spikes of an input."""
    return is_stateful(node) and "spike" in ALL_OPS[node.op_type].outputs

"""Predicates of nodes: whether one is a neuron, or another operator of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.ops import ALL_OPS, DOMAIN

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["is_neuron", "is_stateful", "sends_spikes"]


def is_stateful(node: ir.Node) -> bool:
    """Whether ``node`` carries a state from step to step."""
    return node.domain == DOMAIN and bool(ALL_OPS[node.op_type].state)


def is_neuron(node: ir.Node) -> bool:
    """Whether ``node`` is a spiking neuron of one time step."""
    return is_stateful(node) and "v_threshold" in ALL_OPS[node.op_type].inputs


def sends_spikes(node: ir.Node) -> bool:
    """Whether ``node`` is a neuron, or makes spikes of an input."""
    return is_stateful(node) and "spike" in ALL_OPS[node.op_type].outputs

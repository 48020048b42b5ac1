"""Putting the functions of the operators into a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from onnx2snn.ops import DOMAIN, OPSET, MultiStepOp, StepOp, declared_ops

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.ops import DeclaredOp

__all__ = ["attach_functions", "attach_functions_anew", "inline_functions"]


def attach_functions(model: ir.Model) -> bool:
    """Embed the function of every operator of ours that ``model`` uses; whether any was missing.

    Where all thresholds of an operator are 1 it is the shorter one for these.
    """
    nodes: dict[str, list[ir.Node]] = {}
    for node in model.graph.all_nodes():
        if node.domain == DOMAIN:
            nodes.setdefault(node.op_type, []).append(node)
    modified = False
    ops = declared_ops()
    opset = model.opset_imports[""]
    for name in sorted(nodes):
        op = _with_shortest_body(ops[name], nodes[name])
        function = ir.serde.deserialize_function(op.function(opset))
        if function.identifier() not in model.functions:
            model.functions[function.identifier()] = function
            modified = True
    if nodes:
        model.opset_imports[DOMAIN] = OPSET
    return modified


def attach_functions_anew(model: ir.Model) -> None:
    """Embed the functions that ``model`` needs now, in the place of those that it had."""
    for key in tuple(model.functions):
        if key[0] == DOMAIN:
            del model.functions[key]
    attach_functions(model)


def inline_functions(model: ir.Model) -> bool:
    """Write the functions of ``model`` out where they are called; whether it had any."""
    has_functions = bool(model.functions)
    common.InlinePass()(model)
    model.functions.clear()
    common.RemoveUnusedOpsetsPass()(model)
    return has_functions


def _with_shortest_body(op: DeclaredOp, nodes: Sequence[ir.Node]) -> DeclaredOp:
    """Return the operator of ``nodes`` with a body that is right for all of them."""
    step_op = op.step_op if isinstance(op, MultiStepOp) else op
    if not isinstance(step_op, StepOp) or not step_op.unit_body:
        return op
    if not all(_has_unit_thresholds(node, step_op) for node in nodes):
        return op
    shorter = step_op.with_unit_thresholds()
    return MultiStepOp(shorter) if isinstance(op, MultiStepOp) else shorter


def _has_unit_thresholds(node: ir.Node, op: StepOp) -> bool:
    """Whether the thresholds of ``node`` are the constants of the shorter body."""
    inputs = dict(zip(op.inputs, node.inputs, strict=True))
    for name, number in op.unit_thresholds.items():
        value = inputs[name]
        if value is None or value.const_value is None or value.is_graph_input():
            return False
        if not (value.const_value.numpy() == number).all():
            return False
    return True

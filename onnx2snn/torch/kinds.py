"""What each node of a loop over time computes of the means of its streams."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.rules import RULES, Form
from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import display_name
from onnx2snn.ops import ALL_OPS, DOMAIN
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.torch.operators import DTYPES, OPERATORS
from onnx2snn.torch.surrogates import SURROGATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["NodeKind", "check_operators", "kinds_of"]


class NodeKind(enum.Enum):
    """What is known of a value without running all steps."""

    STATIC = "the same in every step"
    CLOCK = "a function of the number of the step and of inputs, but of no neuron"
    MEAN = "a stream: its mean over the steps"
    FINAL = "a running value: the one after the last step"


def check_operators(nodes: Iterable[ir.Node]) -> None:
    """Check that torch can compute all nodes but Loops.

    Raises:
        UnsupportedError: It cannot; all such nodes are named.
    """
    refusals = [
        Refusal(display_name(node), node.op_type, reason)
        for node in nodes
        if (reason := _missing(node)) is not None
    ]
    if refusals:
        message = (
            "these nodes cannot be tuned through; leave the network as it is converted:"
        )
        raise UnsupportedError(message, refusals)


def _missing(node: ir.Node) -> str | None:
    if is_stateful(node):
        has_gradient = "v_threshold" not in ALL_OPS[node.op_type].inputs or (
            node.op_type in SURROGATES
        )
        return (
            None
            if has_gradient
            else "no gradient is known; convert with another --neuron"
        )
    if node.domain == DOMAIN or node.op_type not in OPERATORS:
        return "no PyTorch form is known here; cut it off the ANN, convert and tune the rest"
    if (
        node.op_type == "Pad"
        and node.attributes.get_string("mode", "constant") != "constant"
    ):
        return "of the modes of Pad only 'constant' has a PyTorch form here"
    if node.op_type == "Cast" and node.attributes.get_int("to") not in DTYPES:
        return "no PyTorch form is known of the type that it casts to"
    return None


def kinds_of(nodes: Iterable[ir.Node], step: ir.Value) -> dict[ir.Value, NodeKind]:
    """Return the kind of each value that the nodes of a loop make.

    Args:
        nodes: The body, in topological order.
        step: The body input that holds the number of the step.

    Raises:
        UnsupportedError: A node is no function of means; all such nodes are named.
    """
    kinds = {step: NodeKind.CLOCK}
    refusals = []
    for node in nodes:
        found = [
            kinds.get(value, NodeKind.STATIC)
            for value in _read(node)
            if value is not None
        ]
        if not _fits(node, found):
            reason = "reads streams in a way that is not linear, and no running means"
            refusals.append(Refusal(display_name(node), node.op_type, reason))
        kinds.update(dict.fromkeys(node.outputs, _kind(node, found)))
    if refusals:
        message = (
            "these nodes have no gradient through means; convert the network again:"
        )
        raise UnsupportedError(message, refusals)
    return kinds


def _read(node: ir.Node) -> tuple[ir.Value | None, ...]:
    return tuple(node.inputs[:1]) if is_stateful(node) else tuple(node.inputs)


def _kind(node: ir.Node, found: list[NodeKind]) -> NodeKind:
    if is_stateful(node):
        if "spike" in ALL_OPS[node.op_type].outputs:
            return NodeKind.MEAN
        if found[0] in {NodeKind.STATIC, NodeKind.CLOCK}:
            return NodeKind.CLOCK
        return NodeKind.FINAL if node.op_type == "RunningSum" else NodeKind.MEAN
    if node.op_type in RULES and RULES[node.op_type].form is Form.SHAPE:
        return NodeKind.STATIC
    return next((kind for kind in reversed(NodeKind) if kind in found), NodeKind.STATIC)


def _fits(node: ir.Node, found: list[NodeKind]) -> bool:
    """Whether ``node``, whose inputs are of the kinds ``found``, is a function of means."""
    if is_stateful(node):
        is_running = found[0] is NodeKind.FINAL
        return found[0] in {NodeKind.STATIC, NodeKind.CLOCK} or is_running == (
            node.op_type == "Difference"
        )
    if NodeKind.MEAN not in found:
        return True
    rule = RULES[node.op_type]
    streams = [
        i for i, kind in enumerate(found) if kind in {NodeKind.MEAN, NodeKind.CLOCK}
    ]
    if NodeKind.FINAL in found or (
        rule.form is Form.MULTILINEAR and len({*streams} - {*rule.bias}) > 1
    ):
        return False
    return rule.form in {Form.LINEAR, Form.MULTILINEAR, Form.SHAPE} and (
        rule.inputs is None or {*streams} <= {*rule.inputs, *rule.bias}
    )

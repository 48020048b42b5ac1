"""What one node becomes, from its operator and from which of its inputs are streams."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.rules import RULES, Form, Rule
from onnx2snn.graph import array, is_constant, is_float, is_op, subgraphs
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir

__all__ = [
    "Classification",
    "NodeKind",
    "classify",
    "refusal",
    "rule_of",
    "selects",
    "summed",
]


class NodeKind(enum.StrEnum):
    """What a node becomes in the spiking network."""

    STATIC = "static"
    """Computed once, before the first step."""
    LINEAR = "linear"
    """Itself, once a step."""
    SPIKING = "spiking"
    """A neuron with its state."""
    MAX_LIKE = "max-like"
    """The difference of maxima of running sums, once a step."""
    ANALOG = "analog"
    """Computed on running means, once a step."""
    READOUT = "readout"
    """Computed once on the time-means, after the last step: no neuron depends on it."""
    REFUSED = "refused"
    """Nothing: the graph cannot be converted as long as a neuron depends on the node."""


@dataclasses.dataclass(frozen=True)
class Classification:
    """What one node becomes, and why."""

    kind: NodeKind
    reason: str


_PROPORTIONAL = {Form.LINEAR, Form.MULTILINEAR, Form.MAX_LIKE}


def rule_of(node: ir.Node) -> Rule | None:
    """Return the rule of the operator of ``node``, None if there is none."""
    return RULES.get(node.op_type) if is_op(node, node.op_type) else None


def refusal(node: ir.Node) -> str | None:
    """Say why no neuron may depend on ``node`` if it reads a stream, None if one may."""
    if node.domain == DOMAIN:
        return None
    rule = rule_of(node)
    if rule is None:
        return _UNKNOWN
    if rule.form is Form.REFUSED:
        return rule.reason
    if is_op(node, "Dropout") and not all(map(_is_zero, node.inputs[2:])):
        return "drops other elements in each step; export the model for inference"
    inner = ((held, refusal(held)) for graph in subgraphs(node) for held in graph)
    return next(
        (f"it holds {held.op_type}: {reason}" for held, reason in inner if reason), None
    )


_UNKNOWN = (
    "no rule says what the operator does to a stream; upgrade onnx2snn, or export the model with "
    "an older opset or with other operators"
)


def classify(node: ir.Node, streams: Sequence[bool]) -> Classification:
    """Return what ``node`` becomes by the rule of its operator.

    Args:
        node: A node on which a neuron depends.
        streams: For each of its inputs, whether it is a stream.
    """
    rule = rule_of(node)
    if (
        rule is None
        or rule.form not in _PROPORTIONAL
        or not _has(node, rule.only)
        or _rounds(node)
    ):
        return Classification(NodeKind.ANALOG, f"{node.op_type} is not linear")
    results = node.outputs[:1] if rule.form is Form.MAX_LIKE else node.outputs
    if not all(map(is_float, results)):
        return Classification(NodeKind.ANALOG, "its result is not a real number")
    carried = [position for position, stream in enumerate(streams) if stream]
    allowed = range(len(streams)) if rule.inputs is None else (*rule.inputs, *rule.bias)
    foreign = [position for position in carried if position not in allowed]
    if foreign:
        return Classification(
            NodeKind.ANALOG, f"input {foreign} of {node.op_type} is a stream"
        )
    if rule.form is Form.MAX_LIKE:
        return Classification(
            NodeKind.MAX_LIKE, f"{node.op_type} grows with its stream"
        )
    factors = [position for position in carried if position not in rule.bias]
    if rule.form is Form.MULTILINEAR and len(factors) > 1:
        return Classification(NodeKind.ANALOG, "multiplies two streams")
    return Classification(NodeKind.LINEAR, f"{node.op_type} is linear in its stream")


def summed(node: ir.Node) -> list[ir.Value]:
    """Return the inputs of which a max-like ``node`` reads sums; the sum of 0 is 0."""
    rule = rule_of(node)
    assert rule is not None
    chosen = range(len(node.inputs)) if rule.inputs is None else rule.inputs
    inputs = [
        node.inputs[position] for position in chosen if position < len(node.inputs)
    ]
    return [value for value in inputs if value is not None and not _is_zero(value)]


def selects(node: ir.Node) -> bool:
    """Whether ``node`` gives nothing but elements of its inputs and constants."""
    rule = rule_of(node)
    return rule is not None and rule.selects is not None and _has(node, rule.selects)


def _has(node: ir.Node, choices: Mapping[str, tuple[object, ...]]) -> bool:
    """Whether each attribute of ``node`` has one of its ``choices``; the first is the default."""
    return all(
        (node.attributes[name].value if name in node.attributes else allowed[0])
        in allowed
        for name, allowed in choices.items()
    )


def _rounds(node: ir.Node) -> bool:
    """Whether ``node`` makes a small type of its stream, so that every step is rounded."""
    dtype = node.outputs[0].dtype
    if (
        not is_op(node, "Cast", "CastLike")
        or dtype is None
        or not dtype.is_floating_point()
    ):
        return False
    return dtype.bitwidth < 16


def _is_zero(value: ir.Value | None) -> bool:
    return value is None or (is_constant(value) and not array(value).any())

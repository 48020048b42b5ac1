"""The classification of one node, by its operator and by which of its inputs are streams."""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import Form, Operator, operator_of
from onnx2snn.graph import (
    array,
    is_constant,
    is_float,
    is_op,
    operator_name,
    subgraphs,
)
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.operators.columns import Choices

__all__ = [
    "Classification",
    "NodeKind",
    "classify_node",
    "find_refusal",
    "selects_elements",
    "summed_inputs",
]


class NodeKind(enum.StrEnum):
    """The form of a node in the spiking network."""

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
    """The form of one node in the spiking network, and why."""

    kind: NodeKind
    reason: str


def find_refusal(node: ir.Node) -> str | None:
    """Say why no neuron may depend on ``node`` if it reads a stream, None if one may."""
    if node.domain == DOMAIN:
        return None
    operator = operator_of(node)
    if operator.form is Form.REFUSED:
        return operator.reason
    if _drops_elements(node):
        return "drops other elements in each step; export the model for inference"
    for graph in subgraphs(node):
        for inner in graph:
            reason = find_refusal(inner)
            if reason is not None:
                return f"it holds {operator_name(inner)}: {reason}"
    return None


def _drops_elements(node: ir.Node) -> bool:
    """Whether ``node`` is a Dropout in training mode, as far as that is known."""
    if not is_op(node, "Dropout"):
        return False
    training_mode = node.inputs[2:]
    return not all(_is_zero(value) for value in training_mode)


def classify_node(node: ir.Node, streams: Sequence[bool]) -> Classification:
    """Return what ``node`` becomes by the row of its operator.

    Args:
        node: A node on which a neuron depends.
        streams: For each of its inputs, whether it is a stream.
    """
    operator = operator_of(node)
    why_analog = _find_obstacle(node, operator, streams)
    if why_analog is not None:
        return Classification(NodeKind.ANALOG, why_analog)
    if operator.form is Form.MAX_LIKE:
        reason = f"{node.op_type} grows with its stream"
        return Classification(NodeKind.MAX_LIKE, reason)
    reason = f"{node.op_type} is linear in its stream"
    return Classification(NodeKind.LINEAR, reason)


def _find_obstacle(
    node: ir.Node, operator: Operator, streams: Sequence[bool]
) -> str | None:
    """Say why ``node`` is computed on running means, None if each step may be computed."""
    if not _is_proportional(node, operator):
        return f"{node.op_type} is not linear"
    is_max_like = operator.form is Form.MAX_LIKE
    results = node.outputs[:1] if is_max_like else node.outputs
    if not all(is_float(value) for value in results):
        return "its result is not a real number"
    positions = [position for position, is_stream in enumerate(streams) if is_stream]
    foreign = operator.exclude_streams(positions)
    if foreign:
        return f"input {foreign} of {node.op_type} is a stream"
    if operator.form is Form.MULTILINEAR and operator.count_factors(positions) > 1:
        return "multiplies two streams"
    return None


def _is_proportional(node: ir.Node, operator: Operator) -> bool:
    if not operator.is_proportional:
        return False
    return _has_choice(node, operator.only) and not _rounds_to_small_type(node)


def summed_inputs(node: ir.Node) -> list[ir.Value]:
    """Return the inputs of which a max-like ``node`` reads sums; the sum of 0 is 0."""
    positions = operator_of(node).inputs
    inputs = list(node.inputs)
    if positions is not None:
        inputs = [inputs[position] for position in positions if position < len(inputs)]
    return [value for value in inputs if value is not None and not _is_zero(value)]


def selects_elements(node: ir.Node) -> bool:
    """Whether ``node`` gives nothing but elements of its inputs and constants."""
    choices = operator_of(node).selects
    return choices is not None and _has_choice(node, choices)


def _has_choice(node: ir.Node, choices: Choices) -> bool:
    """Whether each attribute of ``node`` has one of its ``choices``; the first is the default."""
    for name, allowed in choices.items():
        is_given = name in node.attributes
        value = node.attributes[name].value if is_given else allowed[0]
        if value not in allowed:
            return False
    return True


def _rounds_to_small_type(node: ir.Node) -> bool:
    """Whether ``node`` makes a small type of its stream, so that every step is rounded."""
    if not is_op(node, "Cast", "CastLike"):
        return False
    dtype = node.outputs[0].dtype
    if dtype is None or not dtype.is_floating_point():
        return False
    return dtype.bitwidth < 16


def _is_zero(value: ir.Value | None) -> bool:
    return value is None or (is_constant(value) and not array(value).any())

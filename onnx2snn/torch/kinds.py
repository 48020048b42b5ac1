"""The kind of each value of a loop over time: static, a clock, a mean or a running value."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.operators import Form, operator_of
from onnx2snn.errors import Refusal, UnsupportedError
from onnx2snn.graph import display_name, is_op
from onnx2snn.metadata.facts import INLINED
from onnx2snn.ops import ALL_OPS
from onnx2snn.ops.predicates import is_stateful
from onnx2snn.runtime.torch_runtime.operators import DTYPES, OPERATORS
from onnx2snn.torch.surrogates import SURROGATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["NodeKind", "check_not_inlined", "check_operators", "has_form", "kinds_of"]


class NodeKind(enum.Enum):
    """Ways in which a value is known without running all steps."""

    STATIC = "the same in every step"
    CLOCK = "a function of the number of the step and of inputs, but of no neuron"
    MEAN = "a stream: its mean over the steps"
    FINAL = "a running value: the one after the last step"


def check_not_inlined(model: ir.Model) -> None:
    """Check that a network has neurons that can be told from other nodes.

    Raises:
        UnsupportedError: It has not.
    """
    if INLINED.is_on(model):
        message = (
            "the operators of the network were written out (inline), so there are no neurons to "
            "train; tune the file that was not inlined"
        )
        raise UnsupportedError(message)


def check_operators(nodes: Iterable[ir.Node]) -> None:
    """Check that torch can compute all nodes but Loops.

    Raises:
        UnsupportedError: It cannot; all such nodes are named.
    """
    refusals = []
    for node in nodes:
        reason = _reason_without_form(node)
        if reason is not None:
            refusals.append(Refusal(display_name(node), node.op_type, reason))
    if refusals:
        message = (
            "these nodes cannot be tuned through; leave the network as it is converted:"
        )
        raise UnsupportedError(message, refusals)


def has_form(node: ir.Node) -> bool:
    """Whether torch can compute ``node``, and its gradient."""
    return _reason_without_form(node) is None


def _reason_without_form(node: ir.Node) -> str | None:
    """Return why torch cannot compute ``node``, or its gradient; None if it can."""
    if is_stateful(node):
        if _has_gradient(node):
            return None
        return "no gradient is known; convert with another --neuron"
    if node.op_type not in OPERATORS or not is_op(node, node.op_type):
        return "no PyTorch form is known here; cut it off the ANN, convert and tune the rest"
    find_reason = _REASONS.get(node.op_type)
    return None if find_reason is None else find_reason(node)


def _reason_of_pad(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "constant")
    if mode == "constant":
        return None
    return "of the modes of Pad only 'constant' has a PyTorch form here"


def _reason_of_cast(node: ir.Node) -> str | None:
    if node.attributes.get_int("to") in DTYPES:
        return None
    return "no PyTorch form is known of the type that it casts to"


def _reason_of_resize(node: ir.Node) -> str | None:
    attributes = node.attributes
    mode = attributes.get_string("coordinate_transformation_mode", "half_pixel")
    policy = attributes.get_string("keep_aspect_ratio_policy", "stretch")
    if mode != "tf_crop_and_resize" and policy == "stretch":
        return None
    return "only a Resize of the whole input, to any sizes, has a PyTorch form here"


_REASONS = {
    "Cast": _reason_of_cast,
    "Pad": _reason_of_pad,
    "Resize": _reason_of_resize,
}
"""Operator to what says why torch cannot compute one of its nodes."""


def _has_gradient(node: ir.Node) -> bool:
    """Whether a stateful node has no threshold, or one with a surrogate gradient."""
    has_threshold = "v_threshold" in ALL_OPS[node.op_type].inputs
    return node.op_type in SURROGATES or not has_threshold


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
        read = [value for value in _values_taken(node) if value is not None]
        found = [kinds.get(value, NodeKind.STATIC) for value in read]
        if not _is_function_of_means(node, found):
            reason = "reads streams in a way that is not linear, and no running means"
            refusals.append(Refusal(display_name(node), node.op_type, reason))
        kind = _kind_of_results(node, found)
        kinds.update(dict.fromkeys(node.outputs, kind))
    if refusals:
        message = (
            "these nodes have no gradient through means; convert the network again:"
        )
        raise UnsupportedError(message, refusals)
    return kinds


def _values_taken(node: ir.Node) -> tuple[ir.Value | None, ...]:
    """Return what ``node`` reads, of a stateful one without its states and constants."""
    if is_stateful(node):
        return tuple(node.inputs[:1])
    return tuple(node.inputs)


def _kind_of_results(node: ir.Node, found: list[NodeKind]) -> NodeKind:
    """Return the kind of the outputs of ``node``, whose inputs are of the kinds ``found``."""
    if is_stateful(node):
        return _kind_of_stateful(node, found[0])
    if operator_of(node).form is Form.SHAPE:
        return NodeKind.STATIC
    for kind in reversed(NodeKind):
        if kind in found:
            return kind
    return NodeKind.STATIC


def _kind_of_stateful(node: ir.Node, taken: NodeKind) -> NodeKind:
    if "spike" in ALL_OPS[node.op_type].outputs:
        return NodeKind.MEAN
    if taken in _WITHOUT_NEURONS:
        return NodeKind.CLOCK
    if node.op_type == "RunningSum":
        return NodeKind.FINAL
    return NodeKind.MEAN


def _is_function_of_means(node: ir.Node, found: list[NodeKind]) -> bool:
    """Whether ``node``, whose inputs are of the kinds ``found``, is a function of means."""
    if is_stateful(node):
        takes_running = found[0] is NodeKind.FINAL
        fits = takes_running == (node.op_type == "Difference")
        return fits or found[0] in _WITHOUT_NEURONS
    if NodeKind.MEAN not in found:
        return True
    if NodeKind.FINAL in found:
        return False
    streams = {i for i, kind in enumerate(found) if kind in _CHANGING}
    return _is_linear_in(node, streams)


def _is_linear_in(node: ir.Node, streams: set[int]) -> bool:
    """Whether ``node`` is linear in the inputs at the positions ``streams``."""
    operator = operator_of(node)
    form = operator.form
    if form is Form.MULTILINEAR and operator.count_factors(streams) > 1:
        return False
    if form not in {Form.LINEAR, Form.MULTILINEAR, Form.SHAPE}:
        return False
    return not operator.exclude_streams(streams)


_WITHOUT_NEURONS = {NodeKind.STATIC, NodeKind.CLOCK}
_CHANGING = {NodeKind.MEAN, NodeKind.CLOCK}

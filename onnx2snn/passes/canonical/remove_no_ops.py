"""Remove nodes that give back their input."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, is_constant, is_op, replace_value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RemoveNoOps"]

_INT32_MAX = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class RemoveNoOps(ir.passes.InPlacePass):
    """Remove nodes whose first output equals one of their inputs, whatever the input is.

        before:  h = Dropout(x);  y = Relu(h)
        after:   y = Relu(x)

    Exact. Removed are: Identity; Dropout in inference mode whose mask nobody reads; Cast and
    CastLike to the type the input has; Reshape, Flatten and Expand to the shape the input has;
    Transpose in the order 0, 1, 2 ...; Pad by nothing; Slice of everything; Tile by 1; Clip
    without bounds; Concat, Sum, Mean, Max and Min of one input; adding or subtracting zeros,
    multiplying or dividing by ones. Main graph and subgraphs.

    Left as they are: nodes whose shapes are not known well enough to tell, and nodes that give
    a graph output its name while their input has a name to keep: it is a graph input or
    output itself, an initializer, or belongs to another graph.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Remove in the order of the graph, so that chains go in one run."""
        removed = [_remove(node) for graph in model.graphs() for node in tuple(graph)]
        return ir.passes.PassResult(model, modified=any(removed))


def _remove(node: ir.Node) -> bool:
    rule = _RULES.get(node.op_type) if is_op(node, node.op_type) else None
    kept = rule(node) if rule is not None else None
    if kept is None or any(output.uses() for output in node.outputs[1:]):
        return False
    output = node.outputs[0]
    if output.is_graph_output() and not _can_be_renamed(kept, node):
        return False
    if any(other.is_graph_output() for other in node.outputs[1:]):
        return False
    kept.type = kept.type if kept.type is not None else output.type
    kept.shape = kept.shape if kept.shape is not None else output.shape
    replace_value(output, kept)
    assert node.graph is not None
    node.graph.remove(node, safe=True)
    return True


def _can_be_renamed(value: ir.Value, reader: ir.Node) -> bool:
    producer = value.producer()
    return (
        producer is not None
        and producer.graph is reader.graph
        and not value.is_graph_output()
    )


def _input(node: ir.Node, position: int) -> ir.Value | None:
    return node.inputs[position] if position < len(node.inputs) else None


def _first(node: ir.Node) -> ir.Value | None:
    return _input(node, 0)


def _only(node: ir.Node) -> ir.Value | None:
    return (
        _first(node) if sum(value is not None for value in node.inputs) == 1 else None
    )


def _clip(node: ir.Node) -> ir.Value | None:
    return None if {"min", "max"} & set(node.attributes) else _only(node)


def _dropout(node: ir.Node) -> ir.Value | None:
    training = _input(node, 2)
    is_inference = training is None or (
        is_constant(training) and not array(training).any()
    )
    return _first(node) if is_inference else None


def _cast(node: ir.Node) -> ir.Value | None:
    value = _first(node)
    like = _input(node, 1)
    to = like.dtype if like is not None else node.attributes.get_int("to", None)
    return value if value is not None and to is not None and value.dtype == to else None


def _same_shape(node: ir.Node) -> ir.Value | None:
    value = _first(node)
    return (
        value
        if value is not None and _have_same_shape(value, node.outputs[0])
        else None
    )


def _have_same_shape(a: ir.Value, b: ir.Value) -> bool:
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return False
    pairs = zip(a.shape, b.shape, strict=True)
    return all(
        left == right and (isinstance(left, int) or left.value is not None)
        for left, right in pairs
    )


def _transpose(node: ir.Node) -> ir.Value | None:
    order = node.attributes.get_ints("perm", None)
    return _first(node) if order is not None and list(order) == sorted(order) else None


def _pad(node: ir.Node) -> ir.Value | None:
    return _first(node) if _is_all(_input(node, 1), 0) else None


def _tile(node: ir.Node) -> ir.Value | None:
    return _first(node) if _is_all(_input(node, 1), 1) else None


def _slice(node: ir.Node) -> ir.Value | None:
    starts, ends, steps = _input(node, 1), _input(node, 2), _input(node, 4)
    if steps is not None and not _is_all(steps, 1):
        return None
    if _is_all(starts, 0) and is_constant(ends) and (array(ends) >= _INT32_MAX).all():
        return _first(node)
    return _same_shape(node)


def _adds_nothing(node: ir.Node) -> ir.Value | None:
    return _neutral(node, 0, commutes=is_op(node, "Add"))


def _scales_by_one(node: ir.Node) -> ir.Value | None:
    return _neutral(node, 1, commutes=is_op(node, "Mul"))


def _neutral(node: ir.Node, element: int, *, commutes: bool) -> ir.Value | None:
    x, other = node.inputs
    if _is_all(other, element) and _keeps_shape(x, other, node):
        return x
    if commutes and _is_all(x, element) and _keeps_shape(other, x, node):
        return other
    return None


def _keeps_shape(x: ir.Value | None, operand: ir.Value | None, node: ir.Node) -> bool:
    if x is None or operand is None:
        return False
    shape = array(operand).shape
    if not shape or (
        set(shape) == {1} and x.shape is not None and len(shape) <= len(x.shape)
    ):
        return True
    return _have_same_shape(x, node.outputs[0])


def _is_all(value: ir.Value | None, element: int) -> bool:
    return (
        value is not None
        and is_constant(value)
        and bool(np.all(array(value) == element))
    )


_RULES: dict[str, Callable[[ir.Node], ir.Value | None]] = {
    "Add": _adds_nothing,
    "Cast": _cast,
    "CastLike": _cast,
    "Clip": _clip,
    "Concat": _only,
    "Div": _scales_by_one,
    "Dropout": _dropout,
    "Expand": _same_shape,
    "Flatten": _same_shape,
    "Identity": _first,
    "Max": _only,
    "Mean": _only,
    "Min": _only,
    "Mul": _scales_by_one,
    "Pad": _pad,
    "Reshape": _same_shape,
    "Slice": _slice,
    "Sub": _adds_nothing,
    "Sum": _only,
    "Tile": _tile,
    "Transpose": _transpose,
}

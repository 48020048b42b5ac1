"""Remove nodes that give back their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, is_constant, is_op, is_read, replace_value

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RemoveNoOps"]

_INT32_MAX = 2**31 - 1


@dataclass(frozen=True)
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
        modified = False
        for graph in model.graphs():
            for node in tuple(graph):
                kept = _find_kept(node)
                if kept is not None and _may_be_removed(node, kept):
                    _replace_by_kept(node, kept)
                    modified = True
        return ir.passes.PassResult(model, modified=modified)


def _find_kept(node: ir.Node) -> ir.Value | None:
    """Return the input that the first output equals; None if there is none."""
    if not is_op(node, *_RULES):
        return None
    find = _RULES[node.op_type]
    return find(node)


def _may_be_removed(node: ir.Node, kept: ir.Value) -> bool:
    """Whether no further output is needed, and ``kept`` can bear the name of the first."""
    output, *others = node.outputs
    if any(map(is_read, others)):
        return False
    if not output.is_graph_output():
        return True
    return _can_be_renamed(kept, node)


def _can_be_renamed(value: ir.Value, reader: ir.Node) -> bool:
    """Whether ``value`` is made by a node beside ``reader``, and its name is no output's."""
    producer = value.producer()
    if producer is None or value.is_graph_output():
        return False
    return producer.graph is reader.graph


def _replace_by_kept(node: ir.Node, kept: ir.Value) -> None:
    output = node.outputs[0]
    if kept.type is None:
        kept.type = output.type
    if kept.shape is None:
        kept.shape = output.shape
    replace_value(output, kept)
    graph = node.graph
    assert graph is not None
    graph.remove(node, safe=True)


def _given_input(node: ir.Node, position: int) -> ir.Value | None:
    if position >= len(node.inputs):
        return None
    return node.inputs[position]


def _first_input(node: ir.Node) -> ir.Value | None:
    return _given_input(node, 0)


def _find_only_input(node: ir.Node) -> ir.Value | None:
    """Return the first input if no other is given."""
    given = [value for value in node.inputs if value is not None]
    if len(given) != 1:
        return None
    return _first_input(node)


def _find_unclipped(clip: ir.Node) -> ir.Value | None:
    """Return the input of a Clip without bounds, which were attributes before opset 11."""
    for bound in ("min", "max"):
        if bound in clip.attributes:
            return None
    return _find_only_input(clip)


def _find_kept_by_dropout(dropout: ir.Node) -> ir.Value | None:
    """Return the input of a Dropout in inference mode."""
    training = _given_input(dropout, 2)
    if training is None:
        return _first_input(dropout)
    if not _is_filled(training, 0):
        return None
    return _first_input(dropout)


def _find_same_type(cast: ir.Node) -> ir.Value | None:
    """Return the input of a Cast or CastLike to the type that it has."""
    value = _first_input(cast)
    dtype = _read_target_type(cast)
    if value is None or dtype is None:
        return None
    if value.dtype == dtype:
        return value
    return None


def _read_target_type(cast: ir.Node) -> int | None:
    like = _given_input(cast, 1)
    if like is not None:
        return like.dtype
    return cast.attributes.get_int("to", None)


def _find_same_shape(node: ir.Node) -> ir.Value | None:
    """Return the first input if the result has its shape."""
    value = _first_input(node)
    result = node.outputs[0]
    if value is None:
        return None
    if _have_same_shape(value, result):
        return value
    return None


def _have_same_shape(a: ir.Value, b: ir.Value) -> bool:
    if a.shape is None or b.shape is None:
        return False
    if len(a.shape) != len(b.shape):
        return False
    for one, other in zip(a.shape, b.shape, strict=True):
        is_known = isinstance(one, int) or one.value is not None
        if not is_known or one != other:
            return False
    return True


def _find_untransposed(transpose: ir.Node) -> ir.Value | None:
    """Return the input of a Transpose in the order 0, 1, 2 ..."""
    order = transpose.attributes.get_ints("perm", None)
    if order is None:
        return None
    is_sorted = list(order) == sorted(order)
    if is_sorted:
        return _first_input(transpose)
    return None


def _find_unpadded(pad: ir.Node) -> ir.Value | None:
    """Return the input of a Pad by nothing."""
    amounts = _given_input(pad, 1)
    if not _is_filled(amounts, 0):
        return None
    return _first_input(pad)


def _find_untiled(tile: ir.Node) -> ir.Value | None:
    """Return the input of a Tile by 1."""
    repeats = _given_input(tile, 1)
    if not _is_filled(repeats, 1):
        return None
    return _first_input(tile)


def _find_whole_slice(node: ir.Node) -> ir.Value | None:
    """Return the input of a Slice that begins at 0 and goes to the end, or keeps the shape."""
    steps = _given_input(node, 4)
    if steps is not None and not _is_filled(steps, 1):
        return None
    starts = _given_input(node, 1)
    ends = _given_input(node, 2)
    if _is_filled(starts, 0) and _is_behind_all(ends):
        return _first_input(node)
    return _find_same_shape(node)


def _is_behind_all(ends: ir.Value | None) -> bool:
    """Whether indices lie behind the end of every axis."""
    if not is_constant(ends):
        return False
    indices = array(ends)
    return bool(np.all(indices >= _INT32_MAX))


def _find_unshifted(node: ir.Node) -> ir.Value | None:
    """Return what an Add or Sub adds zeros to, or subtracts zeros from."""
    commutes = is_op(node, "Add")
    return _find_beside(0, node, commutes=commutes)


def _find_unscaled(node: ir.Node) -> ir.Value | None:
    """Return what a Mul or Div multiplies or divides by ones."""
    commutes = is_op(node, "Mul")
    return _find_beside(1, node, commutes=commutes)


def _find_beside(neutral: int, node: ir.Node, *, commutes: bool) -> ir.Value | None:
    """Return the operand beside one that is filled with a neutral number."""
    left, right = node.inputs
    result = node.outputs[0]
    if _is_filled(right, neutral) and _keeps_shape(left, right, result):
        return left
    if not commutes or not _is_filled(left, neutral):
        return None
    if _keeps_shape(right, left, result):
        return right
    return None


def _keeps_shape(
    x: ir.Value | None,
    operand: ir.Value | None,
    result: ir.Value,
) -> bool:
    """Whether a constant operand does not broadcast ``x`` to a larger shape."""
    if x is None or operand is None:
        return False
    data = array(operand)
    if data.ndim == 0:
        return True
    if x.shape is not None and data.size == 1:
        has_fewer_axes = data.ndim <= len(x.shape)
        if has_fewer_axes:
            return True
    return _have_same_shape(x, result)


def _is_filled(value: ir.Value | None, number: int) -> bool:
    """Whether ``value`` is a constant that is ``number`` everywhere."""
    if not is_constant(value):
        return False
    data = array(value)
    return bool(np.all(data == number))


_RULES: dict[str, Callable[[ir.Node], ir.Value | None]] = {
    "Add": _find_unshifted,
    "Cast": _find_same_type,
    "CastLike": _find_same_type,
    "Clip": _find_unclipped,
    "Concat": _find_only_input,
    "Div": _find_unscaled,
    "Dropout": _find_kept_by_dropout,
    "Expand": _find_same_shape,
    "Flatten": _find_same_shape,
    "Identity": _first_input,
    "Max": _find_only_input,
    "Mean": _find_only_input,
    "Min": _find_only_input,
    "Mul": _find_unscaled,
    "Pad": _find_unpadded,
    "Reshape": _find_same_shape,
    "Slice": _find_whole_slice,
    "Sub": _find_unshifted,
    "Sum": _find_only_input,
    "Tile": _find_untiled,
    "Transpose": _find_untransposed,
}
"""Operator to the input that one of its nodes gives back, None if there is none."""

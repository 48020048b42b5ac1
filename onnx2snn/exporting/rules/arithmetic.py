"""Sums, and products and sums with constants: changes of factors and constants alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.exporting.rules.work import NotRepresentableError
from onnx2snn.graph.affine_map import affine_map_of
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.exporting.rules.work import Rule, Work
    from onnx2snn.exporting.views import StreamValue

__all__ = ["ARITHMETIC"]


def _affine(work: Work, node: ir.Node) -> StreamValue:
    """Return a value times a constant, plus a constant."""
    found = affine_map_of(node)
    value = None if found is None else work.values.get(found.x)
    if found is None or value is None:
        message = (
            "it joins two values in a way that no sum of spikes is; leave it out of what is "
            "exported"
        )
        raise NotRepresentableError(message)
    scale = _per_channel(value, found.scale)
    shift = _per_channel(value, found.shift)
    views = tuple(view.scaled(scale) for view in value.views)
    constant = value.constant * scale + shift
    return dataclasses.replace(
        value,
        views=views,
        constant=constant,
    )


def _per_channel(value: StreamValue, numbers: np.ndarray) -> np.ndarray:
    """Return numbers that broadcast to a value with its batch, one for each channel."""
    per_sample = numbers.squeeze(axis=0)
    back = np.argsort(value.order)
    in_place = per_sample.transpose(tuple(int(axis) for axis in back))
    if in_place.size not in {1, in_place.shape[0]}:
        message = "its constant is not one number a channel: a layer has no bias for each position"
        raise NotRepresentableError(message)
    return np.broadcast_to(in_place.reshape(-1), value.shape[0])


def _product(work: Work, node: ir.Node) -> StreamValue:
    """Return a mean over the steps, as the sum divided by their number, or an affine map."""
    operands = [value for value in node.inputs if value is not None]
    if node.op_type == "Div" and operands[1] in work.counts:
        value = work.values[operands[0]]
        return dataclasses.replace(value, is_total=False)
    return _affine(work, node)


def _sum(work: Work, node: ir.Node) -> StreamValue:
    """Return the sum, or difference, of two values, or of one and a constant."""
    operands = work.operands(node)
    if len(operands) != len(node.inputs):
        return _affine(work, node)
    total = operands[0]
    sign = -1.0 if node.op_type == "Sub" else 1.0
    for value in operands[1:]:
        total = _added(total, value, sign)
    return total


def _added(first: StreamValue, second: StreamValue, sign: float) -> StreamValue:
    if first.shape != second.shape or first.order != second.order:
        message = (
            f"it adds values of the shapes {list(first.shape)} and {list(second.shape)}, and "
            "layers do not broadcast"
        )
        raise NotRepresentableError(message)
    views = (*first.views, *(view.scaled(sign) for view in second.views))
    constant = first.constant + sign * second.constant
    is_static = first.is_static and second.is_static
    return dataclasses.replace(
        first,
        views=views,
        constant=constant,
        is_static=is_static,
    )


def _running_sum(work: Work, node: ir.Node) -> StreamValue:
    (value, *_) = work.operands(node)
    return dataclasses.replace(value, is_total=True)


def _same(work: Work, node: ir.Node) -> StreamValue:
    (value, *_) = work.operands(node)
    return value


ARITHMETIC: dict[str, Rule] = {
    "Add": _sum,
    "Sub": _sum,
    "Sum": _sum,
    "Mul": _affine,
    "Div": _product,
    "Neg": _affine,
    "BatchNormalization": _affine,
    f"{DOMAIN}.RunningSum": _running_sum,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
}
"""Operator to rule."""

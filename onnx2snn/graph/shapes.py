"""Shapes of values, as far as a graph tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import onnx_ir as ir

from onnx2snn.graph.reading import is_op

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["AxisSize", "Dims", "before_expand", "dims_of", "known_sizes", "rank_of"]

AxisSize: TypeAlias = int | ir.SymbolicDim
"""Size of an axis as a shape has it."""

Dims: TypeAlias = tuple[int | str | None, ...]
"""Sizes of axes in numbers and names, None where there is neither."""


def dims_of(value: ir.Value | None) -> Dims | None:
    """Return the shape of ``value`` in numbers and names; None if its rank is not known."""
    if value is None or value.shape is None:
        return None
    return tuple(dim if isinstance(dim, int) else dim.value for dim in value.shape)


def rank_of(value: ir.Value | None) -> int | None:
    """Return the rank of ``value``, None if it is not known."""
    if value is None or value.shape is None:
        return None
    return len(value.shape)


def known_sizes(sizes: Sequence[object]) -> list[int] | None:
    """Return sizes of axes if all are numbers, else None."""
    known = [size for size in sizes if isinstance(size, int)]
    return known if len(known) == len(sizes) else None


def before_expand(value: ir.Value) -> ir.Value:
    """Return what an Expand repeats to give ``value``; else the value itself."""
    producer = value.producer()
    if producer is None or not is_op(producer, "Expand"):
        return value
    return producer.inputs[0] or value

"""Operators of ONNX that rearrange elements, as functions of attributes and inputs.

Tensors of numbers for shapes and axes are int64, as in ONNX.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = [
    "concatenate",
    "expand",
    "flatten",
    "gather",
    "pad",
    "read_shape",
    "reshape",
    "slice_axes",
    "split",
    "squeeze",
    "transpose",
    "unsqueeze",
]


def concatenate(attributes: Attributes, *inputs: Tensor) -> Tensor:
    """Return Concat."""
    axis = attributes["axis"]
    return torch.cat(inputs, axis)


def expand(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    """Return Expand."""
    del attributes
    wanted = tuple(shape.tolist())
    sizes = torch.broadcast_shapes(x.shape, wanted)
    return x.expand(sizes)


def flatten(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Flatten, of two axes."""
    axis = attributes.get("axis", 1)
    if axis < 0:
        axis += x.dim()
    rows = math.prod(x.shape[:axis])
    columns = math.prod(x.shape[axis:])
    return x.reshape(rows, columns)


def gather(attributes: Attributes, x: Tensor, indices: Tensor) -> Tensor:
    """Return Gather; an index may be negative."""
    axis = attributes.get("axis", 0) % x.dim()
    size = x.shape[axis]
    flat = indices.reshape(-1) % size
    found = x.index_select(axis, flat)
    before = x.shape[:axis]
    after = x.shape[axis + 1 :]
    sizes = (*before, *indices.shape, *after)
    return found.reshape(sizes)


def pad(
    attributes: Attributes,
    x: Tensor,
    pads: Tensor,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    """Return Pad with a constant: the mode was checked."""
    del attributes
    rank = x.dim()
    padded = range(rank) if axes is None else axes.tolist()
    both_ends = pads.reshape(2, -1)
    begins, ends = both_ends.tolist()
    amounts = [[0, 0] for _ in range(rank)]
    for axis, begin, end in zip(padded, begins, ends, strict=True):
        amounts[axis % rank] = [begin, end]
    last_axis_first = [size for pair in reversed(amounts) for size in pair]
    fill = 0.0 if value is None else float(value)
    return functional.pad(x, last_axis_first, value=fill)


def reshape(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    """Return Reshape; a size of 0 copies the one of ``x`` where zeros are not allowed."""
    sizes = shape.tolist()
    if attributes.get("allowzero"):
        return x.reshape(tuple(sizes))
    for axis, size in enumerate(sizes):
        if size == 0:
            sizes[axis] = x.shape[axis]
    return x.reshape(tuple(sizes))  # a list without sizes is no shape to it


def read_shape(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Shape."""
    start = attributes.get("start", 0)
    end = attributes.get("end")
    sizes = x.shape[start:end]
    return torch.tensor(sizes, dtype=torch.int64)  # of a scalar as well


def slice_axes(
    attributes: Attributes,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    *given: Tensor | None,
) -> Tensor:
    """Return Slice; ``given`` are the axes and the steps, if there are any."""
    del attributes
    axes, steps = (*given, None, None)[:2]
    count = len(starts)
    along = range(count) if axes is None else axes.tolist()
    strides = [1] * count if steps is None else steps.tolist()
    first = starts.tolist()
    last = ends.tolist()
    bounds = zip(first, last, strides, strict=True)
    for axis, (start, end, step) in zip(along, bounds, strict=True):
        size = x.shape[axis]
        bounds_inside = slice(start, end, step).indices(size)
        kept = range(*bounds_inside)
        indices = torch.tensor(kept, dtype=torch.int64)
        x = x.index_select(axis, indices)
    return x


def split(
    attributes: Attributes, x: Tensor, sizes: Tensor | None = None
) -> Sequence[Tensor]:
    """Return the outputs of Split: ``attributes`` has their number as ``outputs``."""
    axis = attributes.get("axis", 0)
    if sizes is not None:
        parts_given = sizes.tolist()
        parts: Sequence[Tensor] = torch.split(x, parts_given, axis)
        return parts
    size = x.shape[axis]
    largest = math.ceil(size / attributes["outputs"])
    equal_parts: Sequence[Tensor] = torch.split(x, largest, axis)
    return equal_parts


def squeeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    """Return Squeeze."""
    del attributes
    if axes is None:
        return x.squeeze()
    along = tuple(axes.tolist())
    return x.squeeze(along)


def transpose(attributes: Attributes, x: Tensor) -> Tensor:
    """Return Transpose; without a permutation, of all axes."""
    reverse = tuple(reversed(range(x.dim())))
    order = attributes.get("perm") or reverse
    return x.permute(order)


def unsqueeze(attributes: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    """Return Unsqueeze."""
    del attributes
    rank = x.dim() + len(axes)
    positions = [axis % rank for axis in axes.tolist()]
    for axis in sorted(positions):
        x = x.unsqueeze(axis)
    return x

"""Advice about the axes of an array that does not fit an input: transposed, missing, flattened."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Shape = Sequence[int]
    OpenShape = Sequence[int | None]

__all__ = ["axes_advice"]

_MOST_AXES = 6
"""Axes of which all orders are tried: Conv and the like have at most five."""


def axes_advice(shape: Shape, expected: OpenShape) -> str:
    """Say how an array of ``shape`` comes to fit, in words behind a message; empty if unclear.

    Args:
        shape: Of an array whose first axis counts the samples.
        expected: Sizes of the axes of the input, None where free.
    """
    if len(shape) == len(expected):
        return _advice_to_transpose(shape, expected)
    if len(shape) == len(expected) - 1 and _fits(shape, expected[1:]):
        return ": the axis of the samples is missing; give data[None]"
    sizes = [size for size in expected[1:] if size is not None]
    if not shape or len(sizes) != len(expected) - 1:
        return ""
    return _advice_to_reshape(shape, sizes)


def _advice_to_transpose(shape: Shape, expected: OpenShape) -> str:
    if len(shape) > _MOST_AXES or _fits(shape[1:], expected[1:]):
        return ""
    for order in _orders(len(shape)):
        turned = [shape[axis] for axis in order]
        if _fits(turned[1:], expected[1:]):
            axes = ", ".join(map(str, order))
            return f": the axes look transposed; give data.transpose({axes})"
    return ""


def _orders(rank: int) -> Iterator[tuple[int, ...]]:
    """Yield orders of axes, the likeliest first: channels from last to first, or back."""
    inner = tuple(range(1, rank))
    yield (0, *inner[-1:], *inner[:-1])
    yield (0, *inner[1:], *inner[:1])
    for order in itertools.permutations(inner):
        yield (0, *order)
    if rank == 2:
        yield (1, 0)


def _advice_to_reshape(shape: Shape, sizes: Shape) -> str:
    """Return advice where one of the two is flat, or they differ in axes of size 1.

    Args:
        shape: Of the array.
        sizes: Of the axes of the input behind that of the samples.
    """
    wanted = ", ".join(map(str, sizes))
    if _without_ones(shape) == _without_ones(sizes):
        return f": the axis of the samples is missing; give data.reshape(1, {wanted})"
    is_flat = len(sizes) == 1 or len(shape) == 2
    is_squeezed = _without_ones(shape[1:]) == _without_ones(sizes)
    has_as_many = math.prod(shape[1:]) == math.prod(sizes)
    if has_as_many and (is_flat or is_squeezed):
        return f": its values are as many; give data.reshape(-1, {wanted})"
    return ""


def _without_ones(sizes: Shape) -> list[int]:
    return [size for size in sizes if size != 1]


def _fits(sizes: Shape, expected: OpenShape) -> bool:
    pairs = zip(sizes, expected, strict=True)
    return all(want in (None, have) for have, want in pairs)

"""Values of an ONNX graph as views of what layers send.

Slices, paddings, concatenations, transpositions, products and sums with constants only say which
element of which layer stands where, times which factor. They become layers of their own only where
a reader cannot take them in.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx2snn.exporting.layers import Shape

__all__ = [
    "NOWHERE",
    "StreamValue",
    "View",
]

NOWHERE = -1
"""In the place of a channel: zeros."""


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """What a layer sends, as a value has it.

    Element (c, i, j) is ``factors[c]`` times the element of the layer at channel ``channels[c]``
    and positions ``offset + step i`` and ``offset + step j``, and 0 where that lies outside.

    Attributes:
        layer: Name of the layer.
        channels: Channel of the layer for each channel of the value, or feature for each feature.
        factors: Factor for each of them, float64.
        offsets: Position of the first element, for each axis behind the first.
        steps: Distance of neighboring elements, likewise.
    """

    layer: str
    channels: np.ndarray
    factors: np.ndarray
    offsets: tuple[int, ...]
    steps: tuple[int, ...]

    @classmethod
    def whole(cls, layer: str, shape: Shape) -> View:
        """Return the view of all that a layer sends, as it is."""
        channels = np.arange(shape[0])
        factors = np.ones(shape[0])
        positions = len(shape) - 1
        return cls(layer, channels, factors, (0,) * positions, (1,) * positions)

    def scaled(self, factors: np.ndarray | float) -> View:
        """Return the view times a factor, or one for each channel."""
        return dataclasses.replace(self, factors=self.factors * factors)

    def with_channels(self, places: np.ndarray) -> View:
        """Return the view with other channels: those at ``places``, or zeros at ``NOWHERE``."""
        is_there = places != NOWHERE
        channels = np.where(is_there, self.channels[places], NOWHERE)
        factors = np.where(is_there, self.factors[places], 0.0)
        return dataclasses.replace(
            self,
            channels=channels,
            factors=factors,
        )

    def moved(self, axis: int, offset: int, step: int) -> View:
        """Return the view from another position on, along an axis behind the first.

        Args:
            axis: 0 for height, 1 for width.
            offset: Position, in the value, of what comes first.
            step: Distance of neighbors, in the value.
        """
        offsets, steps = list(self.offsets), list(self.steps)
        offsets[axis] += steps[axis] * offset
        steps[axis] *= step
        return dataclasses.replace(
            self,
            offsets=tuple(offsets),
            steps=tuple(steps),
        )

    def keeps_channels(self, shape: Shape) -> bool:
        """Whether all channels of a layer of that shape stand where they are in it."""
        return np.array_equal(self.channels, np.arange(shape[0]))

    def keeps_positions(self, own: Shape, shape: Shape) -> bool:
        """Whether all positions of a layer stand where they are.

        Args:
            own: Shape of the value.
            shape: Shape of what the layer sends.
        """
        is_first = not any(self.offsets) and all(step == 1 for step in self.steps)
        return is_first and own[1:] == shape[1:]

    def is_alike(self, other: View) -> bool:
        """Whether another view takes the same places, times the same factors."""
        is_same_place = self.offsets == other.offsets and self.steps == other.steps
        has_same_factors = np.array_equal(self.factors, other.factors)
        return is_same_place and has_same_factors and self.has_channels_of(other)

    def has_channels_of(self, other: View) -> bool:
        """Whether another view has the same channels."""
        return np.array_equal(self.channels, other.channels)

    def flat(self, own: Shape, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Return, element by element, the place in the layer once it is flat, and the factor.

        Args:
            own: Shape of the value.
            shape: Shape of what the layer sends.

        Returns:
            Places, ``NOWHERE`` for zeros, and factors; both of the shape ``own``.
        """
        places = np.arange(math.prod(shape)).reshape(shape)
        inside = self.channels[:, *[None] * (len(own) - 1)] != NOWHERE
        index: list[np.ndarray] = [np.maximum(self.channels, 0)]
        for axis, size in enumerate(own[1:]):
            wanted = self.offsets[axis] + self.steps[axis] * np.arange(size)
            is_inside = (wanted >= 0) & (wanted < shape[axis + 1])
            beside = [1] * len(own)
            beside[axis + 1] = size
            inside = inside & is_inside.reshape(beside)
            index.append(np.where(is_inside, wanted, 0))
        found = np.where(inside, places[np.ix_(*index)], NOWHERE)
        factors = self.factors.reshape(-1, *[1] * (len(own) - 1))
        return found, np.where(inside, factors, 0.0)


@dataclasses.dataclass(frozen=True, eq=False)
class StreamValue:
    """A value of an ONNX graph: the sum of views, plus a constant.

    Attributes:
        shape: Shape of a sample, with its axes in the order that layers have them.
        views: The views, each of this shape.
        constant: What is added, one number for each channel, float64.
        order: The axes of the value, as the ONNX graph has it, in those of ``shape``.
        is_static: Whether it is the same in every step: no neuron stands before it.
        is_total: Whether it is the sum over the steps so far.
    """

    shape: Shape
    views: tuple[View, ...]
    constant: np.ndarray
    order: tuple[int, ...]
    is_static: bool
    is_total: bool = False

    @classmethod
    def of_layer(cls, name: str, shape: Shape, *, is_static: bool) -> StreamValue:
        """Return all that a layer sends, as it is."""
        views = (View.whole(name, shape),)
        order = tuple(range(len(shape)))
        return cls(shape, views, np.zeros(shape[0]), order, is_static)

    @property
    def has_usual_order(self) -> bool:
        """Whether the ONNX graph has its axes in the order that layers have them."""
        return self.order == tuple(range(len(self.order)))

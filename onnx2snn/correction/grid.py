"""The positions of an image or a sequence that stand for all of it."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Grid"]

_PLASTIC = 1.3247179572447460  # the root of x^3 = x + 1


@dataclasses.dataclass(frozen=True)
class Grid:
    """Evenly spaced positions along each axis, which start elsewhere in each batch.

    Neighbors tell little more than one of them. But a grid that lies alike on all samples never
    sees what is special elsewhere: borders, whose padding makes currents of their own, or the
    places between the steps of a convolution with a stride. So it moves from batch to batch,
    over all positions alike: the additive recurrence of Roberts (2018), one number an axis.

    Attributes:
        positions: Most positions along an axis, >= 1.
        batch: Number of the batch, which says where the grid starts.
    """

    positions: int
    batch: int = 0

    def positions_along(self, sizes: Iterable[int]) -> tuple[slice, ...]:
        """Return the positions along axes of lengths ``sizes``, a slice for each axis."""
        slices = []
        for number, size in enumerate(sizes, start=1):
            along = math.ceil(size / self.positions)
            distance = max(1, along)
            share = (0.5 + self.batch * _PLASTIC**-number) % 1
            first = int(share * distance)
            slices.append(slice(first, None, distance))
        return tuple(slices)

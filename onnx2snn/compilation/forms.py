"""The forms of a stream in a compiled network: spikes as bytes, and sums as floats.

All hold all time steps, [T, N, ...], and may have their channels, axis 1 of a step, as the
last axis in memory instead: then a convolution reads whole vectors.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "Axes",
    "Form",
    "Packed",
    "Real",
    "Totals",
    "back_to_emitted",
    "channels_of",
]

_TIME = 1
"""Axes that a step does not have: that of time."""


@dataclasses.dataclass(frozen=True)
class Axes:
    """The order of axes in memory.

    Attributes:
        rank: Number of axes of one step: of batch, and all behind.
        channels_last: Whether axis 1 of a step is the last one in memory.
    """

    rank: int
    channels_last: bool

    @property
    def is_moved(self) -> bool:
        """Whether any axis is elsewhere than in the network as it was emitted."""
        return self.channels_last and self.rank > 2

    def of_step(self) -> list[int]:
        """Return, for each axis of a step in memory, the one it is in the emitted network."""
        axes = list(range(self.rank))
        if self.is_moved:
            axes.append(axes.pop(1))
        return axes

    def of_all_steps(self) -> list[int]:
        """Return the same for all steps, with time in front."""
        return [0, *(axis + _TIME for axis in self.of_step())]

    def place_of(self, axis: int) -> int:
        """Return where in memory, time included, axis ``axis`` of a step is."""
        return self.of_step().index(axis) + _TIME

    def arranged(self, data: np.ndarray) -> np.ndarray:
        """Return a constant that broadcasts to a step, with its axes as in memory."""
        if not self.is_moved or data.ndim < 2:
            return data
        missing = self.rank - data.ndim
        full = data.reshape(*[1] * missing, *data.shape)
        return full.transpose(self.of_step())


def back_to_emitted(axes: list[int]) -> list[int]:
    """Return the order of axes that undoes ``axes``."""
    return [axes.index(axis) for axis in range(len(axes))]


@dataclasses.dataclass(frozen=True, eq=False)
class Packed:
    """Spikes as int8, each of which stands for a number of units.

    Attributes:
        value: The spikes of all steps.
        scale: Units of a spike: one number, or one for each entry of the last axis in memory.
        axes: The order of axes in memory.
    """

    value: ir.Value
    scale: np.ndarray
    axes: Axes


@dataclasses.dataclass(frozen=True, eq=False)
class Real:
    """A sum of floats and of spikes.

    Attributes:
        value: The floats of all steps.
        axes: The order of axes in memory.
        spikes: The spikes that are to be added, in the same order of axes.
    """

    value: ir.Value
    axes: Axes
    spikes: tuple[Packed, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Totals:
    """A stream summed up: at each step, all that came until then.

    Attributes:
        stream: The stream of which these are the sums; of floats, without spikes apart.
    """

    stream: Packed | Real

    @property
    def axes(self) -> Axes:
        """The order of axes in memory."""
        return self.stream.axes


Form: TypeAlias = Packed | Real | Totals


def channels_of(data: np.ndarray, axes: Axes, *, has_time: bool) -> np.ndarray | None:
    """Return a constant as one number, or one for each entry of the last axis in memory.

    Args:
        data: A constant that broadcasts to a value of the emitted network.
        axes: The order of axes of a form of that value.
        has_time: Whether that value has an axis of time of its own.

    Returns:
        The numbers in float32; None if the constant varies along another axis.
    """
    if data.size == 1:
        return np.asarray(data.reshape(()), np.float32)
    rank = axes.rank + (_TIME if has_time else 0)
    if data.ndim > rank:
        return None
    full = data.reshape(*[1] * (rank - data.ndim), *data.shape)
    last = axes.of_step()[-1] + (_TIME if has_time else 0)
    if full.shape[last] != data.size:
        return None
    return np.asarray(full.reshape(-1), np.float32)

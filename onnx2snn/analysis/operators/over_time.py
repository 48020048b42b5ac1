"""Ways in which a node runs on all time steps at once.

With T steps of a value of shape [N, ...], all of them at hand are either

    the rows   [T * N, ...]: those of the first step, then those of the second, ...
    the steps  [T, N, ...]:  an axis for time in front

An operator that treats each row along axis 0 alone runs on the rows as it is, whatever axis 0
counts. One that broadcasts, or can be told of the axis in front, runs on the steps. The rules
that choose stand in ``over_time_rules.py`` and ``over_time_movement.py``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import onnx_ir as ir

__all__ = [
    "OnRows",
    "OnSteps",
    "OverTime",
    "OverTimeRule",
    "Positions",
    "one_step_at_a_time",
]

Positions: TypeAlias = frozenset[int]
"""Positions of inputs of a node."""


@dataclasses.dataclass(frozen=True)
class OnRows:
    """The node as it is, on the rows of all steps.

    Attributes:
        inputs: Positions of the inputs that come as rows, whether they are streams or not; all
            others are the same in every step.
    """

    inputs: Positions


@dataclasses.dataclass(frozen=True)
class OnSteps:
    """The node on streams with an axis for time in front; other inputs as they are.

    Attributes:
        rank: Rank of one step to which streams are brought, by axes of size 1 behind that of
            time: of operands that broadcast. None to leave them as they are.
        sizes: Position of an input that lists sizes: T is put in front of them.
        attributes: Attributes in the place of those of the node.
    """

    rank: int | None = None
    sizes: int | None = None
    attributes: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)


OverTime: TypeAlias = OnRows | OnSteps

OverTimeRule: TypeAlias = Callable[[ir.Node, Positions], OverTime | None]
"""Takes a node, and the positions of its inputs that are streams; the shapes of all its values
are those of one step. Returns the way in which it runs on all steps at once, None if it runs on
one at a time, which is always right."""


def one_step_at_a_time(_node: ir.Node, _streams: Positions) -> OverTime | None:
    """Say that the node runs on one step at a time."""
    return None

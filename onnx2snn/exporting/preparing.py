"""Layers made such as a reader takes them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from onnx2snn.exporting.depth_first import check_order
from onnx2snn.exporting.layers import Exit, LayerGraph
from onnx2snn.exporting.passes import (
    carry_through,
    choose_pools,
    expand_groups,
    fold_thresholds,
    join_outputs,
    name_layers,
    pad_symmetrically,
    remove_identities,
    spread_potentials,
    square_kernels,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.exporting.readers import Reader

__all__ = [
    "Prepared",
    "prepare",
]


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Layers for a reader.

    Attributes:
        exact: The layers but for what is not exact: potentials start where they did.
        layers: Those that are written.
        changes: Pass to the number of layers that it changed, added or removed.
    """

    exact: LayerGraph
    layers: LayerGraph
    changes: Mapping[str, int]

    @property
    def is_spread(self) -> bool:
        """Whether initial potentials became a part of the current, which is not exact."""
        return bool(self.changes["spread_potentials"])


def prepare(layers: LayerGraph, time_steps: int, reader: Reader, pool: str) -> Prepared:
    """Return layers such as a reader takes them.

    Args:
        layers: A lowered network; it is changed.
        time_steps: T that the reader will run for.
        reader: The reader.
        pool: The form of pools, of ``choose_pools.POOLS``.

    Raises:
        UnsupportedError: It cannot take them.
    """
    changes: dict[str, int] = {}
    exact_passes = [fold_thresholds, remove_identities, expand_groups]
    if reader.is_depth_first:
        exact_passes.append(carry_through)
    exact_passes += [pad_symmetrically, square_kernels]
    for run in exact_passes:
        before = dict(layers.layers)
        run(layers)
        changes[run.__name__] = _count_changes(before, layers)
    before = dict(layers.layers)
    choose_pools(layers, pool)
    changes["choose_pools"] = _count_changes(before, layers)
    join_outputs(layers)
    layers.keep_only(layers.named(Exit))
    if reader.is_depth_first:
        check_order(layers, reader.name)
    exact = name_layers(layers)
    written = exact.copy()
    before = dict(written.layers)
    spread_potentials(written, time_steps)
    changes["spread_potentials"] = _count_changes(before, written)
    return Prepared(exact, written, changes)


def _count_changes(before: Mapping[str, object], layers: LayerGraph) -> int:
    """Return how many layers were changed, added or removed."""
    names = before.keys() | layers.layers.keys()
    changed = [
        name for name in names if before.get(name) is not layers.layers.get(name)
    ]
    return len(changed)

"""Operations with weights, and sums over them by what drives them."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, TypedDict

from onnx2snn.analysis.drivers import NOT_SPIKES, Driver, driver_of, find_obstacle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import onnx_ir as ir

    from onnx2snn.analysis.streams import Streams

__all__ = [
    "Macs",
    "Obstacle",
    "Operation",
    "count_by_driver",
    "list_obstacles",
    "list_operations",
    "percent_of_spikes",
    "sum_by_driver",
]

Macs = dict[str, int | None]
"""Multiply-accumulates, ``total`` and by driver; None where some are not known."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """A node that multiplies and accumulates.

    Attributes:
        node: The node of the simplified network.
        driver: What drives it.
        macs: Its multiply-accumulates for one sample; None if that is not known.
        obstacle: The node on account of which no spikes drive it, in every step; None if they
            do, or if it is computed once.
    """

    node: ir.Node
    driver: Driver
    macs: int | None
    obstacle: ir.Node | None


class Obstacle(TypedDict):
    """Operations that are not driven by spikes on account of nodes of one operator.

    ``op`` is that operator, ``operations`` the number of operations, and ``macs`` their
    multiply-accumulates for one sample, None if some are not known.
    """

    op: str
    driver: str
    operations: int
    macs: int | None


def list_operations(
    analyzed: Iterable[Streams], counts: Mapping[ir.Node, int | None]
) -> Iterator[Operation]:
    """Yield the operations of all graphs in ``analyzed``.

    Args:
        analyzed: The streams of each graph.
        counts: The multiply-accumulates of each node for one sample; 0 for one without weights,
            None where they are not known.
    """
    for streams in analyzed:
        for node in streams.graph:
            macs = counts[node]
            if macs != 0:
                driver = driver_of(node, streams)
                obstacle = find_obstacle(node, streams)
                yield Operation(node, driver, macs, obstacle)


def sum_by_driver(operations: Sequence[Operation]) -> Macs:
    """Return the multiply-accumulates of all operations, and of those of each driver."""
    sums: Macs = {"total": _add_up(operations)}
    for driver in Driver:
        sums[driver.value] = _add_up(op for op in operations if op.driver is driver)
    return sums


def count_by_driver(operations: Iterable[Operation]) -> dict[str, int]:
    """Return the number of operations of each driver."""
    counts = collections.Counter(operation.driver for operation in operations)
    return {driver.value: counts[driver] for driver in Driver}


def percent_of_spikes(macs: Macs) -> float | None:
    """Return the part of the multiply-accumulates that spikes drive, in percent.

    None if it is not known; 0 if there are none.
    """
    total = macs["total"]
    driven = macs[Driver.SPIKES]
    if total is None or driven is None:
        return None
    return round(100 * driven / total, 2) if total else 0.0


def list_obstacles(operations: Iterable[Operation]) -> list[Obstacle]:
    """Return why operations are not driven by spikes, the most work first."""
    groups: dict[tuple[str, Driver], list[Operation]] = {}
    for operation in operations:
        if operation.driver in NOT_SPIKES and operation.obstacle is not None:
            key = (operation.obstacle.op_type, operation.driver)
            groups.setdefault(key, []).append(operation)
    found: list[Obstacle] = [
        {
            "op": op,
            "driver": driver.value,
            "operations": len(held_up),
            "macs": _add_up(held_up),
        }
        for (op, driver), held_up in groups.items()
    ]
    return sorted(found, key=_work_of, reverse=True)


def _work_of(obstacle: Obstacle) -> tuple[int, int]:
    return obstacle["macs"] or 0, obstacle["operations"]


def _add_up(operations: Iterable[Operation]) -> int | None:
    """Return the multiply-accumulates of all ``operations``, None if some are not known."""
    total = 0
    for operation in operations:
        if operation.macs is None:
            return None
        total += operation.macs
    return total

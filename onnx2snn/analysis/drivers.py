"""The driver of an operation with weights, from which all counts derive: decided here alone."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.node_kinds import NodeKind
from onnx2snn.analysis.operators import operator_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

    from onnx2snn.analysis.streams import Streams

__all__ = ["DRIVERS", "NOT_SPIKES", "Driver", "driver_of", "find_obstacle"]


class Driver(enum.StrEnum):
    """The numbers that an operation multiplies its weights with, and when it does."""

    SPIKES = "spikes"
    """Spikes, in every step: an addition for each spike."""
    REAL = "real"
    """Real numbers, in every step, though it is linear: no neuron stands in front of it."""
    ANALOG = "analog"
    """Real numbers, in every step, and it is not linear in them."""
    STATIC = "static"
    """Values that are the same in every step: once, before the first."""
    READOUT = "readout"
    """Means over all steps: once, after the last."""


DRIVERS = {
    Driver.SPIKES: "driven by spikes",
    Driver.REAL: "linear on real numbers",
    Driver.ANALOG: "analog",
    Driver.STATIC: "before the first step",
    Driver.READOUT: "after the last step",
}
"""Each driver in the words of every table and message."""

NOT_SPIKES = (Driver.REAL, Driver.ANALOG)
"""Drivers that take a multiplication in every step."""


def driver_of(node: ir.Node, streams: Streams) -> Driver:
    """Return what drives the multiply-accumulates of ``node``, which has some."""
    kind = streams.classifications[node].kind
    if kind is NodeKind.STATIC:
        return Driver.STATIC
    if kind is NodeKind.READOUT:
        return Driver.READOUT
    if streams.is_spike_driven(node):
        return Driver.SPIKES
    if kind is NodeKind.LINEAR:
        return Driver.REAL
    return Driver.ANALOG


def find_obstacle(node: ir.Node, streams: Streams) -> ir.Node | None:
    """Return the node on account of which no spikes drive ``node``; None if spikes do.

    That is ``node`` itself where it is not linear, else the node in front of it, up to the
    nearest neurons, whose results are no spikes though it reads nothing but spikes, or which
    is not linear itself. If there are several, it is one that has weights or is not linear:
    any other could go into weights, if not for that one.
    """
    driver = driver_of(node, streams)
    if driver is Driver.ANALOG:
        return node
    if driver is not Driver.REAL:
        return None
    found = list(_list_obstacles(node, streams))
    lasting = (each for each in found if _stays(each, streams))
    return next(lasting, found[0])


def _list_obstacles(node: ir.Node, streams: Streams) -> Iterator[ir.Node]:
    """Yield the nodes on account of which a linear node reads real numbers, at least one."""
    seen = {node}
    waiting = [node]
    while waiting:
        current = waiting.pop(0)
        makers = _makers_of_real_streams(current, streams)
        is_straight = _is_straight(current, streams)
        if current is not node and (not is_straight or not makers):
            yield current
            continue
        if not makers:
            yield node  # an input of the network
        waiting += [each for each in makers if each not in seen]
        seen.update(makers)


def _makers_of_real_streams(node: ir.Node, streams: Streams) -> list[ir.Node]:
    """Return the nodes that make what ``node`` reads in every step, and is no spikes."""
    makers = []
    for value in node.inputs:
        is_real = value in streams.varying and value not in streams.spikes
        producer = None if value is None else value.producer()
        if is_real and producer is not None:
            makers.append(producer)
    return makers


def _is_straight(node: ir.Node, streams: Streams) -> bool:
    kind = streams.classifications[node].kind
    return kind in {NodeKind.LINEAR, NodeKind.MAX_LIKE}


def _stays(node: ir.Node, streams: Streams) -> bool:
    """Whether ``node`` cannot go into the weights that read its results."""
    return operator_of(node).is_weighted or not _is_straight(node, streams)

"""The driver of an operation with weights, from which all counts derive: decided here alone."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from onnx2snn.analysis.node_kinds import NodeKind

if TYPE_CHECKING:
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
    is not linear itself.
    """
    driver = driver_of(node, streams)
    if driver is Driver.ANALOG:
        return node
    if driver is not Driver.REAL:
        return None
    while True:
        value = _find_real_stream(node, streams)
        producer = None if value is None else value.producer()
        if producer is None:
            return node
        node = producer
        kind = streams.classifications[node].kind
        is_straight = kind in {NodeKind.LINEAR, NodeKind.MAX_LIKE}
        if not is_straight or _find_real_stream(node, streams) is None:
            return node


def _find_real_stream(node: ir.Node, streams: Streams) -> ir.Value | None:
    """Return a stream that ``node`` reads and that is not of spikes alone, if there is one."""
    for value in node.inputs:
        if value in streams.varying and value not in streams.spikes:
            return value
    return None

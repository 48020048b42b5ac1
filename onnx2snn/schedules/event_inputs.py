"""Inputs that are events, [T, N, ...], where a value of one step is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import NodeBuilder, constant, reads, rewire

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

__all__ = ["read_first_slice", "slice_of_step"]

_ALONG_TIME = {"axis": 0}


def slice_of_step(
    graph: ir.Graph, stream: ir.Value, step: ir.Value, like: ir.Value
) -> ir.Node:
    """Return a node, of no graph yet, that takes the slice of a step.

    Args:
        graph: The graph that is to hold it, perhaps in a subgraph.
        stream: All steps, [T, N, ...].
        step: Number of the step, from 0.
        like: A value of the name, type and shape of one step.
    """
    builder = NodeBuilder(graph)
    inputs = [stream, step]
    return builder.node("Gather", inputs, f"{like.name}.step", _ALONG_TIME, like=like)


def read_first_slice(
    graph: ir.Graph, event: ir.Value, readers: Iterable[ir.Node]
) -> None:
    """Let those of ``readers`` that read ``event``, for its shape, read its first slice."""
    outside = [node for node in readers if event in reads(node)]
    if not outside:
        return
    index = np.array(0, np.int64)
    zero = constant(graph, f"{event.name}.zero", index)
    inputs = [event, zero]
    first = NodeBuilder(graph).add(
        "Gather", inputs, f"{event.name}.first", _ALONG_TIME, like=event
    )
    for reader in outside:
        rewire(reader, event, first)

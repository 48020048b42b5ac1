"""Pools as a reader has them: sums, means, or convolutions."""

from __future__ import annotations

import dataclasses

import numpy as np

from onnx2snn.exporting.layers import (
    Convolution,
    Flattening,
    LayerGraph,
    Pool,
    Product,
)
from onnx2snn.exporting.passes.linear_layers import identity, scaled_inputs

__all__ = [
    "AVERAGE",
    "POOLS",
    "SUM",
    "choose_pools",
]

SUM = "sum"
AVERAGE = "avg"

POOLS = (SUM, AVERAGE)
"""The forms of pools: that of their sums, and that of their means."""


def choose_pools(graph: LayerGraph, form: str) -> None:
    """Let all pools be sums, or means; exact.

        before:  W mean(x)
        after:   (W / k) sum(x), with k elements in a window

    Args:
        graph: The layers.
        form: One of ``POOLS``.
    """
    wants_sum = form == SUM
    for name in graph.named(Pool):
        pool = graph.layers[name]
        assert isinstance(pool, Pool)  # named so
        if pool.is_sum != wants_sum:
            factor = 1 / pool.taps if wants_sum else float(pool.taps)
            graph.layers[name] = dataclasses.replace(pool, is_sum=wants_sum)
            _scale_readers(graph, name, factor)


def _scale_readers(graph: LayerGraph, name: str, factor: float) -> None:
    """Let what reads a layer read so many times as much."""
    for reader in graph.readers(name):
        layer = graph.layers[reader]
        reads_only_it = graph.sources[reader] == (name,)
        is_linear = isinstance(layer, Convolution | Product)
        if is_linear and reads_only_it:
            assert isinstance(layer, Convolution | Product)
            graph.layers[reader] = scaled_inputs(layer, factor)
        elif not is_linear and reads_only_it and _passes_factors(graph, reader):
            _scale_readers(graph, reader, factor)
        else:
            same = identity(graph.shapes[name])
            weight = np.asarray(same.weight * factor)
            made = dataclasses.replace(same, weight=weight)
            graph.insert(reader, f"{name}.scaled", made, [name])


def _passes_factors(graph: LayerGraph, name: str) -> bool:
    """Whether a layer makes of multiples of its input multiples of its output."""
    return isinstance(graph.layers[name], Flattening | Pool)

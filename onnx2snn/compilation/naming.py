"""Names of the library's operators that are in no file that was not compiled."""

from __future__ import annotations

__all__ = [
    "PACKED",
    "REAL_CONV",
    "REAL_MATMUL",
    "SPIKE_CONV",
    "SPIKE_MATMUL",
    "WEIGHTED",
]

PACKED = "Packed"
"""What follows the name of a neuron that gives bytes."""

SPIKE_CONV = "SpikeConv"
SPIKE_MATMUL = "SpikeMatMul"
REAL_CONV = "RealConv"
REAL_MATMUL = "RealMatMul"

WEIGHTED = (SPIKE_CONV, SPIKE_MATMUL, REAL_CONV, REAL_MATMUL)
"""Weights that multiply spikes, or real numbers; with the name of a neuron behind, drive it."""

"""Names of the library's operators that are in no file that was not compiled."""

from __future__ import annotations

__all__ = ["PACKED", "REAL", "SPIKE", "WEIGHTED"]

PACKED = "Packed"
"""What follows the name of a neuron that gives bytes."""

SPIKE = "Spike"
"""What begins the names of weighted operators that multiply spikes."""

REAL = "Real"
"""What begins the names of those that multiply other numbers."""

_OPERATORS = ("Conv", "ConvTranspose", "MatMul")

WEIGHTED = tuple(f"{kind}{op}" for kind in (SPIKE, REAL) for op in _OPERATORS)
"""Weights alone. With the name of a neuron behind, they drive it."""

"""The types of weights that spikes multiply in a file."""

from __future__ import annotations

__all__ = ["FLOAT", "INT8", "WEIGHT_TYPES"]

FLOAT = "float"
"""Name of weights as they are: real numbers."""

INT8 = "int8"
"""Name of weights of 8 bits: whole numbers, times one step for each output."""

WEIGHT_TYPES = (FLOAT, INT8)
"""Names of the types."""

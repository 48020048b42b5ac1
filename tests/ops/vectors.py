"""Inputs of the operators of ai.onnx2snn, for their tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx2snn.ops import StepOp


def vectors_of(
    op: StepOp,
    shape: tuple[int, ...],
    spread: dict[str, tuple[int, ...]],
    dtype: type,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return inputs on a coarse dyadic grid, so that many potentials lie on a threshold.

    Args:
        op: The operator.
        shape: Shape of its stream.
        spread: Shape of each ``state``, and of each ``threshold`` and other constant.
        dtype: Type of real numbers.
        seed: Of the generator.
    """
    rng = np.random.default_rng(seed)
    vectors = {}
    for name in op.inputs:
        if name in op.integers:
            vectors[name] = rng.integers(1, 2**31 - 1, spread["state"])
            continue
        spread_name, low, high, unit = _form_of(op, name)
        size = shape if spread_name is None else spread[spread_name]
        value = rng.integers(low, high, size) / unit
        vectors[name] = np.asarray(value, dtype)
    return vectors


_NUMBERS = {
    "count": ("state", 0, 3, 1),
    "written": ("state", 0, 3, 1),
    "max_spikes": ("threshold", 1, 4, 1),
    "fires": ("threshold", 0, 2, 1),
    "leak": ("threshold", 5, 9, 4),
    "v_threshold": ("threshold", 2, 6, 4),
    "v_threshold_negative": ("threshold", 2, 6, 4),
    "magnitude": ("threshold", 2, 6, 4),
}
"""Name of an input to the name of its shape, its least numerator, the next too large, the unit."""


def _form_of(op: StepOp, name: str) -> tuple[str | None, int, int, int]:
    if name in _NUMBERS:
        return _NUMBERS[name]
    return ("state" if name in op.state else None, -6, 7, 4)

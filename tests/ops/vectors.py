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
        if name == "count":
            value = rng.integers(0, 3, spread["state"])
        elif name == "max_spikes":
            value = rng.integers(1, 4, spread["threshold"])
        elif name == "leak":
            value = rng.integers(5, 9, spread["threshold"]) / 4
        elif name.startswith(("v_threshold", "magnitude")):
            value = rng.integers(2, 6, spread["threshold"]) / 4
        elif name in op.state:
            value = rng.integers(-6, 7, spread["state"]) / 4
        else:
            value = rng.integers(-6, 7, shape) / 4
        vectors[name] = np.asarray(value, dtype)
    return vectors

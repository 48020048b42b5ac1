"""Real numbers that the integers of a linear quantizer stand for."""

from __future__ import annotations

import numpy as np

__all__ = ["along_axis", "real_numbers"]


def real_numbers(
    integers: np.ndarray,
    scale: np.ndarray,
    zero_point: np.ndarray,
    axis: int | None = None,
    block: int = 0,
) -> np.ndarray:
    """Return ``(integers - zero_point) * scale`` in float32, computed as ONNX says.

    Args:
        integers: Numbers of a type that a quantizer gives; of a float8 type as well.
        scale: One number, [C] along ``axis``, or with ``block`` an array as ``integers``, but
            with fewer entries along ``axis``.
        zero_point: Of the shape of ``scale``.
        axis: Axis along which scales differ; None for one scale.
        block: Number of entries along ``axis`` that share a scale; 0 if each has its own.
    """
    shape = integers.shape
    steps = _spread_over(scale.astype(np.float32), shape, axis, block)
    zeros = _spread_over(zero_point.astype(np.float32), shape, axis, block)
    numbers = integers.astype(np.float32)
    real = (numbers - zeros) * steps
    return np.asarray(real, np.float32)


def _spread_over(
    values: np.ndarray, shape: tuple[int, ...], axis: int | None, block: int
) -> np.ndarray:
    """Return ``values`` so that they broadcast to ``shape``."""
    if axis is None:
        return values
    if block:
        repeated = values.repeat(block, axis)
        return repeated.take(range(shape[axis]), axis)
    return along_axis(values, axis, len(shape))


def along_axis(values: np.ndarray, axis: int | None, rank: int) -> np.ndarray:
    """Return ``values`` [C] with the shape [1.., C, ..1] that lies along ``axis`` of ``rank``."""
    shape = [1] * rank
    if axis is not None:
        shape[axis] = values.size
    return values.reshape(shape)

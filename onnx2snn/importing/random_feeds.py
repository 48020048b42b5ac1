"""Random feeds for any model, by what onnxruntime says of its inputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnxruntime as ort
    from numpy.typing import DTypeLike

__all__ = ["random_feeds"]

_SIZES = (
    (2, 1),
    (1, 1),
    (1, 32),
    (1, 16),
    (2, 64),
    (1, 224),
)
"""Sizes of a symbolic batch, and of any other symbolic axis, in the order they are tried."""

_TYPES: dict[str, DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bfloat16)": ir.DataType.BFLOAT16.numpy(),
    "tensor(bool)": np.bool_,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(uint32)": np.uint32,
    "tensor(int64)": np.int64,
    "tensor(uint64)": np.uint64,
}
_BATCH = re.compile(r"^(n|b|.*batch.*)$", re.IGNORECASE)


def random_feeds(inputs: list[ort.NodeArg]) -> Iterator[dict[str, np.ndarray]]:
    """Yield seeded feeds of several sizes; one if all sizes are fixed.

    Floats are unit normal, integers 0 to 3, those of 8 bits all there are: they may be an
    image, or quantized, and are no index. None if an input is of another type.
    """
    if not all(spec.type in _TYPES for spec in inputs):
        return
    shapes = [spec.shape for spec in inputs]
    is_fixed = all(isinstance(size, int) for shape in shapes for size in shape)
    for batch, other in _SIZES[:1] if is_fixed else _SIZES:
        generator = np.random.default_rng(0)
        feeds = {}
        for spec in inputs:
            shape = _filled_shape(spec.shape, batch, other)
            feeds[spec.name] = _random_array(_TYPES[spec.type], shape, generator)
        yield feeds


def _filled_shape(shape: list[int | str | None], batch: int, other: int) -> list[int]:
    """Return ``shape`` with numbers for symbols; the first axis is taken for the batch."""
    sizes = []
    for axis, size in enumerate(shape):
        if isinstance(size, int) and size > 0:
            sizes.append(size)
        elif axis == 0 or _is_batch(size):
            sizes.append(batch)
        else:
            sizes.append(other)
    return sizes


def _is_batch(size: int | str | None) -> bool:
    return isinstance(size, str) and _BATCH.match(size) is not None


def _random_array(
    dtype_like: DTypeLike, shape: list[int], generator: np.random.Generator
) -> np.ndarray:
    dtype = np.dtype(dtype_like)
    if ir.DataType.from_numpy(dtype).is_floating_point():
        normal = generator.standard_normal(shape)
        return np.asarray(normal).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1:
        return generator.integers(0, 256, shape).astype(np.uint8).view(dtype)
    return generator.integers(0, 4, shape).astype(dtype)

"""Resize of ONNX as a torch function of attributes and inputs.

It is linear, and done along one axis after the other: as a product with a matrix, which is
what onnxruntime makes of one-hot rows.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch

from onnx2snn.runtime.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    Attributes = Mapping[str, Any]

__all__ = ["RESIZE_DEFAULTS", "resize"]

RESIZE_DEFAULTS = {
    "antialias": 0,
    "coordinate_transformation_mode": "half_pixel",
    "cubic_coeff_a": -0.75,
    "exclude_outside": 0,
    "mode": "nearest",
    "nearest_mode": "round_prefer_floor",
}
"""Attributes that say how elements between others are computed, with their defaults."""

_MOST_MATRICES = 64


def resize(
    attributes: Attributes,
    x: Tensor,
    roi: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    """Return Resize of ``x``; no part of it is cut out, and sides are stretched."""
    del roi
    given = attributes.get("axes")
    axes = list(range(x.dim())) if given is None else list(given)
    chosen = {**RESIZE_DEFAULTS, **attributes}
    how = tuple((name, chosen[name]) for name in RESIZE_DEFAULTS)
    for position, axis in enumerate(axes):
        length = x.shape[axis]
        if sizes is not None and sizes.numel():
            size = int(sizes[position])
            scale = size / length
        else:
            assert scales is not None  # one of the two is there
            scale = float(scales[position])
            size = int(length * scale)
        if (size, scale) != (length, 1):
            matrix = _axis_matrix(how, length, scale, size)
            moved = x.movedim(axis, -1) @ matrix.to(x.dtype)
            x = moved.movedim(-1, axis)
    return x


@functools.lru_cache(maxsize=_MOST_MATRICES)
def _axis_matrix(
    how: tuple[tuple[str, Any], ...], length: int, scale: float, size: int
) -> Tensor:
    """Return by what a row is multiplied when its axis is resized, [length, size]."""
    node = onnx.helper.make_node("Resize", ["x", "", "scales"], ["y"], **dict(how))
    factors = np.array([1, scale], np.float32)
    number = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "resize",
        [onnx.helper.make_tensor_value_info("x", number, [length, length])],
        [onnx.helper.make_tensor_value_info("y", number, None)],
        [onnx.numpy_helper.from_array(factors, "scales")],
    )
    opset = onnx.helper.make_opsetid("", 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    session = open_session(model, optimized=False, threads=1)
    (rows,) = session.run(None, {"x": np.eye(length, dtype=np.float32)})
    return torch.from_numpy(np.array(rows)[:, :size])

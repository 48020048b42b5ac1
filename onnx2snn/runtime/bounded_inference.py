"""Shape inference whose cost does not grow with the sizes that a model declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx.shape_inference

from onnx2snn.storage.protos import all_graphs

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["infer_bounded"]

_LONGEST = 2**16
"""Entries of a vector up to which onnx may follow its contents: no shape has as many."""


def infer_bounded(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model with the shapes that onnx infers, from the contents of values as well.

    onnx follows what short vectors hold, since they may be shapes, and writes every entry of
    every vector down: 10**9 of them in a minute, in gigabytes. So shapes are inferred without
    that first, and a model with a longer vector stays as it is then.

    Args:
        proto: The model, without large weights.
    """
    plain = onnx.shape_inference.infer_shapes(proto)
    if any(size > _LONGEST for size in _lengths_of_vectors(plain)):
        return plain
    return onnx.shape_inference.infer_shapes(proto, data_prop=True)


def _lengths_of_vectors(proto: onnx.ModelProto) -> Iterator[int]:
    """Yield the sizes of all values of one axis."""
    for graph in all_graphs(proto):
        for value in (*graph.input, *graph.value_info, *graph.output):
            dims = value.type.tensor_type.shape.dim
            if len(dims) == 1:
                yield dims[0].dim_value

"""Shape inference whose cost does not grow with the sizes that a model declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx.shape_inference
from onnx import numpy_helper

from onnx2snn.storage.protos import all_graphs, all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["infer_bounded"]

_LONGEST = 2**16
"""Entries of a vector up to which onnx may follow its contents: no shape has as many."""

_LARGE = 2**22
"""A size from which a vector takes long."""

_LARGE_FACTOR = 2**12
"""A size from which a product of two is such a size."""

_FOLLOWED = frozenset(
    ("Add", "Cast", "Concat", "Gather", "Mul", "Slice", "Squeeze", "Sub", "Unsqueeze")
)
"""Operators through which onnx follows the contents of values, entry by entry."""

_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


def infer_bounded(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model with the shapes that onnx infers, from the contents of values as well.

    onnx follows what short vectors hold, since they may be shapes, and writes every entry of
    every vector down: 10**9 of them in a minute, in gigabytes. So shapes are inferred without
    that first. A model with a longer vector stays as it is then, and so does one that may have
    one: it computes with a large number, and has a value whose size is not known yet.

    Args:
        proto: The model, without large weights.
    """
    plain = onnx.shape_inference.infer_shapes(proto)
    sizes = _sizes_of_vectors(plain)
    if any(size > _LONGEST for size in sizes.values()):
        return plain
    has_large = _has_large_number(proto) or _reads_large_shape(plain)
    if has_large and _follows_unknown(plain, sizes):
        return plain
    return onnx.shape_inference.infer_shapes(proto, data_prop=True)


def _sizes_of_vectors(proto: onnx.ModelProto) -> dict[str, int]:
    """Return the sizes of values of one axis, 0 where it is not known, and -1 for other shapes."""
    sizes = {}
    for graph in all_graphs(proto):
        for tensor in graph.initializer:
            sizes[tensor.name] = tensor.dims[0] if len(tensor.dims) == 1 else -1
        for value in (*graph.input, *graph.value_info, *graph.output):
            tensor_type = value.type.tensor_type
            if tensor_type.HasField("shape"):
                dims = tensor_type.shape.dim
                sizes[value.name] = dims[0].dim_value if len(dims) == 1 else -1
    return sizes


def _follows_unknown(proto: onnx.ModelProto, sizes: dict[str, int]) -> bool:
    """Whether onnx may follow the contents of a value whose size is not known."""
    followed = (node for node in all_nodes(proto) if node.op_type in _FOLLOWED)
    return any(not sizes.get(name, 0) for node in followed for name in node.input)


def _has_large_number(proto: onnx.ModelProto) -> bool:
    """Whether a constant integer may be a large size; where a Slice ends is none."""
    nodes = list(all_nodes(proto))
    read = {name for node in nodes if node.op_type != "Slice" for name in node.input}
    for name, numbers in _constants(proto, nodes):
        if name in read and any(number >= _LARGE for number in numbers):
            return True
    return False


def _reads_large_shape(proto: onnx.ModelProto) -> bool:
    """Whether a Shape or Size reads a value of large size, with which a model may compute."""
    nodes = all_nodes(proto)
    read = {node.input[0] for node in nodes if node.op_type in ("Shape", "Size")}
    for graph in all_graphs(proto):
        for value in (*graph.input, *graph.value_info):
            dims = value.type.tensor_type.shape.dim
            is_large = any(dim.dim_value >= _LARGE_FACTOR for dim in dims)
            if is_large and value.name in read:
                return True
    return False


def _constants(
    proto: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]
) -> Iterator[tuple[str, Iterable[int]]]:
    """Yield the constant integers of a model, with the name of the value that holds them."""
    for graph in all_graphs(proto):
        for tensor in graph.initializer:
            yield tensor.name, _integers_in(tensor)
    for node in nodes:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                numbers = [attribute.i, *attribute.ints, *_integers_in(attribute.t)]
                yield node.output[0], numbers


def _integers_in(tensor: onnx.TensorProto) -> Iterable[int]:
    if tensor.data_type not in _INTEGERS:
        return ()
    numbers: Iterable[int] = numpy_helper.to_array(tensor).reshape(-1).tolist()
    return numbers

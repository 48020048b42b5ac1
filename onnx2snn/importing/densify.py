"""Write the sparse tensors of a ``ModelProto`` as dense ones: onnx_ir would drop them."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.budget import check_memory
from onnx2snn.errors import InvalidModelError
from onnx2snn.storage.protos import all_graphs, all_nodes, all_sparse_tensors

__all__ = ["densify", "has_sparse_tensors"]


def has_sparse_tensors(model: onnx.ModelProto) -> bool:
    """Whether there are sparse initializers or attributes, subgraphs included."""
    return any(True for _ in all_sparse_tensors(model))


def densify(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return a copy in which every sparse tensor is a dense one of the same name.

    before:  sparse_initializer W (values, indices, dims)
    after:   initializer W, zero where W had no entry

    Args:
        model: The model.
        name: Its name in messages.

    Raises:
        InvalidModelError: Values, indices and sizes of a sparse tensor do not fit together.
        LimitError: A tensor takes more memory than may be taken.
    """
    for sparse in all_sparse_tensors(model):
        problem = _problem(sparse)
        if problem is not None:
            tensor = f"sparse tensor {sparse.values.name!r}"
            message = f"{name} is not a valid ONNX model: {tensor} {problem}"
            raise InvalidModelError(message)
        numbers = math.prod(sparse.dims)
        check_memory(8.0 * numbers, f"sparse tensor {sparse.values.name!r} of {name}")
    dense = onnx.ModelProto()
    dense.CopyFrom(model)
    for graph in all_graphs(dense):
        graph.initializer.extend(map(_dense_tensor, graph.sparse_initializer))
        del graph.sparse_initializer[:]
    for node in filter(_is_sparse_constant, all_nodes(dense)):
        (attribute,) = node.attribute
        tensor = _dense_tensor(attribute.sparse_tensor)
        attribute.CopyFrom(onnx.helper.make_attribute("value", tensor))
    return dense


def _dense_tensor(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    values = numpy_helper.to_array(sparse.values)
    indices = numpy_helper.to_array(sparse.indices)
    data = np.zeros(tuple(sparse.dims), values.dtype)
    if indices.ndim == 1:
        data.reshape(-1)[indices] = values
    else:
        data[tuple(indices.T)] = values
    return numpy_helper.from_array(data, sparse.values.name)


def _problem(sparse: onnx.SparseTensorProto) -> str | None:
    """Say in what a sparse tensor contradicts itself, None if in nothing."""
    external = onnx.TensorProto.EXTERNAL
    parts = (sparse.values, sparse.indices)
    if any(part.data_location == external or part.external_data for part in parts):
        return "is in another file: only dense tensors may be"
    try:
        values, indices = map(numpy_helper.to_array, parts)
    except Exception as error:  # noqa: BLE001 (onnx's errors have no common class)
        return f"cannot be read: {error}"
    dims = tuple(sparse.dims)
    if not dims or min(dims) < 1:
        return f"has the shape {list(dims)}"
    if values.ndim != 1 or values.dtype.hasobject:
        return f"has values of shape {list(values.shape)} and type {values.dtype}"
    return _index_problem(indices, len(values), dims)


def _index_problem(
    indices: np.ndarray, count: int, dims: tuple[int, ...]
) -> str | None:
    """Say why indices do not place so many values in a tensor, None if they do."""
    shapes = ((count,), (count, len(dims)))
    if indices.dtype != np.int64 or indices.shape not in shapes:
        return (
            f"has indices of shape {list(indices.shape)} and type {indices.dtype} for {count} "
            f"values of a tensor {list(dims)}"
        )
    ends = np.array(dims, object) if indices.ndim == 2 else math.prod(dims)
    is_inside = (indices >= 0) & (indices < ends)
    return None if is_inside.all() else f"has indices outside of its shape {list(dims)}"


def _is_sparse_constant(node: onnx.NodeProto) -> bool:
    names = [attribute.name for attribute in node.attribute]
    return node.op_type == "Constant" and names == ["sparse_value"]

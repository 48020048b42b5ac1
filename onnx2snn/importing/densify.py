"""Write the sparse tensors of a ``ModelProto`` as dense ones: onnx_ir would drop them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.storage.protos import all_graphs, all_nodes

__all__ = ["densify", "has_sparse_tensors"]


def has_sparse_tensors(model: onnx.ModelProto) -> bool:
    """Whether there are sparse initializers or Constant nodes, subgraphs included."""
    if any(graph.sparse_initializer for graph in all_graphs(model)):
        return True
    return any(_is_sparse_constant(node) for node in all_nodes(model))


def densify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which every sparse tensor is a dense one of the same name.

    before:  sparse_initializer W (values, indices, dims)
    after:   initializer W, zero where W had no entry
    """
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


def _is_sparse_constant(node: onnx.NodeProto) -> bool:
    names = [attribute.name for attribute in node.attribute]
    return node.op_type == "Constant" and names == ["sparse_value"]

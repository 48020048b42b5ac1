"""Write the sparse tensors of a ``ModelProto`` as dense ones: onnx_ir would drop them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from onnx2snn.importing.protos import graphs, nodes

__all__ = ["densify", "has_sparse_tensors"]


def has_sparse_tensors(model: onnx.ModelProto) -> bool:
    """Whether there are sparse initializers or Constant nodes, subgraphs included."""
    return any(True for graph in graphs(model) if graph.sparse_initializer) or any(
        _is_sparse_constant(node) for node in nodes(model)
    )


def densify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which every sparse tensor is a dense one of the same name.

    before:  sparse_initializer W (values, indices, dims)
    after:   initializer W, zero where W had no entry
    """
    dense = onnx.ModelProto()
    dense.CopyFrom(model)
    for graph in graphs(dense):
        graph.initializer.extend(map(_dense, graph.sparse_initializer))
        del graph.sparse_initializer[:]
    for node in filter(_is_sparse_constant, nodes(dense)):
        tensor = _dense(node.attribute[0].sparse_tensor)
        node.attribute[0].CopyFrom(onnx.helper.make_attribute("value", tensor))
    return dense


def _dense(sparse: onnx.SparseTensorProto) -> onnx.TensorProto:
    values = numpy_helper.to_array(sparse.values)
    indices = numpy_helper.to_array(sparse.indices)
    data = np.zeros(tuple(sparse.dims), values.dtype)
    if indices.ndim == 1:
        data.reshape(-1)[indices] = values
    else:
        data[tuple(indices.T)] = values
    return numpy_helper.from_array(data, sparse.values.name)


def _is_sparse_constant(node: onnx.NodeProto) -> bool:
    return node.op_type == "Constant" and [a.name for a in node.attribute] == [
        "sparse_value"
    ]

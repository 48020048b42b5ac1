"""From a ``ModelProto`` to ``onnx_ir`` and back, although onnx_ir has no types of maps.

``ai.onnx.ml.ZipMap`` gives a sequence of maps, as most classifiers of scikit-learn do.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir
from onnx.helper import make_map_type_proto, make_sequence_type_proto

from onnx2snn.storage.protos import all_graphs

__all__ = ["has_map", "model_of", "proto_of"]

_KEYS = {
    "classlabels_int64s": onnx.TensorProto.INT64,
    "classlabels_strings": onnx.TensorProto.STRING,
}
"""Attributes of ZipMap that hold classes, and the type of the keys in its maps."""


def model_of(proto: onnx.ModelProto) -> ir.Model:
    """Return a model; values that hold maps have no type in it."""
    if any(map(has_map, _values_of(proto))):
        without = onnx.ModelProto()
        without.CopyFrom(proto)
        for value in filter(has_map, _values_of(without)):
            value.ClearField("type")
        proto = without
    return ir.from_proto(proto)


def proto_of(model: ir.Model) -> onnx.ModelProto:
    """Return the proto of a model; outputs that are maps get their type back."""
    proto = ir.to_proto(model)
    declared = zip(model.graph.outputs, proto.graph.output, strict=True)
    for value, info in declared:
        node = value.producer()
        if value.type is None and node is not None and _makes_maps(node):
            info.type.CopyFrom(_type_of_maps(node))
    return proto


def has_map(value: onnx.ValueInfoProto) -> bool:
    """Whether a value is a map, or a sequence of maps."""
    found = value.type
    kind = found.WhichOneof("value")
    while kind in {"sequence_type", "optional_type"}:
        found = getattr(found, kind).elem_type
        kind = found.WhichOneof("value")
    return bool(kind == "map_type")


def _values_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    values = []
    for graph in all_graphs(model):
        values += [*graph.input, *graph.output, *graph.value_info]
    return values


def _makes_maps(node: ir.Node) -> bool:
    return (node.domain, node.op_type) == ("ai.onnx.ml", "ZipMap")


def _type_of_maps(node: ir.Node) -> onnx.TypeProto:
    """Return the type of the result of a ZipMap: maps from its classes to numbers."""
    number = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, [])
    keys = [key for name, key in _KEYS.items() if name in node.attributes]
    return make_sequence_type_proto(make_map_type_proto(keys[0], number))

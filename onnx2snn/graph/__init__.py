"""ONNX graphs: reading, building and rewriting them. Nothing here knows of spikes."""

from onnx2snn.graph.building import (
    NodeBuilder,
    NodeWriter,
    constant,
    copied,
    forget_names,
    fresh_name,
    set_array,
)
from onnx2snn.graph.reading import (
    array,
    boundary,
    closure,
    dependency_graph,
    display_name,
    has_one_reader,
    is_constant,
    is_float,
    is_op,
    reads,
    subgraphs,
)
from onnx2snn.graph.rewriting import (
    remove_unused,
    replace_by_value,
    replace_node,
    replace_value,
    rewire,
    take_over,
)

__all__ = [
    "NodeBuilder",
    "NodeWriter",
    "array",
    "boundary",
    "closure",
    "constant",
    "copied",
    "dependency_graph",
    "display_name",
    "forget_names",
    "fresh_name",
    "has_one_reader",
    "is_constant",
    "is_float",
    "is_op",
    "reads",
    "remove_unused",
    "replace_by_value",
    "replace_node",
    "replace_value",
    "rewire",
    "set_array",
    "subgraphs",
    "take_over",
]

"""Write recurrent operators whose batch comes first as those whose batch comes second."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, fresh_name, is_op, take_over

__all__ = ["LowerBatchwiseRecurrence"]

_STATES = (5, 6)
"""Positions of the initial states."""

_SWAPPED = [1, 0, 2]
_ORDERS = ([2, 0, 1, 3], _SWAPPED, _SWAPPED)
"""What brings each output back to where the batch comes first."""


@dataclasses.dataclass(frozen=True)
class LowerBatchwiseRecurrence(ir.passes.InPlacePass):
    """Put transpositions around a GRU, LSTM or RNN with ``layout = 1``.

        before:  y, h = LSTM<layout = 1>(x, W, R)
        after:   t = Transpose(x);  u, v = LSTM(t, W, R);  y = Transpose(u);  h = Transpose(v)

    Exact. onnxruntime runs the second form only. Main graph and subgraphs.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite every such node."""
        lowered = [_lower(node) for graph in model.graphs() for node in tuple(graph)]
        return ir.passes.PassResult(model, modified=any(lowered))


def _lower(node: ir.Node) -> bool:
    if (
        not is_op(node, "GRU", "LSTM", "RNN")
        or node.attributes.get_int("layout", 0) == 0
    ):
        return False
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    inputs = list(node.inputs)
    for at, value in enumerate(inputs):
        if value is not None and (at == 0 or at in _STATES):
            inputs[at] = _transposed(node, value, _SWAPPED, str(value.name))
    attributes = {
        key: value for key, value in node.attributes.items() if key != "layout"
    }
    new = ir.node(
        node.op_type, inputs, attributes, num_outputs=len(node.outputs), name=node.name
    )
    graph.insert_before(node, new)
    for old, value, order in zip(node.outputs, new.outputs, _ORDERS, strict=False):
        value.type, value.name = old.type, old.name
        if old.name:
            value.name = fresh_name(graph, f"{old.name}.sequence_first")
            take_over(old, _transposed(node, value, order, old.name))
    graph.remove(node, safe=True)
    return True


def _transposed(
    node: ir.Node, value: ir.Value, order: list[int], name: str
) -> ir.Value:
    """Return ``value`` with its axes in another order, made in front of ``node``."""
    builder = NodeBuilder.before(node)
    name = f"{name}.transposed"
    result = builder.add("Transpose", [value], name, {"perm": order})
    result.type = value.type
    return result

"""Write recurrent operators whose batch comes first as those whose batch comes second."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, fresh_name, is_op, take_over

__all__ = ["LowerBatchwiseRecurrence"]

_X = 0
"""Position of the sequence."""

_STATES = (5, 6)
"""Positions of the initial states."""

_SWAPPED = [1, 0, 2]
_ORDERS = ([2, 0, 1, 3], _SWAPPED, _SWAPPED)
"""Orders of axes that bring each output back to where the batch comes first."""


@dataclass(frozen=True)
class LowerBatchwiseRecurrence(ir.passes.InPlacePass):
    """Put transpositions around a GRU, LSTM or RNN with ``layout = 1``.

        before:  y, h = LSTM<layout = 1>(x, W, R)
        after:   t = Transpose(x);  u, v = LSTM(t, W, R);  y = Transpose(u);  h = Transpose(v)

    Exact. onnxruntime runs the second form only. Main graph and subgraphs.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite every such node."""
        modified = False
        for graph in model.graphs():
            for node in tuple(graph):
                if _is_batchwise(node):
                    _put_between_transpositions(graph, node)
                    modified = True
        return ir.passes.PassResult(model, modified=modified)


def _is_batchwise(node: ir.Node) -> bool:
    if not is_op(node, "GRU", "LSTM", "RNN"):
        return False
    return node.attributes.get_int("layout", 0) != 0


def _put_between_transpositions(graph: ir.Graph, node: ir.Node) -> None:
    new = _build_sequence_first(node)
    graph.insert_before(node, new)
    for old, value, order in zip(node.outputs, new.outputs, _ORDERS, strict=False):
        value.type = old.type
        value.name = old.name
        if old.name:
            value.name = fresh_name(graph, f"{old.name}.sequence_first")
            swapped_back = _put_transpose(node, value, order, old.name)
            take_over(old, swapped_back)
    graph.remove(node, safe=True)


def _build_sequence_first(node: ir.Node) -> ir.Node:
    """Return a node of no graph yet, like ``node``, that reads the sequence first."""
    inputs = list(node.inputs)
    for position in (_X, *_STATES):
        value = inputs[position] if position < len(inputs) else None
        if value is not None:
            inputs[position] = _put_transpose(node, value, _SWAPPED, str(value.name))
    attributes = dict(node.attributes)
    del attributes["layout"]
    return ir.node(
        node.op_type,
        inputs,
        attributes,
        num_outputs=len(node.outputs),
        name=node.name,
    )


def _put_transpose(
    node: ir.Node, value: ir.Value, order: list[int], name: str
) -> ir.Value:
    """Return ``value`` with its axes in another order, made in front of ``node``."""
    builder = NodeBuilder.before(node)
    name = f"{name}.transposed"
    result = builder.add("Transpose", [value], name, {"perm": order})
    result.type = value.type
    return result

"""Pool before the activation, so that the neurons fire on what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.analysis.rectifiers import is_rectifier
from onnx2snn.graph import (
    NodeBuilder,
    display_name,
    has_one_reader,
    is_op,
    is_read,
    take_over,
)
from onnx2snn.graph.sources import add_sources
from onnx2snn.metadata.scale import QUANTIZER_RANGE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MoveMaxPool"]


@dataclass(frozen=True)
class MoveMaxPool(ir.passes.InPlacePass):
    """Swap an activation and the max pooling behind it.

        before:  y = MaxPool(Relu(x))
        after:   y = Relu(MaxPool(x))

    Exact: the activations that neurons replace never decrease. The neurons are fewer, and no
    maximum has to be taken over spikes.

    Left as they are: an activation with another reader, and a MaxPool whose indices are read.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Swap in the main graph."""
        modified = False
        for node in tuple(model.graph):
            if not is_op(node, "MaxPool", "GlobalMaxPool"):
                continue
            activation = _movable_activation(node)
            if activation is not None:
                _swap_nodes(model.graph, activation, node)
                modified = True
        return ir.passes.PassResult(model, modified=modified)


def _movable_activation(pool: ir.Node) -> ir.Node | None:
    """Return the activation that ``pool`` may change places with."""
    value = pool.inputs[0]
    if value is None or not has_one_reader(value):
        return None
    activation = value.producer()
    if activation is None or not is_rectifier(activation):
        return None
    if _indices_are_read(pool):
        return None
    return activation


def _indices_are_read(pool: ir.Node) -> bool:
    indices = pool.outputs[1:]
    return any(map(is_read, indices))


def _swap_nodes(graph: ir.Graph, activation: ir.Node, pool: ir.Node) -> None:
    """Rewrite ``pool(activation(x))`` as ``activation(pool(x))``."""
    x, *parameters = activation.inputs
    pooled = activation.outputs[0]
    result = pool.outputs[0]
    new_pool = _build_alike(pool, [x])
    builder = NodeBuilder.before(pool)
    maximum = builder.put(new_pool, f"{pooled.name}.pooled", like=result)
    new_activation = _build_alike(activation, [maximum, *parameters])
    graph.insert_before(pool, new_activation)
    activated = new_activation.outputs[0]
    take_over(result, activated)
    found = QUANTIZER_RANGE.read(pooled)
    if found is not None:
        QUANTIZER_RANGE.write(activated, found)
    graph.remove([pool, activation], safe=True)


def _build_alike(node: ir.Node, inputs: Sequence[ir.Value | None]) -> ir.Node:
    """Return a node of no graph yet, like ``node``, that reads other values."""
    name = display_name(node)
    new = ir.node(node.op_type, inputs, node.attributes, name=name)
    add_sources(new, [node])
    return new

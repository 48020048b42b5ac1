"""Pool before the activation, so that the neurons fire on what is left."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.analysis.rectifiers import is_rectifier
from onnx2snn.graph import NodeBuilder, display_name, has_one_reader, is_op, take_over
from onnx2snn.metadata.scale import QUANTIZER_RANGE

__all__ = ["MoveMaxPool"]


@dataclasses.dataclass(frozen=True)
class MoveMaxPool(ir.passes.InPlacePass):
    """Swap an activation and the max pooling behind it.

        before:  y = MaxPool(Relu(x))
        after:   y = Relu(MaxPool(x))

    Exact: the activations that neurons replace never decrease. The neurons are fewer, and no
    maximum has to be taken over spikes.

    Left alone: an activation with another reader, and a MaxPool whose indices are read.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Swap in the main graph."""
        modified = False
        for node in list(model.graph):
            if not is_op(node, "MaxPool", "GlobalMaxPool"):
                continue
            activation = _movable_activation(node)
            if activation is not None:
                _swap(model.graph, activation, node)
                modified = True
        return ir.passes.PassResult(model, modified=modified)


def _movable_activation(pool: ir.Node) -> ir.Node | None:
    """Return the activation that ``pool`` may change places with."""
    value = pool.inputs[0]
    activation = None if value is None else value.producer()
    if value is None or activation is None or not is_rectifier(activation):
        return None
    indices_read = any(v.uses() or v.is_graph_output() for v in pool.outputs[1:])
    return activation if has_one_reader(value) and not indices_read else None


def _swap(graph: ir.Graph, activation: ir.Node, pool: ir.Node) -> None:
    """Rewrite ``pool(activation(x))`` as ``activation(pool(x))``."""
    pooled, result = activation.outputs[0], pool.outputs[0]
    x = activation.inputs[0]
    new_pool = ir.node(pool.op_type, [x], pool.attributes, name=display_name(pool))
    builder = NodeBuilder.before(pool)
    maximum = builder.put(new_pool, f"{pooled.name}.pooled", like=result)
    inputs = [maximum, *activation.inputs[1:]]
    new_activation = ir.node(
        activation.op_type, inputs, activation.attributes, name=display_name(activation)
    )
    graph.insert_before(pool, new_activation)
    take_over(result, new_activation.outputs[0])
    found = QUANTIZER_RANGE.read(pooled)
    if found is not None:
        QUANTIZER_RANGE.write(new_activation.outputs[0], found)
    graph.remove([pool, activation], safe=True)

"""What the spikes of a layer that fires alone stand for, by the step they are sent in."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, array, constant
from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.ops import ALL_OPS
from onnx2snn.schedules.loops import Carried

__all__ = ["SpikeWeightValues", "spike_weight", "spike_weights_of"]


def spike_weights_of(neuron: ir.Node) -> SpikeWeights:
    """Return the weights of the spikes of a neuron in a single-step graph."""
    inputs = dict(zip(ALL_OPS[neuron.op_type].inputs, neuron.inputs, strict=True))
    if "leak" not in inputs:
        return SpikeWeights()
    return SpikeWeights(float(array(inputs["leak"])))


@dataclasses.dataclass(frozen=True, eq=False)
class SpikeWeightValues:
    """The numbers of ``SpikeWeights`` as values of a graph, computed from its input T.

    Attributes:
        total: Sum of the weights, a scalar in the type of the potential.
        last: Weight of the last spike, likewise; None if it is 1.
    """

    total: ir.Value
    last: ir.Value | None

    @classmethod
    def write(
        cls,
        graph: ir.Graph,
        digits: SpikeWeights,
        time_steps: ir.Value,
        dtype: ir.DataType,
    ) -> SpikeWeightValues:
        """Append the nodes that compute them; the graph is to be sorted at the end.

        Powers are taken in double precision, where those of 2 are exact in every runtime.
        """
        if digits.leak == 1.0:
            return cls(_cast(graph, time_steps, "T.total", dtype), None)
        numbers = {"inverse": 1 / digits.leak, "one": 1.0, "leak": digits.leak}
        numbers["rest"] = 1 - 1 / digits.leak
        builder = NodeBuilder(graph)
        given = {
            key: constant(graph, f"T.{key}", np.array(n)) for key, n in numbers.items()
        }
        exponent = _cast(graph, time_steps, "T.double", ir.DataType.DOUBLE)
        power = builder.add(
            "Pow", [given["inverse"], exponent], "T.power", like=given["inverse"]
        )
        missing = builder.add(
            "Sub", [given["one"], power], "T.missing", like=given["one"]
        )
        total = builder.add("Div", [missing, given["rest"]], "T.sum", like=missing)
        last = builder.add("Mul", [power, given["leak"]], "T.smallest", like=power)
        return cls(
            _cast(graph, total, "T.total", dtype), _cast(graph, last, "T.last", dtype)
        )


def spike_weight(
    graph: ir.Graph, digits: SpikeWeights, dtype: ir.DataType, first: float, name: str
) -> tuple[ir.Node, Carried]:
    """Return the weight of a spike as a loop-carried scalar, and the node that makes the next.

    Args:
        graph: The graph around the loop.
        digits: What spikes weigh.
        dtype: Type of the weight.
        first: The weight in the first step of the loop.
        name: Name of the weight.
    """
    before = constant(graph, f"{name}_first", np.array(first, dtype.numpy()))
    leak = constant(graph, f"{name}_leak", np.array(digits.leak, dtype.numpy()))
    builder = NodeBuilder(graph)
    inside = builder.value(name, like=before)
    node = builder.node("Div", [inside, leak], f"{name}_next", like=inside)
    return node, Carried(before, inside, node.outputs[0])


def _cast(graph: ir.Graph, value: ir.Value, name: str, dtype: ir.DataType) -> ir.Value:
    found = NodeBuilder(graph).add("Cast", [value], name, {"to": int(dtype)}, value)
    found.type = ir.TensorType(dtype)
    return found

"""Weights of the spikes of a layer that fires alone, by the step they are sent in.

``methods.spike_weights`` counts the numbers that they write.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, array, constant, fresh_name
from onnx2snn.methods.spike_weights import SpikeWeights
from onnx2snn.schedules.finding import LAYER_STEPS
from onnx2snn.schedules.loops import Carried, named_inputs

__all__ = ["SpikeWeightValues", "spike_weight", "spike_weights_of"]


def spike_weights_of(neuron: ir.Node) -> SpikeWeights:
    """Return the weights of the spikes of a neuron of a single-step graph."""
    inputs = named_inputs(neuron)
    if "leak" not in inputs:
        return SpikeWeights()
    leak = array(inputs["leak"])
    return SpikeWeights(float(leak))


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
        weights: SpikeWeights,
        dtype: ir.DataType,
        time_steps: ir.Value,
    ) -> SpikeWeightValues:
        """Append the nodes that compute them; the graph is to be sorted at the end.

        Powers are taken in double precision, where those of 2 are exact in every runtime.

        Args:
            graph: The graph.
            weights: The weights.
            dtype: Type of the potential.
            time_steps: T.
        """
        factor = weights.leak
        if factor == 1.0:
            total = _cast(graph, time_steps, "T.total", dtype)
            _name_reader(graph, total)
            return cls(total, None)
        inverse_factor = 1 / factor
        inverse = constant(graph, "T.inverse", np.array(inverse_factor))
        one = constant(graph, "T.one", np.array(1.0))
        leak = constant(graph, "T.leak", np.array(factor))
        rest = constant(graph, "T.rest", np.array(1 - inverse_factor))
        builder = NodeBuilder(graph)
        exponent = _cast(graph, time_steps, "T.double", ir.DataType.DOUBLE)
        _name_reader(graph, exponent)
        operands = [inverse, exponent]
        power = builder.add("Pow", operands, "T.power", like=inverse)
        missing = builder.add("Sub", [one, power], "T.missing", like=one)
        total = builder.add("Div", [missing, rest], "T.sum", like=missing)
        last = builder.add("Mul", [power, leak], "T.smallest", like=power)
        return cls(
            total=_cast(graph, total, "T.total", dtype),
            last=_cast(graph, last, "T.last", dtype),
        )


def spike_weight(
    graph: ir.Graph, weights: SpikeWeights, dtype: ir.DataType, first: float, name: str
) -> tuple[ir.Node, Carried]:
    """Return the weight of a spike as a loop-carried scalar, and the node that makes the next.

    Args:
        graph: The graph around the loop.
        weights: The weights of all steps.
        dtype: Type of the weight.
        first: The weight in the first step of the loop.
        name: Name of the weight.
    """
    types = dtype.numpy()
    first_weight = np.array(first, types)
    before = constant(graph, f"{name}_first", first_weight)
    factor = np.array(weights.leak, types)
    leak = constant(graph, f"{name}_leak", factor)
    builder = NodeBuilder(graph)
    inside = builder.value(name, like=before)
    node = builder.node("Div", [inside, leak], f"{name}_next", like=inside)
    return node, Carried(before, inside, node.outputs[0])


def _name_reader(graph: ir.Graph, value: ir.Value) -> None:
    """Name the node that makes ``value`` of T, so that T is found again in the file."""
    node = value.producer()
    assert node is not None  # it was just written
    node.name = fresh_name(graph, LAYER_STEPS)


def _cast(graph: ir.Graph, value: ir.Value, name: str, dtype: ir.DataType) -> ir.Value:
    attributes = {"to": int(dtype)}
    builder = NodeBuilder(graph)
    found = builder.add("Cast", [value], name, attributes, like=value)
    found.type = ir.TensorType(dtype)
    return found

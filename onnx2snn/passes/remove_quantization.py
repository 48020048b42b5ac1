"""Take the quantisers out of a quantised network."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, constant, is_constant, is_op, label, replace_value, take_over

__all__ = ["RemoveQuantization"]


@dataclasses.dataclass(frozen=True)
class RemoveQuantization(ir.passes.InPlacePass):
    """Replace a QuantizeLinear and the DequantizeLinear behind it by the range they leave.

    With s the scale, z the zero point and q the limits of the integer type:

        before:  y = DequantizeLinear(QuantizeLinear(x, s, z), s, z)
        after:   y = Clip(x, s * (q_min - z), s * (q_max - z))    if the lower limit is 0
                 y = x                                            otherwise

    A quantiser whose range begins at 0 is an activation, and its upper limit bounds the
    threshold of the neuron. Any other only rounds and saturates what is linear: spikes round
    anew. Not exact: the difference is half a step s, and what saturates.

    Left alone: a quantiser with scales along an axis, or whose integers have other readers (an
    output, integer arithmetic); what dequantises an input of the network.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Rewrite the main graph."""
        modified = False
        for node in list(model.graph):
            if is_op(node, "DequantizeLinear"):
                modified = _remove(model.graph, node) or modified
        return ir.passes.PassResult(model, modified=modified)


def _remove(graph: ir.Graph, dequantize: ir.Node) -> bool:
    integers = dequantize.inputs[0]
    quantize = None if integers is None else integers.producer()
    if integers is None or quantize is None or not is_op(quantize, "QuantizeLinear"):
        return False
    x, limits = quantize.inputs[0], _limits(quantize)
    if x is None or limits is None or limits != _limits(dequantize):
        return False
    output = dequantize.outputs[0]
    low, high = limits
    if low == 0.0:
        bounds = [
            constant(graph, f"{output.name}.{name}", np.array(bound, np.float32))
            for name, bound in (("min", low), ("max", high))
        ]
        clip = ir.node("Clip", [x, *bounds], name=label(dequantize))
        graph.insert_before(dequantize, clip)
        take_over(output, clip.outputs[0])
    else:
        replace_value(output, x)
    graph.remove(dequantize, safe=True)
    if not integers.uses() and not integers.is_graph_output():
        graph.remove(quantize, safe=True)
    return True


def _limits(node: ir.Node) -> tuple[float, float] | None:
    """Return the smallest and largest number that the quantiser ``node`` can give."""
    scale = node.inputs[1]
    zero_point = node.inputs[2] if len(node.inputs) > 2 else None
    if not is_constant(scale) or array(scale).size != 1:
        return None
    if zero_point is not None and not is_constant(zero_point):
        return None
    zero = np.zeros([], np.uint8) if zero_point is None else array(zero_point)
    if not np.issubdtype(zero.dtype, np.integer):
        return None
    info = np.iinfo(zero.dtype)
    step, offset = float(array(scale).item()), int(zero.item())
    return step * (info.min - offset), step * (info.max - offset)

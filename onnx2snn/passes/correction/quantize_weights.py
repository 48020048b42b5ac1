"""Put weights that spikes drive on a grid of 8 bits."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.streams import NodeKind, Streams, find_streams
from onnx2snn.correction.threshold_folding import find_sums_of_spikes, fold_thresholds
from onnx2snn.graph import array, is_op, rank_of, remove_unused
from onnx2snn.graph.linear_weights import output_axis
from onnx2snn.graph.rounding import RoundedWeights
from onnx2snn.metadata.facts import ROUNDING_ERROR, WEIGHTS
from onnx2snn.methods.weight_types import INT8

__all__ = ["QuantizeWeights"]


@dataclasses.dataclass(frozen=True)
class QuantizeWeights(ir.passes.InPlacePass):
    """Put weights that spikes drive on a grid of 8 bits, and thresholds into them.

    With ``theta`` the threshold of the neurons that send the spikes:

        before:  y = Conv(Mul(spike, theta), W, B)
        after:   y = Conv(spike, DequantizeLinear(W8, step), B)

    ``W8`` are the nearest whole numbers from -127 to 127 to ``W theta / step``, and ``step`` is
    one number for each output channel, 1/127 of its largest weight. Of a ConvTranspose in groups
    the same outputs of all groups share one. Weights that lie on such a grid already stay what
    they are; others move by half a step at most, so the rewrite is not exact. How far is written
    on the node: the root mean square of the changes, as a part of that of the weights.

    The threshold goes into the weights behind MaxPool, Flatten, Reshape, Slice and Pad as well,
    where all that read the result can take it, and behind a Concat of spikes. Other readers of
    the stream keep reading it with its threshold: the Add of a skip path, for instance. Where it
    cannot go into the weights, these are rounded without it.

    A Conv, ConvTranspose, Gemm or MatMul is left alone if its weights are not constant, not in
    float32 or a vector, or if other streams than spikes drive it: the first layer with direct
    coding, and the last behind a mean. So is one that is excluded.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Round the weights of the main graph, a single-step graph."""
        graph = model.graph
        streams = find_streams(graph)
        with_weights = filter(_has_weights_to_round, graph)
        nodes = [node for node in with_weights if _is_driven_by_spikes(node, streams)]
        folded = fold_thresholds(nodes)
        for node in nodes:
            weights = folded.get(node)
            if weights is None:
                weights = array(node.inputs[1])
            _round(node, weights)
        if nodes:
            remove_unused(model)
            WEIGHTS.write(model, INT8)
        return ir.passes.PassResult(model, modified=bool(nodes))


def _has_weights_to_round(node: ir.Node) -> bool:
    if not is_op(node, "Conv", "ConvTranspose", "Gemm", "MatMul"):
        return False
    operand, weights = node.inputs[:2]
    multiplies_stream = weighted_operand(node) is operand
    if weights is None or not multiplies_stream:
        return False
    rank = rank_of(weights)
    is_matrix = rank is not None and rank >= 2
    return is_matrix and weights.dtype is ir.DataType.FLOAT


def _is_driven_by_spikes(node: ir.Node, streams: Streams) -> bool:
    """Whether spikes are added up by the weights of ``node``, perhaps after they were pooled."""
    operand = node.inputs[0]
    is_linear = streams.classifications[node].kind is NodeKind.LINEAR
    if operand is None or not is_linear:
        return False
    stream, _ = find_sums_of_spikes(operand)
    return stream in streams.spikes


def _round(node: ir.Node, weights: np.ndarray) -> None:
    """Let ``node`` multiply by the numbers on the grid that are nearest to ``weights``."""
    is_stack = is_op(node, "MatMul") and weights.ndim > 2
    axis = weights.ndim - 1 if is_stack else output_axis(node)
    rounded = RoundedWeights.of(weights, axis)
    rounded.write(node)
    error = _relative_error(rounded.values(), weights)
    ROUNDING_ERROR.write(node, error)


def _relative_error(rounded: np.ndarray, weights: np.ndarray) -> float:
    """Return the root mean square of the changes, as a part of that of the weights."""
    exact = weights.astype(np.float64)
    size = _root_mean_square(exact)
    moved = _root_mean_square(rounded - exact)
    return moved / size if size else 0.0


def _root_mean_square(numbers: np.ndarray) -> float:
    mean = np.mean(np.square(numbers))
    return float(np.sqrt(mean))

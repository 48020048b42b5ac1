"""Take thresholds into weights, so that a spike is 1."""

from __future__ import annotations

import dataclasses

import onnx_ir as ir

from onnx2snn.correction.threshold_folding import fold_thresholds
from onnx2snn.correction.unit_thresholds import use_unit_threshold
from onnx2snn.graph import constant, remove_unused
from onnx2snn.ops.predicates import is_neuron, is_stateful

__all__ = ["FoldThresholds"]


@dataclasses.dataclass(frozen=True)
class FoldThresholds(ir.passes.InPlacePass):
    """Let neurons have thresholds of 1, and what they read and send be measured in thresholds.

    With ``theta`` the threshold of a neuron, and ``eta`` that of those which read it:

        before:  spike = IF(c, v_init, theta);  d = Conv(Mul(spike, theta), W, B);  IF(d, ., eta)
        after:   spike = IF(c / theta, v_init / theta, 1);  d = Conv(spike, W theta / eta, B / eta)
                 IF(d, ., 1)

    The same spikes, but for the rounding of weights. A spike then needs no product behind it, and
    a neuron none for its reset, so that the functions in the file are shorter ones
    (``attach-functions``). ``onnx2snn.unit`` in the metadata of a neuron has its thresholds.

    Products with constants remain in front of what is no Conv, ConvTranspose, Gemm or MatMul with
    constant weights: for the Add of a skip path, by both thresholds at once. A sum of weights that
    others read too gets one for the neuron alone. A neuron whose threshold is not constant, is 1
    already, or has more axes than its input stays as it is.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Fold the thresholds of the main graph, a single-step graph."""
        graph = model.graph
        folded = fold_thresholds(graph)
        for node, weights in folded.items():
            name = f"{node.outputs[0].name}.weight"
            node.replace_input_with(1, constant(graph, name, weights))
        neurons = [node for node in graph if is_neuron(node) and is_stateful(node)]
        changed = [neuron for neuron in neurons if use_unit_threshold(neuron)]
        modified = bool(folded or changed)
        if modified:
            graph.sort()
            remove_unused(model)
        return ir.passes.PassResult(model, modified=modified)

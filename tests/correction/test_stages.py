"""The plan of layer-by-layer calibration."""

from __future__ import annotations

import numpy as np

from onnx2snn.correction.network_pair import NetworkPair
from onnx2snn.correction.stages import plan_stages
from onnx2snn.metadata.scale import Scale
from onnx2snn.passes import CarryRunningMeans, ReplaceActivations
from tests.models import model, normal, with_scales

TEXT = (
    "(float[N,5] x) => (y) { c = MatMul (x, w)  a1 = Relu (c)  g = MatMul (a1, u)  "
    "a2 = Relu (g)  s = Add (a1, a2)  e = MatMul (s, u)  a3 = Relu (e)  y = MatMul (a3, u) }"
)


def test_a_stage_for_each_layer_and_one_for_the_end() -> None:
    """The input alone drives the first weights; the sum reads a1 again behind a2."""
    ann = model(TEXT, w=normal(1, 5, 4), u=normal(2, 4, 4))
    with_scales(ann, Scale(np.float32([1]), None, "graph"))
    snn = ann.clone()
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    pair = NetworkPair(snn, ann, time_steps=4)
    stages = plan_stages(pair)
    a1, a2, a3 = pair.activations
    assert [stage.neuron for stage in stages] == [a1, a2, a3, None]
    _, second, third, last = [node for node in snn.graph if node.op_type == "MatMul"]
    weighted = [stage.weighted_nodes for stage in stages]
    assert weighted == [[], [second], [third], [last]]
    assert [stage.last_needed for stage in stages] == [[], [], [a1, a2], []]

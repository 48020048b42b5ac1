"""Costs of the stages of layer-by-layer calibration."""

from __future__ import annotations

import numpy as np

from onnx2snn.correction.network_pair import NetworkPair
from onnx2snn.correction.stage_costs import estimate_costs
from onnx2snn.correction.stages import plan_stages
from onnx2snn.metadata.scale import Scale
from onnx2snn.passes import CarryRunningMeans, ReplaceActivations
from tests.models import model, normal, with_scales

NEURON = 200


def costs_of(text: str, **weights: np.ndarray) -> list[float]:
    ann = model(text, **weights)
    with_scales(ann, Scale(np.float32([1]), None, "graph"))
    snn = ann.clone()
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    pair = NetworkPair(snn, ann, time_steps=4)
    return estimate_costs(pair, plan_stages(pair))


def test_neurons_count_for_the_weights_they_read() -> None:
    """The first layer is the same in each step; weights in groups read a part of the channels."""
    found = costs_of(
        "(float[N,2,6,6] x) => (y) { a = Conv (x, u)  b = Relu (a)"
        "  c = Conv <group = 2> (b, v)  d = Relu (c)  y = Conv (d, w) }",
        u=normal(1, 4, 2, 1, 1),
        v=normal(2, 6, 2, 3, 3),
        w=normal(3, 5, 6, 1, 1),
    )
    assert found == [4 * 36 * NEURON, 6 * 16 * (2 * 9 + NEURON), 6 + 1]


def test_layers_of_unknown_size_count_as_a_neuron() -> None:
    found = costs_of(
        "(float[N,K,2] x) => (y) { a = MatMul (x, u)  b = Relu (a)"
        "  c = MatMul (b, v)  d = Relu (c)  y = MatMul (d, w) }",
        u=normal(1, 2, 4),
        v=normal(2, 4, 3),
        w=normal(3, 3, 2),
    )
    assert found == [NEURON, 4 + NEURON, 3 + 1]

"""Values of an ANN that bear the names a pass would give to new ones."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn
from tests.models import normal

# The parser knows no dots in names: they are written __.
TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,2,6,5] x) => (float[N,4,3,2] y) {
    p__pooled = Neg (x)
    c = Conv (p__pooled, w, b)
    p = Relu (c)
    q = MaxPool <kernel_shape = [2, 2]> (p)
    r = Conv (q, u)
    s = Relu (r)
    s__spike = Neg (s)
    s__v_next = Neg (s__spike)
    s__count_next = Neg (s__v_next)
    s__v_threshold = Neg (s__count_next)
    s__v_init = Neg (s__v_threshold)
    y = Conv (s__v_init, t)
}
"""


def network() -> onnx.ModelProto:
    model = onnx.parser.parse_model(TEXT)
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name.replace("__", ".") for name in names]
    weights = {"w": (4, 2, 2, 2), "b": (4,), "u": (4, 4, 1, 1), "t": (4, 4, 2, 2)}
    for seed, (name, shape) in enumerate(weights.items()):
        tensor = onnx.numpy_helper.from_array(normal(seed, *shape) / 2, name)
        model.graph.initializer.append(tensor)
    return model


@pytest.mark.parametrize("neuron", ["gated", "if"])
@pytest.mark.parametrize("spike", ["activations", "all"])
def test_they_convert_and_compute_the_same(neuron: str, spike: str) -> None:
    ann, x = network(), normal(9, 20, 2, 6, 5)
    conversion = onnx2snn.convert(ann, T=32, calibration=x, neuron=neuron, spike=spike)
    onnx.checker.check_model(conversion.model, full_check=True)
    got = onnx2snn.load(conversion.model).run({"x": x})["y"]
    (expected,) = ReferenceEvaluator(ann).run(None, {"x": x})
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.15 * np.std(expected)

"""Networks that compute in another type than float32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn
from tests.models import normal

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
net (TYPE[N,3] x) => (TYPE[N,2] y) {
    h = Gemm (x, w, b)
    a = Relu (h)
    k = MatMul (a, v)
    c = ACTIVATION (k)
    y = MatMul (c, u)
}
"""
TYPES = {"double": np.float64, "float16": np.float16}


def network(name: str, activation: str) -> onnx.ModelProto:
    text = TEXT.replace("TYPE", name).replace("ACTIVATION", activation)
    model = onnx.parser.parse_model(text)
    weights = {"w": (3, 5), "b": (5,), "v": (5, 4), "u": (4, 2)}
    for seed, (key, shape) in enumerate(weights.items()):
        array = (normal(seed, *shape) / 2).astype(TYPES[name])
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, key))
    return model


@pytest.mark.parametrize("activation", ["Relu", "Tanh"])
@pytest.mark.parametrize("correct_bias", [True, False])
@pytest.mark.parametrize("name", TYPES)
def test_converts_with_two_layers_of_neurons_and_data(
    name: str, activation: str, *, correct_bias: bool
) -> None:
    ann, dtype = network(name, activation), TYPES[name]
    x = normal(9, 48, 3).astype(dtype)
    conversion = onnx2snn.convert(ann, T=32, calibration=x, correct_bias=correct_bias)
    assert len(conversion.report["layers"]) == 2
    assert ("bias correction" in conversion.report["method"]) == correct_bias
    got = onnx2snn.load(conversion.model).run({"x": x})["y"]
    (expected,) = ReferenceEvaluator(ann).run(None, {"x": x})
    assert got.dtype == dtype
    # 32 steps leave stairs of 1/32 of the threshold in each layer; a layer left out is off by 1.
    assert np.sqrt(np.mean((got - expected).astype(float) ** 2)) < 0.1 * float(np.std(expected))

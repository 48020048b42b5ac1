"""The ANN of a network in float8 is run as it stands: onnxruntime's optimizer breaks it."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.evaluation.subject import open_any
from tests.models import normal

TYPES = {
    "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
    "FLOAT8E5M2": ml_dtypes.float8_e5m2,
}
WEIGHTS = {"w": normal(1, 8, 32), "v": normal(2, 32, 32)}
LAST = normal(3, 32, 3)
X = normal(4, 100, 8)
SCALE, STEP = np.float32(0.25), np.float32(0.125)


def quantized(name: str) -> onnx.ModelProto:
    """Return a network whose weights, and the activations between, are float8."""
    model = onnx.parser.parse_model(
        '<ir_version: 9, opset_import: ["" : 19]> g (float[N,8] x) => (float[N,3] z) { '
        "wd = DequantizeLinear (w, scale)  h = MatMul (x, wd)  a = Relu (h)  "
        "q = QuantizeLinear (a, step, zero)  d = DequantizeLinear (q, step, zero)  "
        "vd = DequantizeLinear (v, scale)  g = MatMul (d, vd)  b = Relu (g)  z = MatMul (b, u) }"
    )
    code = onnx.TensorProto.DataType.Value(name)
    for key, data in {**WEIGHTS, "zero": np.zeros(())}.items():
        raw = data.astype(TYPES[name]).tobytes()
        tensor = onnx.helper.make_tensor(key, code, data.shape, raw, raw=True)
        model.graph.initializer.append(tensor)
    for key, data in {"scale": SCALE, "step": STEP, "u": LAST}.items():
        tensor = onnx.numpy_helper.from_array(np.asarray(data), key)
        model.graph.initializer.append(tensor)
    return model


def computed(name: str) -> np.ndarray:
    """Return what the network computes, in NumPy."""

    def rounded(values: np.ndarray) -> np.ndarray:
        return np.asarray(values.astype(TYPES[name]).astype(np.float32))

    w, v = (SCALE * rounded(data) for data in WEIGHTS.values())
    a = STEP * rounded(np.maximum(X @ w, 0) / STEP)
    return np.asarray(np.maximum(a @ v, 0) @ LAST)


@pytest.mark.parametrize("name", TYPES)
def test_the_ann_is_what_its_operators_say(name: str) -> None:
    """The cosine of a perfect spiking network and its ANN was 0.7."""
    model = quantized(name)
    expected = computed(name)
    found = open_any(model).run({"x": X})["z"]
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    # Sums in another order, and a value near the middle of two float8 may go to the other one.
    assert error < 0.01
    conversion = onnx2snn.convert(model, 64, X)
    scores = onnx2snn.evaluate(conversion, X, ann=model, task="none")
    cosine = scores.deviations["z"][64].cosine
    assert cosine is not None
    assert cosine > 0.99

"""Networks that compute in another type than float32."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn
from onnx2snn.conversion.import_model import import_model
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
BFLOAT16 = ir.DataType.BFLOAT16.numpy()
TYPES = {"double": np.float64, "float16": np.float16, "bfloat16": BFLOAT16}


def network(name: str, activation: str) -> onnx.ModelProto:
    text = TEXT.replace("TYPE", name).replace("ACTIVATION", activation)
    model = onnx.parser.parse_model(text)
    weights = {"w": (3, 5), "b": (5,), "v": (5, 4), "u": (4, 2)}
    for seed, (key, shape) in enumerate(weights.items()):
        array = (normal(seed, *shape) / 2).astype(TYPES[name])
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, key))
    return model


@pytest.mark.parametrize("activation", ["Relu", "Tanh"])
@pytest.mark.parametrize("corrections", [("weights", "bias"), ()])
@pytest.mark.parametrize("name", TYPES)
def test_converts_with_two_layers_of_neurons_and_data(
    name: str, activation: str, corrections: tuple[str, ...]
) -> None:
    ann, dtype = network(name, activation), TYPES[name]
    x = normal(9, 48, 3).astype(dtype)
    conversion = onnx2snn.convert(ann, T=32, calibration=x, corrections=corrections)
    assert len(conversion.report["layers"]) == 2
    assert ("bias correction" in conversion.report["method"]) == bool(corrections)
    got = onnx2snn.load(conversion.model).run({"x": x})["y"]
    (expected,) = ReferenceEvaluator(ann).run(None, {"x": x})
    assert got.dtype == dtype
    # 32 steps leave stairs of 1/32 of the threshold in each layer; a layer left out is off by 1.
    assert np.sqrt(np.mean((got - expected).astype(float) ** 2)) < 0.1 * float(
        np.std(expected)
    )


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_bfloat16_goes_in_and_comes_out(runtime: str) -> None:
    ann = network("bfloat16", "Relu")
    x = normal(9, 48, 3).astype(BFLOAT16)
    conversion = onnx2snn.convert(ann, T=32, calibration=x)
    spiking = onnx2snn.load(conversion.model, runtime)
    outputs = spiking.run_at({"x": x}, [2, 32])
    assert {found["y"].dtype for found in outputs.values()} == {BFLOAT16}
    np.testing.assert_array_equal(outputs[32]["y"], spiking.run({"x": x})["y"])
    found = onnx2snn.evaluate(
        conversion.model, {"x": x}, ann=ann, task="classification", runtime=runtime
    )
    assert found.agreement[32] > 85


def test_bfloat16_is_compared_with_its_float32_form(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """onnxruntime cannot run the network as it is, and no warning says it was not compared."""
    imported = import_model(network("bfloat16", "Relu"))
    assert "not compared" not in caplog.text
    feeds = {"x": normal(9, 48, 3).astype(BFLOAT16)}
    (expected,) = ReferenceEvaluator(network("bfloat16", "Relu")).run(None, feeds)
    (result,) = ReferenceEvaluator(ir.to_proto(imported.model)).run(None, feeds)
    assert result.dtype == BFLOAT16
    # each of six layers rounds to 8 bits in the one, and the last in the other
    np.testing.assert_allclose(result.astype("f4"), expected.astype("f4"), atol=0.05)


def test_constants_of_bfloat16_are_folded() -> None:
    """onnxruntime computes nothing in bfloat16: the types change before constants are folded."""
    ann = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> net (bfloat16[N,3] x) => (bfloat16[N,2] y) '
        "{ t = Transpose (w)  s = Mul (t, t)  y = MatMul (x, s) }"
    )
    weights = normal(1, 2, 3).astype(BFLOAT16)
    ann.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    operators = [node.op_type for node in import_model(ann).model.graph]
    assert operators == ["Cast", "MatMul", "Cast"]


MIXED = """
<ir_version: 8, opset_import: ["" : 17]>
net (float16[N,3] x, float[N,3] z) => (double[N,2] y, float16[N,5] a) {
    c = Cast <to = 1> (x)
    d = Cast <to = 10> (c)
    e = Cast <to = 16> (z)
    f = Cast <to = 1> (e)
    g = Cast <to = 1> (d)
    s = Add (f, g)
    h = MatMul (s, w)
    r = Relu (h)
    a = Cast <to = 10> (r)
    i = Cast <to = 11> (r)
    y = MatMul (i, v)
}
"""


def test_chains_of_casts_become_none() -> None:
    ann = onnx.parser.parse_model(MIXED)
    w, v = normal(1, 3, 5), normal(2, 5, 2).astype(np.float64)
    ann.graph.initializer.extend(
        [onnx.numpy_helper.from_array(w, "w"), onnx.numpy_helper.from_array(v, "v")]
    )
    imported = import_model(ann).model
    operators = [node.op_type for node in imported.graph]
    assert sorted(operators) == sorted(
        ["Cast", "Add", "MatMul", "Relu", "Cast", "MatMul", "Cast"]
    )
    feeds = {"x": normal(3, 40, 3).astype(np.float16), "z": normal(4, 40, 3)}
    conversion = onnx2snn.convert(ann, T=64, calibration=feeds)
    got = onnx2snn.load(conversion.model).run(feeds)
    expected = dict(zip("ya", ReferenceEvaluator(ann).run(None, feeds), strict=True))
    for name, value in expected.items():
        assert got[name].dtype == value.dtype
        error = np.sqrt(np.mean((got[name] - value).astype(float) ** 2))
        assert error < 0.05 * float(np.std(value.astype(float)))

"""Operators of onnxruntime's optimizer, written by hand and by the optimizer itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

import onnx2snn
from onnx2snn.passes import LowerFusedOperators
from onnx2snn.testing import run_ort
from tests.models import normal

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = {
    "w": normal(1, 16, 16) / 4,
    "v": normal(2, 16, 16) / 4,
    "b": normal(3, 16),
    "g": 1 + normal(4, 16) / 8,
    "k": normal(5, 4, 4, 3, 3) / 6,
    "c": normal(6, 4),
}
NUMBERS = {
    "half": 0.5,
    "one": 1.0,
    "two": 2.0,
    "root": 2**0.5,
    "slope": 1.702,
    "tiny": 1e-5,
}
ROWS = normal(7, 5, 6, 16)
IMAGES = normal(8, 3, 4, 7, 6)


def network(body: str, opset: int = 17, *, images: bool = False) -> onnx.ModelProto:
    shape = "N,4,7,6" if images else "N,6,16"
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]> '
        f"net (float[{shape}] x) => (float[A,B,C{',D' if images else ''}] z) {{ {body} }}"
    )
    read = {name for node in model.graph.node for name in node.input}
    numbers = {name: np.float32(value) for name, value in NUMBERS.items()}
    for name, data in {**WEIGHTS, **numbers}.items():
        if name in read:
            tensor = onnx.numpy_helper.from_array(np.asarray(data), name)
            model.graph.initializer.append(tensor)
    return model


CONTRIB = "com.microsoft."
BY_HAND = {
    "Gelu": f"z = {CONTRIB}Gelu (x)",
    "BiasGelu": f"z = {CONTRIB}BiasGelu (x, b)",
    "FastGelu": f"z = {CONTRIB}FastGelu (x)",
    "FastGelu with a bias": f"z = {CONTRIB}FastGelu (x, b)",
    "QuickGelu": f"z = {CONTRIB}QuickGelu (x)",
    "QuickGelu, alpha": f"z = {CONTRIB}QuickGelu <alpha = 1.0> (x)",
    "FusedMatMul": f"z = {CONTRIB}FusedMatMul <alpha = 0.3> (x, w)",
    "FusedMatMul, transposed": f"z = {CONTRIB}FusedMatMul <transA = 1, transB = 1> (x, t)  "
    "t = Transpose <perm = [0, 2, 1]> (x)",
    "FusedMatMul behind another": f"a = {CONTRIB}FusedMatMul <transB = 1> (x, w)  "
    f"y = {CONTRIB}FusedMatMul <alpha = 0.1, transB = 1> (a, x)  z = MatMul (y, x)",
    "FusedGemm": "s = Constant <value = int64[2] {-1, 16}> ()  f = Reshape (x, s)  "
    f"y = {CONTRIB}FusedGemm <activation = 'LeakyRelu', activation_alpha = 0.2, transB = 1, "
    "alpha = 0.5> (f, w, b)  o = Constant <value = int64[3] {-1, 6, 16}> ()  z = Reshape (y, o)",
    "SkipLayerNormalization": f"z = {CONTRIB}SkipLayerNormalization <epsilon = 0.01> (x, s, g, b)"
    "  s = Neg (x)",
    "SkipLayerNormalization, sum": f"y, , , t = {CONTRIB}SkipLayerNormalization (x, s, g, , b)  "
    "s = Abs (x)  z = Add (y, t)",
    "SkipSimplifiedLayerNormalization": "s = Abs (x)  "
    f"z = {CONTRIB}SkipSimplifiedLayerNormalization (x, s, g)",
    "SimplifiedLayerNormalization": "z = SimplifiedLayerNormalization <epsilon = 0.01> (x, g)",
}
CONV = f"z = {CONTRIB}FusedConv <pads = [1, 1, 1, 1], activation = "
CONVS = {
    "Relu": f"{CONV}'Relu'> (x, k, c)",
    "Relu of a sum": f"{CONV}'Relu'> (x, k, c, x)",
    "LeakyRelu": f"{CONV}'LeakyRelu', activation_params = [0.3]> (x, k)",
    "Clip": f"{CONV}'Clip', activation_params = [0.1, 0.7]> (x, k)",
    "HardSigmoid": f"{CONV}'HardSigmoid', activation_params = [0.3, 0.4]> (x, k)",
    "Tanh": f"{CONV}'Tanh'> (x, k, c)",
}


def lowered(before: onnx.ModelProto) -> onnx.ModelProto:
    """Return a network with all fused operators written out."""
    model = ir.from_proto(before)
    model.graph.sort()
    assert LowerFusedOperators()(model).modified
    assert not LowerFusedOperators()(model).modified
    return ir.to_proto(model)


def operators(model: onnx.ModelProto) -> set[str]:
    return {f"{node.domain}.{node.op_type}" for node in model.graph.node}


def assert_equal(before: onnx.ModelProto, x: np.ndarray) -> None:
    """Assert that a network of ONNX alone takes the place of one with fused operators."""
    after = lowered(before)
    assert all(name.startswith(".") for name in operators(after))
    onnx.checker.check_model(after, full_check=True)
    wanted = run_ort(before, {"x": x})["z"]
    # Both compute in float32, and sums of 16 products come in another order.
    np.testing.assert_allclose(run_ort(after, {"x": x})["z"], wanted, 1e-5, 1e-5)


@pytest.mark.parametrize("opset", [11, 13, 17, 20])
@pytest.mark.parametrize("name", BY_HAND)
def test_written_by_hand(name: str, opset: int) -> None:
    assert_equal(network(BY_HAND[name].replace("'", '"'), opset), ROWS)


@pytest.mark.parametrize("opset", [10, 17])
@pytest.mark.parametrize("name", CONVS)
def test_convolutions(name: str, opset: int) -> None:
    assert_equal(network(CONVS[name].replace("'", '"'), opset, images=True), IMAGES)


@pytest.mark.parametrize("opset", [13, 16])
def test_layer_normalization_before_it_was_in_onnx(opset: int) -> None:
    assert_equal(network("z = LayerNormalization (x, g, b)", opset), ROWS)
    newer = ir.from_proto(network("z = LayerNormalization (x, g, b)", 17))
    assert not LowerFusedOperators()(newer).modified


REFUSED = {
    "an activation of no name known": f"{CONV}'Swish'> (x, k)",
    "a batch transposed": f"z = {CONTRIB}FusedMatMul <transBatchA = 1, transA = 1> (x, x)",
    "an unknown rank": f"y = {CONTRIB}CDist (x, x)  "
    f"z = {CONTRIB}FusedMatMul <transB = 1> (x, y)",
    "several axes": "z = SimplifiedLayerNormalization <axis = 1> (x, g)",
    "statistics that are read": "y, m = SimplifiedLayerNormalization (x, g)  z = Add (y, m)",
    "another operator": f"z = {CONTRIB}CDist (x, x)",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_it_stays(reason: str) -> None:
    before = network(REFUSED[reason].replace("'", '"'))
    model = ir.from_proto(before)
    assert not LowerFusedOperators()(model).modified
    names = [node.op_type for node in model.graph]
    assert names == [node.op_type for node in before.graph.node]


def test_names_stay() -> None:
    before = network(f"[fused] y = {CONTRIB}BiasGelu (x, b)  z = Neg (y)")
    after = lowered(before)
    (made,) = [node for node in after.graph.node if node.output[0] == "y"]
    assert made.name == "fused"


def gelu(x: str, y: str) -> str:
    return (
        f"{y}1 = Div ({x}, root)  {y}2 = Erf ({y}1)  {y}3 = Add ({y}2, one)  "
        f"{y}4 = Mul ({x}, {y}3)  {y} = Mul ({y}4, half)"
    )


def normalized(x: str, y: str, rest: str) -> str:
    return (
        f"{y}p = Pow ({x}, two)  {y}v = ReduceMean <axes = [-1]> ({y}p)  "
        f"{y}e = Add ({y}v, tiny)  {y}s = Sqrt ({y}e)  {y}n = Div ({x}, {y}s)  {rest}"
    )


FROM_ORT = {
    "Gelu": f"h = MatMul (x, w)  {gelu('h', 'q')}  z = MatMul (q, v)",
    "BiasGelu": f"m = MatMul (x, w)  h = Add (m, b)  {gelu('h', 'q')}  z = MatMul (q, v)",
    "QuickGelu": "h = MatMul (x, w)  s = Mul (h, slope)  t = Sigmoid (s)  q = Mul (h, t)  "
    "z = MatMul (q, v)",
    "FusedMatMul": "h = MatMul (x, w)  a = Relu (h)  t = Transpose <perm = [0, 2, 1]> (a)  "
    "m = MatMul (a, t)  d = Mul (m, half)  q = Relu (d)  z = MatMul (q, a)",
    "SimplifiedLayerNormalization": "h = MatMul (x, w)  a = Relu (h)  "
    + normalized("a", "l", "q = Mul (ln, g)")
    + "  r = Relu (q)  z = MatMul (r, v)",
}


def optimized(
    model: onnx.ModelProto, level: ort.GraphOptimizationLevel, path: Path
) -> onnx.ModelProto:
    """Return what onnxruntime's optimizer makes of a network."""
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return onnx.load(path)


@pytest.mark.parametrize("opset", [13, 17])
@pytest.mark.parametrize("name", FROM_ORT)
def test_from_the_optimizer(name: str, opset: int, tmp_path: Path) -> None:
    """The neurons of what was fused were lost: it stayed in front of the others, or was refused."""
    original = network(FROM_ORT[name], opset)
    wanted = onnx2snn.analyze(original)
    for level in ("ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"):
        chosen = getattr(ort.GraphOptimizationLevel, level)
        fused = optimized(original, chosen, tmp_path / f"{level}.onnx")
        found = onnx2snn.analyze(fused, check=True)
        assert found["spike_driven_percent"] == wanted["spike_driven_percent"]
        assert found["counts"]["spiking"] == wanted["counts"]["spiking"]


def test_convolutions_from_the_optimizer(tmp_path: Path) -> None:
    same = "<pads = [1, 1, 1, 1]>"
    body = (
        f"a = Conv {same} (x, k, c)  p = Relu (a)  d = Conv {same} (p, k)  "
        f"q = LeakyRelu <alpha = 0.1> (d)  e = Conv {same} (q, k)  r = Tanh (e)  "
        f"z = Conv {same} (r, k)"
    )
    original = network(body, images=True)
    level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    fused = optimized(original, level, tmp_path / "fused.onnx")
    assert "com.microsoft.FusedConv" in operators(fused)
    found, wanted = (onnx2snn.analyze(each, check=True) for each in (fused, original))
    assert found["spike_driven_percent"] == wanted["spike_driven_percent"]
    assert found["counts"]["spiking"] == wanted["counts"]["spiking"] == 3


def test_layouts_of_a_processor_are_named_with_what_to_do() -> None:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "com.microsoft.nchwc" : 1]> '
        "net (float[N,8,5,5] x) => (float[N,8,5,5] z) { "
        "y = com.microsoft.nchwc.ReorderInput (x)  "
        "z = com.microsoft.nchwc.ReorderOutput <channels = 8> (y) }"
    )
    with pytest.raises(
        onnx2snn.UnsupportedError, match="save it with at most ORT_ENABLE_EXTENDED"
    ):
        onnx2snn.convert(model)

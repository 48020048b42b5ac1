"""Quantized networks as onnxruntime writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

import onnx2snn
from onnx2snn.conversion.import_model import import_model
from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.importing import self_check
from onnx2snn.testing import run_ort
from tests.models import normal

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:onnxruntime.*")

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,3,8,8] x) => (float[N,5] y) {
    [first] c1 = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
    [relu1] r1 = Relu (c1)
    [pool] p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r1)
    [second] c2 = Conv <pads = [1, 1, 1, 1]> (p, w2, b2)
    [sum] s = Add (c2, p)
    [relu2] r2 = Relu (s)
    [both] k = Concat <axis = 1> (r2, p)
    [mean] m = GlobalAveragePool (k)
    [flat] f = Flatten (m)
    [dense] y = Gemm (f, w3, b3)
}
"""
DATA = normal(9, 64, 3, 8, 8)


class Reader(CalibrationDataReader):
    def __init__(self) -> None:
        self._feeds = iter([{"x": DATA}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = onnx.parser.parse_model(TEXT)
    shapes = {
        "w1": (6, 3, 3, 3),
        "b1": (6,),
        "w2": (6, 6, 3, 3),
        "b2": (6,),
        "w3": (12, 5),
    }
    for seed, (name, shape) in enumerate({**shapes, "b3": (5,)}.items()):
        array = normal(seed, *shape) / 4
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    path = tmp_path_factory.mktemp("ann") / "net.onnx"
    onnx.save(model, path)
    return path


STATIC = [
    {
        "quant_format": style,
        "per_channel": per_channel,
        "activation_type": kind,
        "weight_type": QuantType.QInt8,
        "reduce_range": True,  # where onnxruntime's kernels saturate, they do not then
    }
    for style in (QuantFormat.QDQ, QuantFormat.QOperator)
    for per_channel in (False, True)
    for kind in (QuantType.QUInt8, QuantType.QInt8)
]


@pytest.mark.parametrize("calibration", [None, DATA], ids=["no data", "data"])
@pytest.mark.parametrize("options", STATIC)
def test_static_quantization(
    options: dict[str, Any],
    calibration: np.ndarray | None,
    source: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / "quantized.onnx"
    quantize_static(source, path, Reader(), **options)
    conversion = onnx2snn.convert(path, T=64, calibration=calibration, hold_out=False)
    origin = "quantizer" if calibration is None else "calibration"
    layers = conversion.report["layers"]
    assert [layer["threshold_origin"] for layer in layers] == [origin, origin]
    assert {layer["activation"] for layer in layers} == {"Clip"}
    assert "onnx2snn.quantizer_range" not in str(conversion.model)
    assert conversion.report["analysis"]["counts"]["analog"] == 0
    assert {imported.domain for imported in conversion.model.opset_import} == {
        "",
        "ai.onnx2snn",
    }
    expected = run_ort(onnx.load(path), {"x": DATA})["y"]
    result = onnx2snn.load(conversion.model).run({"x": DATA})["y"]
    assert np.linalg.norm(result - expected) < 0.1 * np.linalg.norm(
        expected - expected.mean(0)
    )


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic_quantization(
    *, per_channel: bool, source: Path, tmp_path: Path
) -> None:
    path = tmp_path / "quantized.onnx"
    quantize_dynamic(source, path, per_channel=per_channel, reduce_range=True)
    conversion = onnx2snn.convert(path, T=64, calibration=DATA)
    assert len(conversion.report["layers"]) == 2
    assert conversion.report["analysis"]["counts"]["analog"] == 0
    expected = run_ort(onnx.load(path), {"x": DATA})["y"]
    result = onnx2snn.load(conversion.model).run({"x": DATA})["y"]
    assert np.linalg.norm(result - expected) < 0.1 * np.linalg.norm(
        expected - expected.mean(0)
    )


@pytest.mark.parametrize("types", [QuantType.QUInt16, QuantType.QInt16])
def test_sixteen_bits(types: QuantType, source: Path, tmp_path: Path) -> None:
    path = tmp_path / "quantized.onnx"
    quantize_static(
        source, path, Reader(), activation_type=types, weight_type=QuantType.QInt8
    )
    conversion = onnx2snn.convert(path, T=64)
    assert [layer["threshold_origin"] for layer in conversion.report["layers"]] == [
        "quantizer"
    ] * 2
    assert {imported.domain for imported in conversion.model.opset_import} == {
        "",
        "ai.onnx2snn",
    }


def test_four_bit_weights(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "quantized.onnx"
    quantize_static(
        source, path, Reader(), weight_type=QuantType.QInt4, per_channel=True
    )
    imported = import_model(path)
    assert "com.microsoft" not in imported.model.opset_imports
    convolution = next(node for node in imported.model.graph if node.op_type == "Conv")
    assert convolution.inputs[1] is not None
    assert convolution.inputs[1].const_value is not None


PARTS = '["" : 17, "com.microsoft" : 1]'


@pytest.mark.parametrize(
    "call, message",
    [
        (
            "QLinearReduceMean <axes = [1], keepdims = 1> (q, s, z, s, z)",
            "QLinearReduceMean 'k'",
        ),
        (
            "QLinearGlobalAveragePool <channels_last = 1> (q, s, z, s, z)",
            "AveragePool 'k'",
        ),
    ],
)
def test_operators_that_have_no_float_form_are_named(call: str, message: str) -> None:
    model = onnx.parser.parse_model(
        f"<ir_version: 8, opset_import: {PARTS}> g (float[1,2,3,4] x) => (float[A,B,C,D] y) "
        "<float s = {0.1}, uint8 z = {3}> {"
        f"a = Relu (x) q = QuantizeLinear (a, s, z)  [k] r = com.microsoft.{call} "
        "d = DequantizeLinear (r, s, z) y = Relu (d) }"
    )
    with pytest.raises(UnsupportedError, match=rf"com\.microsoft\.\w*{message}"):
        onnx2snn.convert(model)


def quantized(body: str, kind: str = "float", more: str = "") -> onnx.ModelProto:
    return onnx.parser.parse_model(
        f"<ir_version: 8, opset_import: {PARTS}> g (float[64,6] x) => ({kind}[64,6] y) "
        f"<float s = {{0.125}}, int8 z = {{0}}{more}> {{ {body} }}"
    )


QUANTIZED = "q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, s, z)"


@pytest.mark.parametrize("shift, is_same", [(0.125, True), (1.0, False)])
def test_a_step_of_a_quantizer_is_a_rounding(shift: float, *, is_same: bool) -> None:
    other = quantized(
        "a = Add (x, t)  q = QuantizeLinear (a, s, z)  y = DequantizeLinear (q, s, z)",
        more=f", float t = {{{shift}}}",
    )
    imported = onnx2snn.importing.read(other).model
    if is_same:
        assert self_check(quantized(QUANTIZED), imported, "net", coarse=True)
        with pytest.raises(InvalidModelError, match="differs by"):
            self_check(quantized(QUANTIZED), imported, "net")
    else:
        with pytest.raises(InvalidModelError, match=r"differs by .*--no-check"):
            self_check(quantized(QUANTIZED), imported, "net", coarse=True)


@pytest.mark.parametrize(
    "kind, node, is_compared",
    [
        ("int8", "y = QuantizeLinear (a, s, z)", True),
        ("bool", "y = Greater (a, s)", False),
    ],
)
def test_indices_of_a_quantized_network_are_not_compared(
    kind: str, node: str, *, is_compared: bool
) -> None:
    first = quantized(f"a = Identity (x)  {node}", kind)
    second = onnx2snn.importing.read(quantized(f"a = Neg (x)  {node}", kind)).model
    if is_compared:
        with pytest.raises(InvalidModelError, match="'y' differs"):
            self_check(first, second, "net", coarse=True)
    else:
        assert self_check(first, second, "net", coarse=True)

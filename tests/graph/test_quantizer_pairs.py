from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.graph.quantizer_pairs import find_integer_clips, find_quantizer_pairs

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'
SCALES = (
    "float s = {0.05}, float other = {0.1}, uint8 z = {0}, uint8 low = {0}, "
    "uint8 high = {15}, float[3] vector = {1, 2, 3}, uint8[3] zeros = {0, 0, 0}"
)


def graph(nodes: str, inputs: str = "float[N,3] x") -> ir.Graph:
    text = f"{HEADER} g ({inputs}) => (y) <{SCALES}> {{ {nodes} }}"
    return ir.from_onnx_text(text).graph


def names(nodes: list[ir.Node]) -> list[str]:
    return [str(node.outputs[0].name) for node in nodes]


def test_pair() -> None:
    found = graph("q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, s, z)")
    (pair,) = find_quantizer_pairs(found)
    assert pair.x is found.inputs[0]
    assert names([pair.quantize, pair.dequantize]) == ["q", "y"]
    assert pair.quantizer is not None
    assert pair.quantizer.high == pytest.approx(0.05 * 255)


def test_dynamic_pair_has_no_quantizer() -> None:
    found = graph("q, a, b = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, a, b)")
    (pair,) = find_quantizer_pairs(found)
    assert pair.quantizer is None


@pytest.mark.parametrize(
    "nodes",
    [
        "q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, other, z)",
        "q = QuantizeLinear (x, s, z)  y = DequantizeLinear (q, vector, zeros)",
        "c = Neg (s)  q = QuantizeLinear (x, c, z)  y = DequantizeLinear (q, c, z)",
        "q, a, b = DynamicQuantizeLinear (x)  y = DequantizeLinear (q, s, b)",
        "q = Cast <to = 2> (x)  y = DequantizeLinear (q, s, z)",
    ],
    ids=[
        "other scale",
        "other axis",
        "computed",
        "other dynamic scale",
        "no quantizer",
    ],
)
def test_no_pair(nodes: str) -> None:
    assert find_quantizer_pairs(graph(nodes)) == []


def test_dequantized_input_is_no_pair() -> None:
    found = graph("y = DequantizeLinear (x, s, z)", inputs="uint8[N,3] x")
    assert find_quantizer_pairs(found) == []


def test_integer_clip() -> None:
    found = graph(
        "q = QuantizeLinear (x, s, z)  c = Clip (q, low, high)"
        "  y = DequantizeLinear (c, s, z)"
    )
    (clip,) = find_integer_clips(found)
    assert names([clip.quantize, clip.clip, clip.dequantize]) == ["q", "c", "y"]
    np.testing.assert_allclose([clip.low, clip.high], [0, 0.05 * 15], rtol=1e-6)


@pytest.mark.parametrize(
    "nodes",
    [
        "q = QuantizeLinear (x, s, z)  c = Clip (q, low)",
        "q = QuantizeLinear (x, s, z)  m = Max (z, low)  c = Clip (q, low, m)",
        "q = QuantizeLinear (x, vector, zeros)  c = Clip (q, low, high)",
        "k = Neg (s)  q = QuantizeLinear (x, k, z)  c = Clip (q, low, high)",
        "q = QuantizeLinear (x, s, z)  c = Clip (q, low, high)  r = Identity (q)",
        "q = QuantizeLinear (x, s, z)  c = Clip (q, low, high)  r = Identity (c)",
        "q = Cast <to = 2> (x)  c = Clip (q, low, high)",
        "c = QuantizeLinear (x, s, z)",
    ],
    ids=[
        "one bound",
        "computed bound",
        "several scales",
        "computed scale",
        "integers have another reader",
        "clip has another reader",
        "no quantizer",
        "no clip",
    ],
)
def test_no_integer_clip(nodes: str) -> None:
    found = graph(f"{nodes}  y = DequantizeLinear (c, s, z)")
    assert find_integer_clips(found) == []

"""Networks of which ONNX infers other sizes than onnxruntime computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.shape_inference
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import normal

if TYPE_CHECKING:
    from collections.abc import Mapping

X = normal(1, 24, 2, 4, 4)
WEIGHTS = {
    "k": normal(2, 4, 2, 3, 3) / 4,
    "w": normal(3, 4, 4, 3, 3) / 6,
    "m": normal(4, 3, 4, 1, 1),
}
RESIZED = {
    "ConvTranspose": "r = ConvTranspose <auto_pad = 'SAME_UPPER', strides = [2, 2], "
    "output_padding = [1, 1]> (a, w)",
    "MaxPool": "r = MaxPool <kernel_shape = [2, 2], strides = [3, 3], pads = [1, 1, 1, 1], "
    "ceil_mode = 1> (a)",
}
T = 64


def network(resized: str) -> onnx.ModelProto:
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,2,4,4] x) => (float[N,3,P,Q] z) '
        f"{{ h = Conv <pads = [1, 1, 1, 1]> (x, k) a = Relu (h) {resized} b = Relu (r) "
        "z = Conv (b, m) }"
    )
    model = onnx.parser.parse_model(text.replace("'", '"'))
    for name, data in WEIGHTS.items():
        if f", {name})" in text:
            model.graph.initializer.append(onnx.numpy_helper.from_array(data, name))
    return model


@pytest.mark.parametrize("name", RESIZED)
@pytest.mark.parametrize(
    "options", [{}, {"layout": "multistep"}, {"schedule": "layerwise"}]
)
def test_they_convert_and_run(name: str, options: Mapping[str, Any]) -> None:
    """Their states were of one size, and the currents of another, so onnxruntime refused them."""
    ann = network(RESIZED[name])
    inferred = onnx.shape_inference.infer_shapes(ann).graph.value_info
    sizes = {value.name: value.type.tensor_type.shape.dim for value in inferred}
    expected = run_ort(ann, {"x": X})["z"]
    assert sizes["r"][2].dim_value != expected.shape[2]
    conversion = onnx2snn.convert(ann, T, X, hold_out=False, **options)
    found = onnx2snn.load(conversion).run(X)["z"]
    # two neurons in a row are off by a step of 1 / T each, in both directions
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=4 / T * np.abs(expected).max()
    )

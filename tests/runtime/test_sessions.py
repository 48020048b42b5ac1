"""What onnxruntime computes of a file, on every processor."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from onnx2snn.runtime.ort import open_runner
from tests.models import HEADER, model

QUANTIZED = """
    (float[N,4] x) => (float[N,2] y) {
        x_int = QuantizeLinear (x, one, u_zero)
        x_real = DequantizeLinear (x_int, one, u_zero)
        w_real = DequantizeLinear (w, one, i_zero)
        product = MatMul (x_real, w_real)
        y_int = QuantizeLinear (product, coarse, u_zero)
        y = DequantizeLinear (y_int, coarse, u_zero)
    }
"""


@pytest.mark.parametrize("activation", [1, 127, 255])
def test_quantizers_are_computed_as_the_file_says(activation: int) -> None:
    """Two products of bytes are above 16 bits: onnxruntime saturates there without VNNI."""
    ann = ir.to_proto(
        model(
            QUANTIZED,
            header=HEADER.replace("17", "21"),
            one=np.array(1, np.float32),
            coarse=np.array(1024, np.float32),
            u_zero=np.array(0, np.uint8),
            i_zero=np.array(0, np.int8),
            w=np.full((4, 2), 127, np.int8),
        )
    )
    feeds = {"x": np.full((3, 4), activation, np.float32)}
    [expected] = ReferenceEvaluator(ann).run(None, feeds)
    np.testing.assert_array_equal(open_runner(ann)(feeds)[0], expected)

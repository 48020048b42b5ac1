"""Networks that say their batch is free, and are not."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.importing import read
from onnx2snn.importing.baked_batch import fix_baked_batch


def network(reshapes: str, last: str = "s") -> ir.Model:
    numbers = np.random.default_rng(3).uniform(-1, 1, 16 + 12).round(3)
    a, b = (", ".join(map(str, part)) for part in (numbers[:16], numbers[16:]))
    return ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[M,3] y) '
        f"<float[4,4] A = {{{a}}}, float[4,3] B = {{{b}}}, int64[2] one = {{1, 4}}, "
        "int64[2] eight = {8, -1}, int64[2] free = {-1, 4}, int64[2] odd = {2, -1}> "
        f"{{ h = MatMul (x, A)  r = Relu (h)  {reshapes}  y = MatMul ({last}, B) }}"
    )


@pytest.mark.parametrize(
    "reshapes, batch",
    [("s = Reshape (r, one)", 1), ("s = Reshape (r, eight)", 8)],
)
def test_network_is_calibrated_in_batches_of_its_own(
    reshapes: str, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.random.default_rng(4).uniform(-1, 1, (40, 4)).astype("f4")
    conversion = onnx2snn.convert(network(reshapes), 32, {"x": x})
    assert f"runs on batches of {batch} only" in caplog.text
    assert str(conversion.ir_model.graph.inputs[0].shape) == f"[{batch},4]"
    found = conversion.network.run({"x": x[:batch]})["y"]
    free = onnx2snn.convert(network("s = Identity (r)"), 32, {"x": x}, hold_out=False)
    expected = free.network.run({"x": x[:batch]})["y"]
    # the same thresholds and weights: batches of 8 or of 64 are summed in another order
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    "reshapes",
    [
        "s = Identity (r)",
        "s = Reshape (r, free)",
        "o = Reshape (r, odd)  s = Reshape (o, free)",
    ],
)
def test_free_batch_stays_free(reshapes: str) -> None:
    """Of an even number of numbers there is always a half."""
    source = read(network(reshapes))
    fix_baked_batch(source)
    assert str(source.model.graph.inputs[0].shape) == "[N,4]"

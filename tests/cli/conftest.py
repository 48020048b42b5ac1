"""A network that the tests of several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
chain (float[N,2] x) => (float[N,2] y)
<float[2,2] w = {1.0, -0.5, 0.25, 0.5}> {
    h = MatMul (x, w)
    [relu] a = Relu (h)
    s = Softmax (a)
    [last_relu] r = Relu (s)
    y = MatMul (r, w)
}
"""


@pytest.fixture
def chain(tmp_path: Path) -> str:
    path = tmp_path / "chain.onnx"
    path.write_bytes(onnx.parser.parse_model(CHAIN).SerializeToString())
    return str(path)

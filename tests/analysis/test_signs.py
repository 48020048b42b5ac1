from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.signs import Signs
from tests.models import model

POSITIVE = [
    "y = Sigmoid (x)",
    "y = Abs (x)",
    "r = Relu (x)  y = MaxPool <kernel_shape = [2, 2]> (r)",
    "r = Relu (x)  s = Sigmoid (x)  y = Add (r, s)",
    "r = Relu (x)  y = Mul (r, up)",
    "r = Relu (x)  y = Concat <axis = 1> (r, r)",
    "y = Clip (x, up)",
    "y = Max (x, up)",
    "r = Relu (x)  y = Where (c, r, up)",
    "r = Relu (x)  y = Pad (r, p)",
    "r = Relu (x)  y = Pad (r, p, up)",
    'r = Relu (x)  y = Resize <mode = "linear"> (r, , k)',
    "y = DequantizeLinear (q, up, z)",
    "r = Relu (x)  a = Add (r, r)  b = Add (a, r)  y = Add (b, a)",
]
UNKNOWN = [
    "y = Neg (x)",
    "y = Identity (x)",
    "r = Relu (x)  y = Add (r, x)",
    "r = Relu (x)  y = Mul (r, down)",
    "r = Relu (x)  y = Sub (r, up)",
    "y = Clip (x, down)",
    "y = Clip (x)",
    "y = Max (x, down)",
    "r = Relu (x)  y = Where (c, r, down)",
    "r = Relu (x)  y = Pad (r, p, down)",
    "y = Pad (x, p)",
    'r = Relu (x)  y = Resize <mode = "cubic"> (r, , k)',
    "y = DequantizeLinear (q, up, five)",
    "y = DequantizeLinear (q, d, z)",
]


@pytest.mark.parametrize(
    "body, expected", [*((b, True) for b in POSITIVE), *((b, False) for b in UNKNOWN)]
)
def test_signs(body: str, *, expected: bool) -> None:
    ann = model(
        f"(float[1,2,4,4] x, uint8[2] q, float d) => (float[A,B,C,D] y) {{ {body} }}",
        up=np.array(0.5, np.float32),
        down=np.array(-0.5, np.float32),
        c=np.array(1, np.bool_),
        p=np.array([0, 0, 1, 0, 0, 0, 0, 0], np.int64),
        k=np.array([1, 1, 2, 2], np.float32),
        z=np.array(0, np.uint8),
        five=np.array(5, np.uint8),
    )
    y = ann.graph.outputs[0]
    signs = Signs()
    assert signs.is_never_negative(y) is expected
    assert signs.is_never_negative(y) is expected  # as it was found the first time
    assert not signs.is_never_negative(None)

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.passes import LowerBatchwiseRecurrence
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, normal

WEIGHTS = {
    "w": normal(1, 2, 12, 4),
    "r": normal(2, 2, 12, 3),
    "lens": np.array([2, 5], np.int32),
    "s": dyadic(3, 2, 2, 3),
}
FEEDS = {"x": dyadic(4, 2, 5, 4)}


@pytest.mark.parametrize(
    "outputs, rest", [("y, h, c", ", , lens, s, s"), ("y, , c", ""), (", h", ", , , s")]
)
def test_transpositions_stand_around(outputs: str, rest: str) -> None:
    names = [name for name in outputs.replace(" ", "").split(",") if name]
    ann = model(
        f"(float[2,5,4] x) => ({', '.join(names)}) {{ {outputs} = LSTM "
        f'<hidden_size = 3, layout = 1, direction = "bidirectional"> (x, w, r{rest}) }}',
        **WEIGHTS,
    )
    # onnxruntime does not run the first form, and onnx's own evaluator minds no lengths
    expected = open_runner(ir.to_proto(ann))(FEEDS)
    after = ir.from_proto(ir.to_proto(ann))
    assert LowerBatchwiseRecurrence()(after).modified
    assert not LowerBatchwiseRecurrence()(after).modified
    found = run_ort(after, FEEDS)
    assert list(found) == names
    for one, other in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_usual_layout_stays() -> None:
    text = "y = GRU <hidden_size = 4> (x, w, r)"
    ann = model(f"(float[5,2,4] x) => (y) {{ {text} }}", **WEIGHTS)
    assert not LowerBatchwiseRecurrence()(ann).modified

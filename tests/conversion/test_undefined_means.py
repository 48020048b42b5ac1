"""Functions that are undefined at 0, where the mean of spikes is before the first one is sent."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import model, normal

X = normal(4, 64, 10)
MATRICES = {
    "a": normal(1, 10, 32) / 3,
    "b": normal(2, 32, 16) / 4,
    "c": normal(3, 16, 5) / 4,
}


def network(between: str) -> ir.Model:
    """Return an MLP of Relus, with ``between``, from ``r`` to ``d``, after the first of them."""
    text = (
        f"h = MatMul (x, a)  r = Relu (h)  {between}  k = MatMul (d, b)  q = Relu (k)"
    )
    return model(
        f"(float[N,10] x) => (float[N,5] y) {{ {text}  y = MatMul (q, c) }}", **MATRICES
    )


@pytest.mark.parametrize("schedule", ["lockstep", "layerwise"])
@pytest.mark.parametrize(
    "between",
    [
        "n = ReduceL1 <axes = [1]> (r)  d = Div (r, n)",
        "n = ReduceL2 <axes = [1]> (r)  d = Div (r, n)",
        "n = ReduceMax <axes = [1]> (r)  d = Div (r, n)",
        "n = ReduceLogSum <axes = [1]> (r)  d = Add (r, n)",
        "n = ReduceMean <axes = [1]> (r)  e = Sqrt (n)  d = Div (r, e)",
    ],
)
def test_what_is_undefined_at_first_comes_right(between: str, schedule: str) -> None:
    ann = network(between)
    expected = run_ort(ann, {"x": X})["y"]
    snn = onnx2snn.convert(ann, 256, {"x": X}, schedule=schedule).model
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(snn, runtime).run({"x": X})["y"]
        # errors of the last of 8 bits, in two layers that add up
        assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)


def test_samples_without_a_spike_spoil_no_weights() -> None:
    """At T = 1 whole samples have a norm of 0, and nothing can be learned from them."""
    faint = np.where(np.arange(64)[:, None] % 2, X, X / 1000)
    ann = network("n = ReduceL2 <axes = [1]> (r)  d = Div (r, n)")
    conversion = onnx2snn.convert(ann, 1, {"x": faint})
    constants = [
        tensor.const_value.numpy()
        for graph in (conversion.ir_model.graph, *conversion.ir_model.graph.subgraphs())
        for tensor in graph.initializers.values()
        if tensor.const_value is not None and tensor.dtype is ir.DataType.FLOAT
    ]
    assert all(np.isfinite(numbers).all() for numbers in constants)

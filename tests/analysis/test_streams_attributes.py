"""Attributes that make an operator with a linear rule one that is not linear."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

import onnx2snn
from onnx2snn.analysis.streams import find_streams
from tests.models import model, normal, positive

WEIGHTS = {
    "w": normal(1, 4, 4),
    "v": normal(3, 4, 3),
    "rows": np.array([[1, 3, 0]], np.int64),
    "places": np.array([[0], [2]], np.int64),
    "scale": positive(4, 4),
    "bias": normal(5, 4),
    "mean": normal(6, 4),
    "variance": positive(7, 4),
}
SCATTERS = {
    "elements": "h = ScatterElements <axis = 1, reduction = {}> (a, rows, u)",
    "nd": "h = ScatterND <reduction = {}> (a, places, p)",
}
UPDATES = {"u": positive(8, 1, 3), "p": positive(9, 2, 4)}


def network(text: str, rows: str = "N") -> ir.Model:
    return model(
        f"(float[{rows},4] x) => (float[{rows},3] z) "
        f"{{ g = MatMul (x, w)  a = Relu (g)  {text}  y = Relu (h)  z = MatMul (y, v) }}",
        header='<ir_version: 8, opset_import: ["" : 18]>',
        **WEIGHTS,
        **UPDATES,
    )


def classification(ann: ir.Model) -> str:
    (node,) = (node for node in ann.graph if node.outputs[0].name == "h")
    return str(find_streams(ann.graph).classifications[node].kind)


@pytest.mark.parametrize("text", SCATTERS.values(), ids=SCATTERS.keys())
@pytest.mark.parametrize(
    "reduction, kind",
    [
        ("none", "linear"),
        ("add", "linear"),
        ("max", "analog"),
        ("min", "analog"),
        ("mul", "analog"),
    ],
)
def test_a_scatter_is_linear_unless_it_takes_an_extremum_or_product(
    text: str, reduction: str, kind: str
) -> None:
    assert classification(network(text.format(f'"{reduction}"'))) == kind


@pytest.mark.parametrize("text", SCATTERS.values(), ids=SCATTERS.keys())
@pytest.mark.parametrize("reduction", ["none", "add", "max"])
def test_a_scatter_computes_what_the_ann_does(text: str, reduction: str) -> None:
    rows = "1" if "Elements" in text else "3"
    ann = network(text.format(f'"{reduction}"'), rows)
    x = normal(11, 30, 4)
    feeds = [{"x": x[at : at + int(rows)]} for at in range(0, 30, int(rows))]
    snn = onnx2snn.load(onnx2snn.convert(ann, T=64, calibration={"x": x}).model)
    reference = ReferenceEvaluator(ir.to_proto(ann))
    got = np.concatenate([snn.run(feed)["z"] for feed in feeds])
    expected = np.concatenate([reference.run(None, feed)[0] for feed in feeds])
    # Stairs of 1/64 of the thresholds and clipped outliers; a maximum of each step is off by more.
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.05 * np.std(expected)


def test_a_normalization_in_training_mode_is_analog() -> None:
    text = (
        "h{} = BatchNormalization <training_mode = {}> (a, scale, bias, mean, variance)"
    )
    assert classification(network(text.format("", 0))) == "linear"
    assert classification(network(text.format(", m, s", 1))) == "analog"

"""The scale and shift that a network begins with decides what its synthetic inputs are."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import onnx2snn
from onnx2snn.analysis.input_scaling import input_scalings
from onnx2snn.storage.map_types import model_of
from onnx2snn.testing import run_ort
from tests.models import normal

CENTER = np.array([100, -3, 0, 20], np.float32)
SIZE = np.array([25, 0.5, 1, 4], np.float32)
WEIGHTS = {
    "w": normal(1, 4, 16),
    "v": normal(2, 16, 16) / 4,
    "u": normal(3, 16, 3) / 4,
    "center": CENTER,
    "minus": -CENTER,
    "size": SIZE,
    "rate": 1 / SIZE,
    "moved": CENTER / SIZE,
    "negative": -SIZE,
    "zero": np.float32(0),
}
NETWORK = "h = MatMul (s, w)  a = Relu (h)  g = MatMul (a, v)  b = Relu (g)  z = MatMul (b, u)"
SPELLINGS = {
    "Sub, Div": "c = Sub (x, center)  s = Div (c, size)",
    "Add, Mul": "c = Add (x, minus)  s = Mul (rate, c)",
    "Mul, Sub": "c = Mul (x, rate)  s = Sub (c, moved)",
    "turned round": "c = Sub (center, x)  s = Div (c, negative)",
    "Scaler": "s = ai.onnx.ml.Scaler <offset = [100.0, -3.0, 0.0, 20.0], "
    "scale = [0.04, 2.0, 1.0, 0.25]> (x)",
}
OTHERS = {
    "another reader": "c = Sub (x, center)  d = Neg (x)  s = Add (c, d)",
    "not affine": "s = Exp (x)",
    "nothing is left": "s = Mul (x, zero)",
    "by x": "s = Div (size, x)",
}


def network(body: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> '
        f"g (float[N,4] x) => (float[N,3] z) {{ {body}  {NETWORK} }}"
    )
    read = {name for node in model.graph.node for name in node.input}
    for name, data in WEIGHTS.items():
        if name in read:
            tensor = onnx.numpy_helper.from_array(np.asarray(data), name)
            model.graph.initializer.append(tensor)
    return model


def ranges(ann: onnx.ModelProto) -> list[tuple[float, float]]:
    """Return the least and the largest threshold of each layer, without data."""
    layers = onnx2snn.convert(ann, 8).report["layers"]
    return [(each["v_threshold_min"], each["v_threshold_max"]) for each in layers]


@pytest.mark.parametrize("name", SPELLINGS)
def test_it_is_inverted(name: str) -> None:
    ann = network(SPELLINGS[name])
    scaling = input_scalings(model_of(ann).graph)["x"]
    wanted = normal(5, 7, 4)
    assert scaling.fits(wanted.shape)
    x = scaling.invert(wanted)
    np.testing.assert_allclose((x - CENTER) / SIZE, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", OTHERS)
def test_anything_else_is_left(name: str) -> None:
    assert input_scalings(model_of(network(OTHERS[name])).graph) == {}


@pytest.mark.parametrize("name", SPELLINGS)
def test_thresholds_are_those_of_inputs_that_need_no_scaling(name: str) -> None:
    """Inputs of variance 1 were scaled once more: thresholds fitted nothing that ever came."""
    plain = ranges(network("s = Identity (x)"))
    # float32: 100 + 25 x and back loses a few of its 24 bits.
    np.testing.assert_allclose(ranges(network(SPELLINGS[name])), plain, rtol=1e-3)


def test_the_network_is_right_without_data() -> None:
    ann = network(SPELLINGS["Scaler"])
    x = CENTER + SIZE * normal(6, 200, 4)
    found = onnx2snn.load(onnx2snn.convert(ann, 64)).run(x)["z"]
    expected = run_ort(ann, {"x": x})["z"]
    plain_ann = network("s = Identity (x)")
    plain = onnx2snn.load(onnx2snn.convert(plain_ann, 64)).run((x - CENTER) / SIZE)["z"]
    error, plain_error = (np.linalg.norm(each - expected) for each in (found, plain))
    # Rounding of the inputs may move a spike or two.
    assert error < 1.05 * plain_error


def test_an_input_that_is_broadcast_is_left() -> None:
    scaling = input_scalings(model_of(network(SPELLINGS["Sub, Div"])).graph)["x"]
    assert not scaling.fits((7, 1))
    assert not scaling.fits((7, 3))

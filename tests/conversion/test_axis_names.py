"""Axes that have one name in the file and several sizes in the data."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import onnx2snn
from onnx2snn.conversion.axis_names import separate_axes
from onnx2snn.data.axis_names import describe_broken
from onnx2snn.data.input_specs import input_specs
from onnx2snn.importing import read
from tests.models import normal

if TYPE_CHECKING:
    from collections.abc import Mapping

    Feeds = Mapping[str, np.ndarray]

T = 64
WEIGHTS = {"A": normal(1, 8, 16), "B": normal(2, 16, 4)}

SQUARE = (
    "(float[N,N,8] x) => (float[N,N,4] e) "
    "{ h = MatMul (x, A) a = Relu (h) k = MatMul (a, B) e = Relu (k) }"
)
PAIR = (
    "(float[b,n,8] x, float[b,n,8] y) => (float[b,n,n] e) "
    "{ h = MatMul (x, A) a = Relu (h) k = MatMul (y, A) b = Relu (k) "
    "c = Transpose <perm = [0, 2, 1]> (b) d = MatMul (a, c) e = Relu (d) }"
)
NO_BATCH = (
    "(float[n,8] x, float[n,8] y) => (float[n,16] e) "
    "{ h = MatMul (x, A) a = Relu (h) k = MatMul (y, A) b = Relu (k) "
    "m = ReduceMean <axes = [0]> (b) d = Add (a, m) e = Relu (d) }"
)
X = normal(3, 6, 5, 8)
Y = normal(4, 6, 3, 8)
CASES: Mapping[str, tuple[str, Feeds, Feeds]] = {
    "one input": (SQUARE, {"x": X}, {"x": X}),
    "one input, as long as a batch of one": (SQUARE, {"x": X[:, :1]}, {"x": X[:, :1]}),
    "two inputs": (PAIR, {"x": X, "y": Y}, {"x": X, "y": Y}),
    "axis 0": (NO_BATCH, {"x": X, "y": Y}, {"x": X[0], "y": Y[0]}),
}
"""Network, calibration data, and one feed of it."""


def network(text: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> g {text}')
    for name, data in WEIGHTS.items():
        if f" {name})" in text:
            model.graph.initializer.append(onnx.numpy_helper.from_array(data, name))
    return model


def run_original(model: onnx.ModelProto, feed: Feeds) -> np.ndarray:
    """Return what onnxruntime gives if it trusts no names."""
    options = ort.SessionOptions()
    options.enable_mem_reuse = False
    session = ort.InferenceSession(model.SerializeToString(), options)
    return np.asarray(session.run(None, dict(feed))[0])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "options", [{}, {"layout": "multistep"}, {"schedule": "layerwise"}]
)
def test_they_are_kept_apart(
    case: str, options: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """States took the size of the other axis, and onnxruntime refused what was written."""
    text, data, feed = CASES[case]
    ann = network(text)
    with caplog.at_level(logging.WARNING):
        conversion = onnx2snn.convert(ann, T, data, **options)
    name = "N" if text is SQUARE else "n"
    assert f"those named '{name}'" in caplog.text
    expected = run_original(ann, feed)
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(conversion, runtime=runtime).run(feed)["e"]
        # Three neurons in a row, each off by up to a step of 1 / T.
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=6 / T * np.abs(expected).max()
        )


@pytest.mark.parametrize("case", CASES)
def test_the_ann_is_evaluated_as_well(case: str) -> None:
    """onnxruntime gave values of one name the same memory, and failed at their sizes."""
    text, data, _ = CASES[case]
    ann = network(text)
    conversion = onnx2snn.convert(ann, T, data)
    found = onnx2snn.evaluate(conversion, data, ann=ann)
    deviation = found.deviations["e"][T]
    assert deviation.not_compared == 0
    assert deviation.cosine is not None
    assert deviation.cosine > 0.99


@pytest.mark.parametrize("runtime", ["ort", "numpy"])
def test_a_network_made_without_such_data_says_why_it_fails(runtime: str) -> None:
    loaded = onnx2snn.load(onnx2snn.convert(network(SQUARE), 4), runtime=runtime)
    with pytest.raises(
        onnx2snn.RuntimeShapeError,
        match=r"'N', axis 0 of 'x' has 6 and axis 1 of 'x' has 5: convert it again",
    ):
        loaded.run(X)
    with pytest.raises(onnx2snn.RuntimeShapeError, match="convert it again"):
        loaded.run_at(X, [1, 2])


def test_equal_sizes_keep_their_name(caplog: pytest.LogCaptureFixture) -> None:
    data = {"x": X, "y": X[::-1]}
    with caplog.at_level(logging.WARNING):
        conversion = onnx2snn.convert(network(PAIR), 4, data)
    assert "one name" not in caplog.text
    sizes = [list(value.shape or ()) for value in conversion.ir_model.graph.inputs]
    assert sizes[0] == sizes[1] == ["b", "n", 8]


def test_new_names_are_new() -> None:
    text = PAIR.replace("float[b,n,8] y", "float[b,n,8] y, float[n_2] z")
    source = read(network(text))
    feed = {"x": X, "y": Y, "z": np.zeros(7, np.float32)}
    separate_axes(source.model, "g", [feed])
    names = [spec.symbols for spec in input_specs(source.model)]
    assert names == [("b", "n", None), ("b", "n_3", None), ("n_2",)]
    assert source.model.graph.outputs[0].shape is None


def test_only_what_differs_is_described() -> None:
    specs = input_specs(read(network(PAIR)).model)
    assert not describe_broken(specs, {"x": X, "y": X})
    assert (
        describe_broken(specs, {"x": X, "y": Y})
        == "of those named 'n', axis 1 of 'x' has 5 and axis 1 of 'y' has 3"
    )

"""Calibration data makes a network better, also if there is little of it, or some is bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.parser

import onnx2snn
from onnx2snn.runtime.sessions import open_session

if TYPE_CHECKING:
    import pytest


def regressor(activation: str, seed: int) -> onnx.ModelProto:
    """Return a network 6-48-48-3."""
    generator = np.random.default_rng(seed)
    sizes = (6, 48, 48, 3)
    found = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 20]> g (float[N,6] x) => (float[N,3] z) {'
        f"h1 = Gemm (x, w1, b1)  a1 = {activation} (h1)  h2 = Gemm (a1, w2, b2)"
        f"  a2 = {activation} (h2)  z = Gemm (a2, w3, b3) }}"
    )
    for number in (1, 2, 3):
        rows, columns = sizes[number - 1 : number + 1]
        weight = generator.standard_normal((rows, columns)) * np.sqrt(2 / rows)
        bias = generator.standard_normal(columns) / 4
        for name, values in ((f"w{number}", weight), (f"b{number}", bias)):
            tensor = onnx.numpy_helper.from_array(values.astype(np.float32), name)
            found.graph.initializer.append(tensor)
    return found


def inputs(samples: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.standard_normal((samples, 6)).astype(np.float32)


def relative_error(ann: onnx.ModelProto, snn: onnx2snn.Conversion) -> float:
    """Return the error of all outputs on samples that nobody has seen."""
    x = inputs(400, seed=99)
    [expected] = open_session(ann).run(None, {"x": x})
    found = onnx2snn.load(snn.model).run(x)["z"]
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_few_samples_are_not_worse_than_none() -> None:
    ann = regressor("Gelu", seed=1)
    few = {"x": inputs(24, seed=1)}
    with_data = relative_error(ann, onnx2snn.convert(ann, 128, few))
    without = relative_error(ann, onnx2snn.convert(ann, 128))
    # Errors of two networks of thresholds as good as each other differ by some ten percent;
    # with thresholds that clip what was not seen it was 2.8 times as much.
    assert with_data < 1.3 * without


def test_one_bad_sample_of_many_decides_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ann = regressor("Relu", seed=0)
    good = inputs(256, seed=1)
    bad = good.copy()
    bad[100] *= 100
    from_good = relative_error(ann, onnx2snn.convert(ann, 64, {"x": good}))
    from_bad = relative_error(ann, onnx2snn.convert(ann, 64, {"x": bad}))
    assert from_bad < 1.1 * from_good  # one sample of 256 less
    assert "sample 100 of 'x'" in caplog.text


def test_too_few_samples_are_told_how_many_would_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ann = regressor("Relu", seed=0)
    onnx2snn.convert(ann, 4, {"x": inputs(25, seed=1)})  # five are held out
    [message] = [r.getMessage() for r in caplog.records if "would do" in r.getMessage()]
    # Two layers read spikes, of 48 neurons each: 48 weights for each output.
    assert message.startswith(
        "20 calibration samples to fit weights to are few: the weights of 2 of 2 "
    )
    assert "about 48 would do" in message
    assert "48 unknowns for each output, and 1 position a sample" in message
    caplog.clear()
    onnx2snn.convert(ann, 4, {"x": inputs(48, seed=1)})
    assert "would do" not in caplog.text


def test_copies_that_fill_up_a_fixed_batch_are_no_samples(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ann = regressor("Relu", seed=0)
    ann.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    onnx2snn.convert(ann, 8, {"x": inputs(10, seed=1)})  # the last batch repeats two
    assert "about 48 would do" in caplog.text
    assert "48 unknowns for each output, and 1 position a sample" in caplog.text

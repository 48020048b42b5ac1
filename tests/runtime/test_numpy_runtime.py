"""The evaluator runs a whole spiking model with the package's kernels, and without onnxruntime."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import numpy_helper

from onnx2snn.ops import ALL_OPS
from onnx2snn.runtime.kernels import AveragePool, Conv, ConvTranspose, Loop, MaxPool
from onnx2snn.runtime.numpy_runtime import evaluator

_MODEL = """
<ir_version: 8, opset_import: ["" : 17, "ai.onnx2snn" : 1]>
net (float[N, 3, 9, 8] image, int64 T) => (float[N, 5, 6, 5] mean) {
    true = Constant <value = bool {1}> ()
    bias = DequantizeLinear (integers, sixteenth)
    affine = Conv (image, first, bias)
    current = MaxPool <kernel_shape = [2, 2]> (affine)
    silent = Mul (current, zero)
    v_last, count_last, total_last = Loop (T, true, silent, silent, zero) <body = step (
        int64 t, bool running, float[] v, float[] count, float[] total
    ) => (
        bool keep, float[] v_next, float[] count_next, float[] total_next
    ) {
        keep = Identity (running)
        spike, v_next, count_next =
            ai.onnx2snn.GatedDoubleThresholdIF (current, v, count, theta, zero)
        wide = ConvTranspose (spike, second)
        pooled = AveragePool <kernel_shape = [2, 2]> (wide)
        total_next = ai.onnx2snn.RunningSum (pooled, total)
    }>
    steps = CastLike (T, total_last)
    mean = Div (total_last, steps)
}
"""
_LIAR = """
<domain: "ai.onnx2snn", opset_import: ["" : 17]>
RunningSum (x, total) => (total_next) { total_next = Sub (total, x) }
"""


def _model() -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    model = onnx.parser.parse_model(_MODEL)
    data = {
        "first": rng.integers(-8, 9, (4, 3, 3, 3)) / 64,
        "sixteenth": np.array(1 / 16),
        "second": rng.integers(-8, 9, (4, 5, 2, 2)) / 64,
        "theta": rng.integers(1, 9, (1, 4, 1, 1)) / 16,
        "zero": np.zeros(()),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.float32), name)
        for name, value in data.items()
    )
    integers = rng.integers(-2, 3, 4).astype(np.int8)
    model.graph.initializer.append(numpy_helper.from_array(integers, "integers"))
    model.functions.extend(
        ALL_OPS[name].function() for name in ("GatedDoubleThresholdIF", "RunningSum")
    )
    return model


def _feeds() -> dict[str, np.ndarray]:
    image = np.random.default_rng(1).integers(-8, 9, (7, 3, 9, 8)) / 16
    return {"image": image.astype(np.float32), "T": np.array(32)}


def test_a_dyadic_network_equals_onnxruntime_bit_for_bit() -> None:
    session = onnxruntime.InferenceSession(
        _model().SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (expected,) = session.run(None, _feeds())
    (actual,) = evaluator(_model()).run(None, _feeds())
    assert np.count_nonzero(expected) > expected.size // 2
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    feeds = _feeds()
    network = evaluator(_model())
    (together,) = network.run(None, feeds)
    alone = [network.run(None, feeds | {"image": x[None]})[0] for x in feeds["image"]]
    np.testing.assert_array_equal(together, np.concatenate(alone))


@pytest.mark.parametrize(
    "kernel",
    [Conv, ConvTranspose, MaxPool, AveragePool, Loop],
    ids=lambda kernel: kernel.__name__,
)
def test_the_kernels_run_in_the_graph_and_in_loop_bodies(
    kernel: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = kernel._run

    def _counted(*args: object, **attributes: object) -> object:
        calls.append(kernel)
        return original(*args, **attributes)

    monkeypatch.setattr(kernel, "_run", _counted)
    evaluator(_model()).run(None, _feeds())
    is_in_loop = kernel.__name__ in {"ConvTranspose", "AveragePool"}
    assert len(calls) == (32 if is_in_loop else 1)


def test_the_steps_of_the_package_win_over_the_functions_of_the_model() -> None:
    (expected,) = evaluator(_model()).run(None, _feeds())
    model = _model()
    model.functions[1].CopyFrom(onnx.parser.parse_function(_LIAR))
    (actual,) = evaluator(model).run(None, _feeds())
    np.testing.assert_array_equal(actual, expected)


def test_importing_the_runtime_does_not_import_onnxruntime() -> None:
    code = "import sys, onnx2snn.runtime.numpy_runtime; sys.exit('onnxruntime' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603 - our own code

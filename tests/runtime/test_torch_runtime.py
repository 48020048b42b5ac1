"""The runtime ``torch`` gives what onnxruntime gives, and says what it cannot run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import onnx2snn
from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.ops import ALL_OPS, MultiStepOp, StepOp
from onnx2snn.runtime.torch_runtime import steps
from tests.models import dyadic, model, normal
from tests.ops.vectors import vectors_of

if TYPE_CHECKING:
    import onnx_ir as ir

CPU = torch.device("cpu")
DIGITS = Path(__file__).parents[2] / "examples" / "digits"
X = np.load(DIGITS / "calibration.npz")["image"][:12]

RESIDUAL = (
    "(float[N,3,6,6] x) => (float[N,5] y) { a = Conv <pads = [1,1,1,1]> (x, w1)  b = Relu (a)  "
    "c = Conv <pads = [1,1,1,1]> (b, w2)  d = Add (a, c)  e = Relu (d)  "
    "f = MaxPool <kernel_shape = [2,2], strides = [2,2]> (e)  g = GlobalAveragePool (f)  "
    "h = Flatten (g)  i = MatMul (h, w3)  y = Softmax (i) }"
)


def residual() -> ir.Model:
    """Return a network whose sums are exact in any order."""
    return model(
        RESIDUAL,
        w1=dyadic(1, 4, 3, 3, 3),
        w2=dyadic(2, 4, 4, 3, 3),
        w3=dyadic(3, 4, 5),
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layout": "multistep"},
        {"schedule": "layerwise"},
        {"method": "spikeconverter", "collapse": False},
        {"input_coding": "rate"},
        {"weights": "int8"},
        {"neuron": "augmented"},
    ],
    ids=str,
)
def test_answers_are_those_of_onnxruntime(options: dict[str, Any]) -> None:
    x = dyadic(4, 10, 3, 6, 6)
    conversion = onnx2snn.convert(residual(), 4, {"x": x}, **options)
    expected = onnx2snn.load(conversion, "ort").run_at({"x": x}, [1, 4])
    found = onnx2snn.load(conversion, "torch", device="cpu").run_at({"x": x}, [1, 4])
    for t, outputs in expected.items():
        # int8 weights by scales, and means over 9 positions, are rounded in float32
        np.testing.assert_allclose(found[t]["y"], outputs["y"], rtol=1e-4, atol=1e-5)


def test_a_trained_network_answers_the_same() -> None:
    conversion = onnx2snn.convert(DIGITS / "digits.onnx", 8, {"image": X})
    expected = onnx2snn.load(conversion, "ort").run({"image": X})["logits"]
    network = onnx2snn.load(conversion, "torch", device="cpu")
    found = network.run({"image": X})["logits"]
    close = np.isclose(found, expected, rtol=1e-3, atol=1e-3).all(axis=1)
    # Convolutions sum in another order: a current just at its threshold may fire in one alone.
    assert close.mean() > 0.9
    assert network.samples_at_once() is not None  # time is in the batch


def test_events_are_a_slice_a_step() -> None:
    text = "(float[N,6] x) => (float[N,3] y) { h = MatMul (x, w)  r = Relu (h)  y = MatMul (r, v) }"
    ann = model(text, w=dyadic(1, 6, 4), v=dyadic(2, 4, 3))
    x = dyadic(3, 12, 5, 6)  # [N, T, ...]
    conversion = onnx2snn.convert(ann, 5, {"x": x}, input_coding="events")
    feeds = {"x": np.swapaxes(x, 0, 1)}
    for runtime in ("ort", "torch"):
        network = onnx2snn.load(conversion, runtime)
        found = network.run(feeds)["y"]
        if runtime == "ort":
            expected = found
    np.testing.assert_array_equal(found, expected)


def inputs_of(op: StepOp) -> list[np.ndarray]:
    spread = {"state": (40, 3, 5), "threshold": (3, 1)}
    return list(vectors_of(op, (40, 3, 5), spread, np.float32).values())


@pytest.mark.parametrize("op", ALL_OPS.values(), ids=ALL_OPS)
def test_one_step_and_all_steps_are_those_of_numpy(op: StepOp) -> None:
    inputs = inputs_of(op)
    tensors = list(map(torch.from_numpy, inputs))
    found = steps.one_call(op.name, CPU)(*tensors)
    for got, wanted in zip(found, op.step(*inputs), strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted)
    stream = np.stack([inputs[0], -inputs[0], inputs[0]])
    over_time = MultiStepOp(op).compute(stream, *inputs[1:])
    found = steps.all_steps(op.name, CPU)(torch.from_numpy(stream), *tensors[1:])
    for got, wanted in zip(found, over_time, strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["GatedDoubleThresholdIF", "InverseLeakyIF"])
def test_compiled_steps_are_the_same(name: str) -> None:
    """A GPU runs them compiled; the compiler of the CPU shows that it can follow the calls."""
    op = ALL_OPS[name]
    inputs = list(map(torch.from_numpy, inputs_of(op)))
    step = steps._Calls(op, CPU)
    compiled = torch.compile(steps._run_steps, fullgraph=True)
    stream = torch.stack([inputs[0]] * 4)
    found = compiled(op, step, stream, *inputs[1:])
    for got, wanted in zip(
        found, steps._run_steps(op, step, stream, *inputs[1:]), strict=True
    ):
        assert torch.equal(got, wanted)


def test_operators_without_a_form_are_named() -> None:
    text = "(float[N,6] x) => (float[N,4] y) { h = MatMul (x, w)  r = Relu (h)  y = Hardmax (r) }"
    conversion = onnx2snn.convert(
        model(text, w=normal(1, 6, 4)), 4, {"x": normal(2, 20, 6)}
    )
    with pytest.raises(UnsupportedError, match=r"(?s)runtime 'ort'.*Hardmax 'y'"):
        onnx2snn.load(conversion, "torch", device="cpu")


def test_a_device_that_is_not_there_is_refused() -> None:
    conversion = onnx2snn.convert(residual(), 2)
    with pytest.raises(OptionError, match="device: PyTorch cannot use 'quantum'"):
        onnx2snn.load(conversion, "torch", device="quantum")
    with pytest.raises(OptionError, match="of use with the runtime torch only"):
        onnx2snn.load(conversion, "ort", device="cpu")


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    conversion = onnx2snn.convert(residual(), 2)
    name = "onnx2snn.runtime.torch_runtime.runner"
    monkeypatch.delattr(
        sys.modules["onnx2snn.runtime.torch_runtime"], "runner", raising=False
    )
    monkeypatch.setitem(sys.modules, name, None)  # as if importing it failed
    with pytest.raises(OptionError, match=r"pip install 'onnx2snn\[torch\]'"):
        onnx2snn.load(conversion, "torch")

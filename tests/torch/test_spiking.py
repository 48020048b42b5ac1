"""An emitted network in torch: the spikes of the file, and the gradient of the clipped mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import pytest
import torch

import onnx2snn
from onnx2snn.errors import InvalidModelError, UnsupportedError
from onnx2snn.torch.kinds import NodeKind, kinds_of
from onnx2snn.torch.spiking import SpikingModule
from onnx2snn.torch.surrogates import SURROGATES, surrogate
from tests.models import dyadic, emitted, model
from tests.test_dyadic import BLOCKS, T, network

if TYPE_CHECKING:
    import onnx

TORCH_BLOCKS = sorted(BLOCKS.keys() - {"transposed"})


def expected(proto: onnx.ModelProto, x: np.ndarray, steps: int) -> np.ndarray:
    return onnx2snn.load(proto, "numpy").run({"x": x}, steps)["y"]


@pytest.mark.parametrize("neuron", ["gated", "if", "augmented"])
@pytest.mark.parametrize("block", TORCH_BLOCKS)
def test_all_runtimes_and_torch_give_the_same_bits(block: str, neuron: str) -> None:
    proto = network([block, "residual"], 0.5, neuron, seed=1)
    x = dyadic(2, 2, 2, 7, 6, unit=16)
    module = SpikingModule(ir.from_proto(proto), T)
    y = expected(proto, x, T)
    np.testing.assert_array_equal(
        onnx2snn.load(proto, threads=1).run({"x": x}, T)["y"], y
    )
    assert len(np.unique(y)) > 3, "the network is silent"
    for is_training in (False, True):  # all steps; then the means over them
        module.train(is_training)
        found = module({"x": torch.from_numpy(x)}).outputs["y"]
        np.testing.assert_array_equal(found.detach().numpy(), y)


ANALOG = "h = MatMul (x, w)  a = Relu (h)  z = MatMul (a, w2)  e = {op} (z)  y = MatMul (e, u)"
MATRICES = {"w": dyadic(1, 3, 4), "w2": dyadic(2, 4, 4), "u": dyadic(3, 4, 2)}


@pytest.mark.parametrize("op", ["Tanh", "Sigmoid", "Softmax"])
@pytest.mark.parametrize("neuron", ["gated", "if", "augmented"])
def test_running_means_are_functions_of_the_means(op: str, neuron: str) -> None:
    ann = model(
        f"(float[N,3] x) => (float[N,2] y) {{ {ANALOG.format(op=op)} }}", **MATRICES
    )
    proto = emitted(ann, 8, 0.5, neuron)
    x = dyadic(4, 5, 3, unit=16, limit=16)
    module = SpikingModule(ir.from_proto(proto), 8)
    for is_training in (False, True):
        module.train(is_training)
        found = module({"x": torch.from_numpy(x)}).outputs["y"].detach().numpy()
        np.testing.assert_allclose(found, expected(proto, x, 8), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("coding", ["events", "rate"])
def test_coded_inputs_enter_with_their_means(coding: str) -> None:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w) a = Relu (h) y = MatMul (a, u) }",
        w=MATRICES["w"],
        u=MATRICES["u"],
    )
    data = np.abs(dyadic(5, 6, 3, unit=16))
    events = {"events": {"x": np.stack([data] * 4, 1)}, "rate": {"x": data}}[coding]
    snn = onnx2snn.convert(ann, 4, events, input_coding=coding).ir_model
    x = dyadic(4, 4, 5, 3, unit=16) if coding == "events" else data
    y = onnx2snn.load(snn, "numpy").run({"x": x}, 4)["y"]
    module = SpikingModule(snn, 4)
    for is_training in (False, True):
        module.train(is_training)
        found = module({"x": torch.from_numpy(x)}).outputs["y"].detach().numpy()
        np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-6)


def test_a_bias_for_each_step_enters_with_its_mean() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w) a = Relu (h) y = MatMul (a, u) }",
        w=MATRICES["w"],
        u=MATRICES["u"],
    )
    x = dyadic(4, 64, 3, unit=16)
    snn = onnx2snn.convert(ann, 4, {"x": x}, corrections=["step-bias"]).ir_model
    module = SpikingModule(snn, 4)
    y = onnx2snn.load(snn, "numpy").run({"x": x}, 4)["y"]
    np.testing.assert_allclose(
        module({"x": torch.from_numpy(x)}).outputs["y"].detach(), y, atol=1e-6
    )


def test_the_gradient_is_that_of_the_clipped_means_written_out() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w) a = Relu (h) z = MatMul (a, w2)"
        " e = Relu (z) y = MatMul (e, u) }",
        **MATRICES,
    )
    steps, theta0 = 4, 0.5
    module = SpikingModule(ir.from_proto(emitted(ann, steps, theta0)), steps)
    x = torch.from_numpy(dyadic(4, 7, 3, unit=16, limit=16))
    module({"x": x}).outputs["y"].square().sum().backward()

    weights = {n: torch.from_numpy(m).requires_grad_() for n, m in MATRICES.items()}
    thresholds = [torch.full((1, 1), theta0, requires_grad=True) for _ in range(2)]
    starts = [torch.full((1, 1), theta0 / 2, requires_grad=True) for _ in range(2)]

    def layer(z: torch.Tensor, spikes: torch.Tensor, k: int) -> torch.Tensor:
        soft = (z + starts[k] / steps - thresholds[k] / (2 * steps)) / thresholds[k]
        clipped = soft.clamp(0, 1)
        return (spikes + clipped - clipped.detach()) * thresholds[k]

    def spikes_of(currents: list[torch.Tensor]) -> list[torch.Tensor]:
        v, count, sent = theta0 / 2, torch.zeros(()), []
        for current in currents:
            h = v + current
            spike = (h >= theta0).float() - torch.minimum((h < 0).float(), count)
            v, count = h - spike * theta0, count + spike
            sent.append(spike)
        return sent

    with torch.no_grad():
        first = spikes_of([x @ weights["w"]] * steps)
        second = spikes_of([theta0 * spike @ weights["w2"] for spike in first])
    a = layer(x @ weights["w"], sum(first) / steps, 0)
    e = layer(a @ weights["w2"], sum(second) / steps, 1)
    (e @ weights["u"]).square().sum().backward()

    trained = [v for v in module.trained.values() if "negative" not in str(v.name)]
    found = {str(v.name): module.trained.change(v).grad for v in trained}
    for name, matrix in weights.items():
        np.testing.assert_allclose(
            found[name], matrix.grad, rtol=1e-5, atol=1e-6, err_msg=name
        )
        assert matrix.grad.abs().max() > 0
    for k, activation in enumerate("ae"):
        for part, leaf in (("v_threshold", thresholds[k]), ("v_init", starts[k])):
            (name,) = [
                n
                for n in found
                if n.startswith(f"{activation}.{part}") and "body" not in n
            ]
            np.testing.assert_allclose(
                found[name].sum(), leaf.grad.sum(), rtol=1e-5, atol=1e-6, err_msg=name
            )


@pytest.mark.parametrize("op_type", SURROGATES)
def test_a_surrogate_is_within_half_a_step_of_what_a_neuron_sends(op_type: str) -> None:
    from onnx2snn.ops import ALL_OPS  # noqa: PLC0415

    steps, theta = 8, 0.5
    z = np.linspace(-1.5, 3.5, 81, dtype=np.float32)
    start = 0.0 if op_type == "DoubleThresholdIF" else theta / 2
    given = {
        "current": z,
        "v": np.full_like(z, start),
        "count": np.zeros_like(z),
        "v_threshold": np.float32(theta),
        "v_threshold_negative": np.float32(
            theta if op_type == "DoubleThresholdIF" else 0
        ),
        "max_spikes": np.float32(3),
    }
    op = ALL_OPS[op_type]
    inputs = [given[name] for name in op.inputs]
    soft = surrogate(op_type, [torch.tensor(array) for array in inputs], steps).numpy()
    values, total = dict(given), np.zeros_like(z)
    for _ in range(steps):
        outputs = dict(
            zip(op.outputs, op.step(*(values[name] for name in op.inputs)), strict=True)
        )
        values |= {name: outputs[after] for name, after in op.state.items()}
        total += outputs["spike"]
    slack = 1.0 if op_type == "DoubleThresholdIF" else 0.5  # it rounds toward 0
    assert np.abs(soft - total / steps).max() <= slack / steps + 1e-6


CHAIN = (
    "(float[N,3] x) => (float[N,4] y) { h = MatMul (x, w) a = Relu (h) z = MatMul (a, w2)"
    " [odd] n = LpNormalization (z) b = Relu (n) y = MatMul (b, w3) }"
)


def test_an_operator_without_a_form_in_torch_is_refused_by_name() -> None:
    ann = model(CHAIN, w=MATRICES["w"], w2=MATRICES["w2"], w3=MATRICES["w2"])
    with pytest.raises(
        UnsupportedError, match="LpNormalization 'odd': no PyTorch form is known"
    ) as caught:
        SpikingModule(ir.from_proto(emitted(ann, 4)), 4)
    assert [refusal.node for refusal in caught.value.refusals] == ["odd"]


def test_a_pad_that_reflects_and_a_neuron_without_a_gradient_are_refused() -> None:
    ann = model(
        "(float[N,2,5] x) => (float[N,2,7] y)"
        ' { h = Relu (x)  [reflect] p = Pad <mode = "reflect"> (h, pads)  y = Relu (p) }',
        pads=np.array([0, 0, 1, 0, 0, 1]),
    )
    with pytest.raises(
        UnsupportedError, match=r"(?s)no gradient is known.*'reflect': .*'constant'"
    ):
        SpikingModule(ir.from_proto(emitted(ann, 4, neuron="hard-reset")), 4)


def test_a_network_layer_by_layer_or_in_float16_is_refused() -> None:
    ann = model(
        "(float[N,3] x) => (float[N,4] y) { h = MatMul (x, w) y = Relu (h) }",
        w=MATRICES["w"],
    )
    layers = onnx2snn.convert(ann, 4, schedule="layerwise").ir_model
    with pytest.raises(InvalidModelError, match="'lockstep'"):
        SpikingModule(layers, 4)
    half = model(
        "(float16[N,3] x) => (float16[N,4] y) { h = MatMul (x, w) y = Relu (h) }",
        w=MATRICES["w"].astype(np.float16),
    )
    with pytest.raises(UnsupportedError, match="FLOAT16"):
        SpikingModule(ir.from_proto(emitted(half, 4)), 4)  # convert computes in float32


STEP = '<ir_version: 8, opset_import: ["" : 17, "ai.onnx2snn" : 1]>'
NEURON = "s, v2 = ai.onnx2snn.IntegrateAndFire (x, v, th)  total = ai.onnx2snn.RunningSum (s, v)  "


@pytest.mark.parametrize(
    "text, node",
    [
        ("[square] y = Mul (s, s)", "square"),
        ("[relu] y = Relu (s)", "relu"),
        ("[mixed] y = Add (s, total)", "mixed"),
        ("[divisor] y = Div (x, s)", "divisor"),
        ("[twice] y = ai.onnx2snn.RunningSum (total, v)", "twice"),
    ],
)
def test_what_is_no_function_of_means_is_refused_by_name(text: str, node: str) -> None:
    step = model(
        f"(float[4] x, float[4] v, float[1] th, int64 t) => (float[4] y) {{ {NEURON}{text} }}",
        STEP,
    )
    with pytest.raises(UnsupportedError, match=f"'{node}': reads streams") as caught:
        kinds_of(step.graph, step.graph.inputs[3])
    assert len(caught.value.refusals) == 1


def test_kinds_follow_from_what_a_node_reads() -> None:
    text = (
        "m = MaxPool <kernel_shape = [1]> (total)  d, e = ai.onnx2snn.Difference (m, v)"
        "  f = Add (d, s)  c = Cast <to = 1> (t)  g = Mul (m, c)  k = Shape (s)  h = Add (x, c)"
        "  y = Sub (f, h)"
    )
    step = model(
        f"(float[4] x, float[4] v, float[1] th, int64 t) => (float[4] y) {{ {NEURON}{text} }}",
        STEP,
    )
    kinds = {
        v.name: kind for v, kind in kinds_of(step.graph, step.graph.inputs[3]).items()
    }
    means = dict.fromkeys(("s", "v2", "d", "e", "f", "y"), NodeKind.MEAN)
    finals = dict.fromkeys(("total", "m", "g"), NodeKind.FINAL)
    assert kinds == means | finals | {
        "t": NodeKind.CLOCK,
        "c": NodeKind.CLOCK,
        "h": NodeKind.CLOCK,
    } | {"k": NodeKind.STATIC}

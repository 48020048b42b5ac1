"""Whatever stands before a neuron, the mean of its stream is the node's function of the mean.

The pass is tested through the emitted loop: the current of the neuron ``y`` is asked for at every
step, and its mean over the first t steps compared with the ANN on the mean of the input so far.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    ReplaceActivations,
)
from onnx2snn.runtime.numpy_runtime import open_runner
from onnx2snn.testing import run_ort
from tests.models import dyadic, emitted, model, normal, positive, with_scales

T = 7
SPIKES = np.random.default_rng(1).integers(-1, 2, (T, 2, 4, 6, 5)).astype(np.float32)
ROWS = normal(2, T, 3, 4)
WEIGHTS = {
    "w": normal(3, 4, 4),
    "b": normal(4, 4),
    "s": positive(5, 4),
    "g": normal(6, 4),
    "i": np.array([2, 0, 1], np.int64),
    "axis": np.array(1, np.int64),
    "pads": np.array([0, 1, 0, 2], np.int64),
    "rest": np.array([-1, 2], np.int64),
    "k": np.array([2], np.int64),
    "zero": np.zeros((), np.float32),
}


NESTED = (
    "p = If (c) <then_branch = tt () => (float[3,4] r) { r = Mul (l, x) }, "
    "else_branch = ee () => (float[3,4] u) { u = Neg (x) }>"
)


def currents(text: str, stream: np.ndarray, shape: str) -> tuple[np.ndarray, ir.Model]:
    """Return the current of neuron ``y`` at every step when ``x`` is ``stream``, and the ANN."""
    signature = f"(float[{shape}] x, bool c) => (y)"
    ann = model(f"{signature} {{ {text}  y = Relu (h) }}", **WEIGHTS)
    snn = with_scales(ann.clone())
    ReplaceActivations()(snn)
    CarryRunningMeans(events=("x",))(snn)
    neuron = next(node for node in snn.graph if is_neuron(node))
    assert neuron.inputs[0] is not None
    name = f"{neuron.inputs[0].name}"
    snn.graph.outputs[:] = [neuron.inputs[0]]
    EmitTimeLoop(T, events=("x",), every_step=(name,))(snn)
    AttachFunctions()(snn)
    feeds = {"x": stream, "c": np.array(1, bool)}
    result = run_ort(snn, feeds)[name]
    other = open_runner(ir.to_proto(snn))(feeds)[0]
    np.testing.assert_allclose(result, other, rtol=1e-5, atol=1e-5)
    return result, ann


def wanted(ann: ir.Model, stream: np.ndarray) -> np.ndarray:
    """Return ``h`` of the ANN on the mean of ``stream`` over the first 1, 2 ... T steps."""
    relu = ann.graph.node(-1)
    assert relu.inputs[0] is not None
    ann.graph.outputs[:] = [relu.inputs[0]]
    numbers = np.arange(1, T + 1).reshape(-1, *[1] * (stream.ndim - 1))
    means = (stream.cumsum(axis=0) / numbers).astype(np.float32)
    return np.stack(
        [run_ort(ann, {"x": x, "c": np.array(1, bool)})["h"] for x in means]
    )


def means(stream: np.ndarray) -> np.ndarray:
    numbers = np.arange(1, T + 1).reshape(-1, *[1] * (stream.ndim - 1))
    return stream.cumsum(axis=0) / numbers


@pytest.mark.parametrize(
    "text",
    [
        "h = MaxPool <kernel_shape = [2, 3]> (x)",
        "h = MaxPool <kernel_shape = [3, 2], pads = [1, 1, 1, 0], strides = [2, 1]> (x)",
        "h = GlobalMaxPool (x)",
        "h = ReduceMax <axes = [1, -1], keepdims = 0> (x)",
        "h = ReduceMin <axes = [2]> (x)",
        "a = Neg (x)  h = Max (x, a)",
        "a = Neg (x)  b2 = Transpose <perm = [0, 1, 2, 3]> (a)  h = Min (x, b2, a)",
        "p = MaxPool <kernel_shape = [2, 2]> (x)  h = MaxPool <kernel_shape = [2, 1]> (p)",
        "p = GlobalMaxPool (x)  q = MaxPool <kernel_shape = [2, 2]> (x)  h = Sub (q, p)",
    ],
)
def test_max_like_is_exact_on_spikes(text: str) -> None:
    stream, ann = currents(text, SPIKES, "2,4,6,5")
    assert np.array_equal(stream, np.round(stream)), "no integers any more"
    sums = SPIKES.cumsum(axis=0)
    ann.graph.outputs[:] = ann.graph.node(-1).inputs[:1]
    expected = [run_ort(ann, {"x": x, "c": np.array(1, bool)})["h"] for x in sums]
    np.testing.assert_array_equal(stream.cumsum(axis=0), np.stack(expected))


@pytest.mark.parametrize(
    "text",
    [
        "h = Softmax (x)",
        "h = LayerNormalization (x, s, b)",
        "a = Exp (x)  h = Mul (a, x)",
        "d = Transpose (x)  h = MatMul (x, d)",
        "a = Softmax (x)  m = Gemm (a, w, b)  n = Sin (m)  h = Gemm (n, w)",
        "a = Softmax (x)  m = Gemm (x, w, b)  h = Add (a, m)",
        "e = Exp (x)  a = Max (x, e, b)  h = Mul (a, s)",
        "a = Exp (x)  p = ReduceMax <axes = [1]> (a)  h = Sub (p, x)",
        "a, j = TopK <axis = 1> (x, k)  h = Gather <axis = 1> (w, j)",
        "a, j = TopK <axis = 1> (x, k)  h = Neg (a)",
        "a = ArgMax <axis = 1, keepdims = 0> (x)  f = Cast <to = 1> (a)  h = Mul (f, zero)",
        "m = Greater (x, zero)  h = Where (m, x, b)",
        "m = Greater (x, zero)  f = Cast <to = 1> (m)  h = Mul (f, x)",
        "a = Cast <to = 7> (x)  h = Cast <to = 1> (a)",
        "h = Div (b, x)",
        "a, b2 = Split <axis = 1> (x)  e = Exp (a)  h = Add (e, b2)",
        "m = ReduceMean <keepdims = 0> (x)  e = Exp (m)  h = Pad (x, pads, e)",
    ],
)
def test_means_go_through_whatever_is_there(text: str) -> None:
    stream, ann = currents(text, ROWS, "3,4")
    # t m(t) - (t-1) m(t-1) cancels: T times the rounding of m
    np.testing.assert_allclose(means(stream), wanted(ann, ROWS), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "h = Gemm (x, w, b)",
        "n = Shape (x)  a = Neg (x)  e = Exp (x)  h = Expand (a, n)",
        "n = Shape (x)  f = Reshape (x, rest)  d = Neg (f)  h = Reshape (d, n)",
        "a, d = Split <axis = 1> (x)  h = Concat <axis = -1> (d, a, d)",
        "n = Size (x)  f = Cast <to = 1> (n)  h = Mul (x, f)",
        "h = Gather <axis = 1> (x, i)",
        "h = CumSum (x, axis)",
        'h = Einsum <equation = "ij,jk->ik"> (x, w)',
        "m = ReduceMean <keepdims = 0> (x)  h = Pad (x, pads, m)",
        "a = Sum (x, x, b)  h = Mean (a, x)",
    ],
)
def test_linear_nodes_are_left_as_they_are(text: str) -> None:
    stream, ann = currents(text, ROWS, "3,4")
    np.testing.assert_allclose(means(stream), wanted(ann, ROWS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "nodes, condition, then, other",
    [
        ("", "c", "p = Gemm (x, w, b)", "q = Neg (x)"),
        ("l = Neg (x)", "c", "e = Exp (l)  p = Add (e, x)", "q = Identity (l)"),
        ("l = Softmax (x)", "c", NESTED, "q = Neg (l)"),
        (
            "m = ReduceMean (x)  d = Greater (m, zero)",
            "d",
            "p = Add (x, b)",
            "q = Neg (x)",
        ),
    ],
    ids=["captures", "computes", "nested", "decides"],
)
def test_what_a_branch_captures_is_a_mean(
    nodes: str, condition: str, then: str, other: str
) -> None:
    branches = (
        f"<then_branch = t () => (float[3,4] p) {{ {then} }}, "
        f"else_branch = e () => (float[3,4] q) {{ {other} }}>"
    )
    stream, ann = currents(f"{nodes}  h = If ({condition}) {branches}", ROWS, "3,4")
    np.testing.assert_allclose(means(stream), wanted(ann, ROWS), rtol=1e-4, atol=1e-4)


def ops(text: str, outputs: str = "y") -> dict[str, int]:
    """Count the operators of an ANN of rows in a single-step graph."""
    snn = with_scales(model(f"(float[N,4] x) => ({outputs}) {{ {text} }}", **WEIGHTS))
    ReplaceActivations()(snn)
    CarryRunningMeans()(snn)
    names = [
        node.op_type
        for node in snn.graph
        if node.domain == DOMAIN or node.op_type == "Div"
    ]
    return {name: names.count(name) for name in dict.fromkeys(sorted(names))}


NEURON = "GatedDoubleThresholdIF"


def test_a_chain_of_analog_nodes_becomes_a_stream_once() -> None:
    text = (
        "a = Relu (x)  e = Softmax (a)  t = Sin (e)  m = Gemm (t, w, b)  y = Relu (m)  "
    )
    text += "z = Gemm (y, w)"
    assert ops(text, "z") == {"Difference": 1, "Div": 2, NEURON: 2, "RunningSum": 3}


def test_a_sum_and_a_mean_are_made_once() -> None:
    text = (
        "a = Relu (x)  e = Softmax (a)  t = Sin (a)  m = Mul (e, t)  "
        "y = Relu (m)  z = Gemm (y, w)"
    )
    assert ops(text, "z") == {"Difference": 1, "Div": 2, NEURON: 2, "RunningSum": 3}


def test_a_readout_costs_one_sum() -> None:
    text = "a = Relu (x)  m = Gemm (a, w, b)  y = Softmax (m)"
    assert ops(text) == {"Div": 1, NEURON: 1, "RunningSum": 2}


def test_no_streams_no_change() -> None:
    ann = model(
        "(float[N,4] x) => (y) { a = Softmax (x)  y = Gemm (a, w) }", w=WEIGHTS["w"]
    )
    assert not CarryRunningMeans()(ann).modified
    assert not CarryRunningMeans(events=("z",))(ann).modified


@pytest.mark.parametrize("steps", [1, 2, 5, 32])
def test_outputs_are_means(steps: int) -> None:
    outputs = (
        "float[N,4] y, float[N,4] a, float[N,4] m, float[N,4] static, float[N,4] z"
    )
    ann = model(
        f"(float[N,4] x) => ({outputs}) {{ static = Neg (x)  a = Relu (x)  m = Gemm (a, w, b)  "
        "y = Relu (m)  z = Softmax (y) }",
        w=dyadic(1, 4, 4),
        b=dyadic(2, 4),
    )
    gemm = model(
        "(float[N,4] a) => (m) { m = Gemm (a, w, b) }",
        w=dyadic(1, 4, 4),
        b=dyadic(2, 4),
    )
    x = dyadic(3, 5, 4, unit=16)
    network = emitted(ann)
    onnx.checker.check_model(network, full_check=True)
    found = run_ort(network, {"x": x, "T": np.array(steps)})
    assert list(found) == ["y", "a", "m", "static", "z"]
    np.testing.assert_array_equal(found["static"], -x)
    # the input is the same in every step: the mean is the quantized activation
    rate = np.clip(np.floor((steps * x + 0.25) / 0.5), 0, steps) * 0.5 / steps
    np.testing.assert_allclose(found["a"], rate, rtol=1e-6)
    np.testing.assert_allclose(
        found["m"], run_ort(gemm, {"a": rate.astype("f4")})["m"], 1e-6, 1e-6
    )
    softmax = np.exp(found["y"]) / np.exp(found["y"]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["z"], softmax, rtol=1e-6)


def test_an_output_that_neurons_read_as_well() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] p, float[N,4] y) { a = Relu (x)  b2 = Neg (a)  "
        "p = Max (a, b2)  y = Relu (p) }"
    )
    x = dyadic(3, 5, 4, unit=16)
    found = run_ort(emitted(ann), {"x": x, "T": np.array(32)})
    np.testing.assert_array_equal(found["p"], found["y"])
    np.testing.assert_array_equal(
        found["p"], np.clip(np.floor(64 * x + 0.5), 0, 32) / 64
    )


def test_doubles_and_floats_have_step_numbers_of_their_own() -> None:
    ann = model(
        "(float[N,4] x) => (float[N,4] y, double[N,4] z) { a = Relu (x)  y = Softmax (a)  "
        "d = Cast <to = 11> (a)  z = Softmax (d) }"
    )
    found = run_ort(emitted(ann), {"x": dyadic(3, 5, 4, unit=16), "T": np.array(3)})
    assert found["z"].dtype == np.float64
    np.testing.assert_allclose(found["z"], found["y"], rtol=1e-6)

"""Whole networks with recurrent operators, loops, branches and sequences between their weights."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from onnx2snn.testing import run_ort
from tests.models import model, normal

T = 128
WEIGHTS = {
    "w": normal(1, 4, 4) / 2,
    "v": normal(2, 3, 4),
    "u": normal(12, 6, 4) / 2,
    "r": normal(3, 4, 3) / 2,
    "wl": normal(5, 2, 12, 4) / 2,
    "rl": normal(6, 2, 12, 3) / 2,
    "wg": normal(7, 1, 9, 4),
    "rg": normal(8, 1, 9, 3),
    "wr": normal(9, 1, 3, 4),
    "rr": normal(10, 1, 3, 3),
    "h2": normal(11, 2, 2, 3),
    "h1": normal(13, 2, 3),
    "lengths": np.array([3, 5], np.int32),
    "three": np.array(3, np.int64),
    "first": np.array(0, np.int64),
    "axis": np.array([1], np.int64),
    "rest": np.array([-1], np.int64),
    "go": np.array(1, np.bool_),
    "zero": np.array(0, np.float32),
    "half": np.array(0.5, np.float32),
}
INPUTS = "float[5,2,4] x"
HEAD, TAIL = (
    "g = MatMul (x, w)  a = Relu (g)",
    "d = MatMul (h, w)  e = Relu (d)  y = MatMul (e, w)",
)
LOOP = (
    "h, o = Loop (three, go, a) <body = b (int64 n, bool c, float[5,2,4] p) => (bool k, "
    "float[5,2,4] q, float[5,2,4] z) {{ k = Identity (c)  {} }}>"
)
BRANCHES = (
    "h = If ({}) <then_branch = t () => (float[5,2,4] p) { m = MatMul (a, w)  p = Relu (m) }, "
    "else_branch = f () => (float[5,2,4] q) { q = Neg (a) }>"
)
BRANCH = (
    "s = ReduceSum <keepdims = 0> (p)  i = Greater (s, zero)  q = If (i) <then_branch = t () => "
    "(float[5,2,4] l) { m = MatMul (p, w)  l = Sub (a, m) }, else_branch = f () => "
    "(float[5,2,4] j) { j = Neg (p) }>  z = Identity (q)"
)
NETWORKS = {
    "lstm": 'a = Relu (x)  b, h, c = LSTM <hidden_size = 3, direction = "bidirectional"> (a, wl, '
    "rl)  s = Transpose <perm = [1, 0, 2]> (h)  q = Flatten (s)  d = Gemm (q, u)  e = Relu (d)  "
    "y = MatMul (e, w)",
    "lstm with lengths and states": "g = MatMul (x, w)  a = Tanh (g)  b, h, c = LSTM <hidden_size "
    '= 3, direction = "bidirectional"> (a, wl, rl, , lengths, h2)  s = Transpose <perm = '
    "[0, 2, 1, 3]> (b)  n = Shape <end = 2> (x)  k = Concat <axis = 0> (n, rest)  "
    "q = Reshape (s, k)  d = MatMul (q, u)  e = Relu (d)  y = MatMul (e, w)",
    "gru": "g = MatMul (x, w)  b, h = GRU <hidden_size = 3> (g, wg, rg)  s = Squeeze (b, axis)  "
    "d = MatMul (s, v)  e = Relu (d)  f = MatMul (e, w)  y = Softmax (f)",
    "rnn on rnn, the batch first": "g = MatMul (x, w)  b, h = RNN <hidden_size = 3, layout = 1> "
    "(g, wr, rr)  s = Squeeze (b, two)  d = MatMul (s, v)  f, i = RNN <hidden_size = 3, "
    "layout = 1> (d, wr, rr)  y = MatMul (i, v)",
    "a cell in a loop": f"{HEAD}  {LOOP.format('m = MatMul (p, w)  z = Tanh (m)  q = Add (z, a)')}"
    f"  {TAIL}",
    "a loop that is all there is": "a = MatMul (x, w)  "
    + LOOP.format("m = MatMul (p, w)  z = Tanh (m)  q = Add (z, a)")
    + "  y = MatMul (h, w)",
    "a branch in a loop": f"{HEAD}  {LOOP.format(BRANCH)}  {TAIL}",
    "a loop until": f"{HEAD}  h, o = Loop (, go, a) <body = b (int64 n, bool c, float[5,2,4] p) "
    "=> (bool k, float[5,2,4] q, float[5,2,4] z) { q = Mul (p, half)  s = ReduceMax <keepdims = 0>"
    f" (q)  k = Greater (s, half)  z = Relu (q) }}>  {TAIL}",
    "a scan": f"{HEAD}  i, o = Scan (h1, a) <num_scan_inputs = 1, body = b (float[2,3] p, "
    "float[2,4] f) => (float[2,3] q, float[2,3] z) { m = MatMul (f, r)  n = Add (m, p)  "
    "q = Tanh (n)  z = Identity (q) }>  h = MatMul (o, v)  e = Relu (h)  y = MatMul (e, w)",
    "a scan of a stream that is captured": f"{HEAD}  i, o = Scan (h1, x) <num_scan_inputs = 1, "
    "body = b (float[2,3] p, float[2,4] f) => (float[2,3] q, float[2,3] z) { "
    "j = Gather <axis = 0> (a, first)  l = Add (j, f)  m = MatMul (l, r)  n = Add (m, p)  "
    "q = Tanh (n)  z = Identity (q) }>  h = MatMul (o, v)  e = Relu (h)  y = MatMul (e, w)",
    "a stream that decides": f"{HEAD}  s = ReduceSum <keepdims = 0> (a)  c = Greater (s, zero)  "
    f"{BRANCHES.replace('{}', 'c')}  {TAIL}",
    "an input that decides": f"{HEAD}  s = ReduceSum <keepdims = 0> (x)  c = Greater (s, zero)  "
    f"{BRANCHES.replace('{}', 'c')}  {TAIL}",
    "a sequence": f"{HEAD}  c = Greater (a, half)  i = Cast <to = 7> (c)  j = ReduceMax <keepdims "
    f"= 0> (i)  s = SequenceConstruct (a, x)  h = SequenceAt (s, j)  {TAIL}",
    "a sequence that the readout reads too": f"{HEAD}  c = Greater (a, half)  "
    "i = Cast <to = 7> (c)  j = ReduceMax <keepdims = 0> (i)  s = SequenceConstruct (a, x)  "
    "t = SequenceMap <body = b (float[5,2,4] p) => (float[5,2,4] q) { q = Exp (p) }> (s)  "
    "h = SequenceAt (t, j)  d = MatMul (h, w)  e = Relu (d)  f = MatMul (e, w)  "
    "k = SequenceAt (t, first)  y = Add (f, k)",
    "parts of a sequence": f"{HEAD}  s = SplitToSequence <axis = 0> (a)  f = SequenceAt (s, first)"
    f"  t = SequenceConstruct (f, a)  h = ConcatFromSequence <axis = 0> (t)  {TAIL}",
    "where spikes are": f"{HEAD}  n = NonZero (a)  t = Transpose (n)  k = GatherND (a, t)  "
    "m = ReduceMean <keepdims = 0> (k)  h = Sub (a, m)  " + TAIL,
    "neurons at places that spikes choose": f"{HEAD}  m = MatMul (a, w)  b = Relu (m)  "
    "n = NonZero (b)  t = Transpose (n)  k = GatherND (b, t)  l = Tanh (k)  "
    "s = ReduceSum <keepdims = 0> (l)  y = MatMul (b, w)  z = Mul (y, s)",
}  # fmt: skip


def network(name: str) -> ir.Model:
    text = NETWORKS[name]
    output = "z" if "z = Mul" in text else "y"
    weights = WEIGHTS | {"two": np.array([2], np.int64)}
    return model(f"({INPUTS}) => ({output}) {{ {text} }}", **weights)


def original(name: str, feeds: dict[str, np.ndarray]) -> np.ndarray:
    ann = network(name)
    onnx2snn.passes.LowerBatchwiseRecurrence()(
        ann
    )  # onnxruntime runs the other layout only
    return next(iter(run_ort(ann, feeds).values()))


@pytest.mark.parametrize("spike", ["activations", "all"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_spiking_network_computes_what_the_ann_does(name: str, spike: str) -> None:
    feeds = {"x": normal(22, 5, 2, 4)}
    expected = original(name, feeds)
    conversion = onnx2snn.convert(
        ir.to_proto(network(name)),
        T=T,
        calibration=[feeds],
        threshold="max",
        corrections=(),
        spike=spike,
    )
    results = [
        next(iter(onnx2snn.load(conversion.model, runtime).run(feeds).values()))
        for runtime in ("ort", "numpy")
    ]
    # each of up to four neurons in a row is off by a stair, 1 / T of the largest activation, and
    # the weights between them add up to four such errors
    np.testing.assert_allclose(
        results[0], expected, rtol=0, atol=8 / T * np.abs(expected).max()
    )
    # neurons at their thresholds fire in one runtime and not in the other
    np.testing.assert_allclose(*results, rtol=0, atol=4 / T * np.abs(expected).max())


def test_a_sequence_that_is_an_output_as_well() -> None:
    text = NETWORKS["a sequence that the readout reads too"]
    ann = model(f"({INPUTS}) => (y, t) {{ {text} }}", **WEIGHTS)
    feeds = {"x": normal(22, 5, 2, 4)}
    expected = run_ort(ann, feeds)["t"]
    conversion = onnx2snn.convert(
        ir.to_proto(ann), T=T, calibration=[feeds], threshold="max"
    )
    for runtime in ("ort", "numpy"):
        found = onnx2snn.load(conversion.model, runtime).run(feeds)["t"]
        assert len(found) == len(expected) == 2
        for one, other in zip(found, expected, strict=True):
            # the exponential function is steepest at the largest activation
            np.testing.assert_allclose(
                one, other, rtol=0, atol=4 / T * np.abs(other).max()
            )


def test_activations_of_the_tensors_of_a_sequence() -> None:
    text = (
        f"{HEAD}  k = MatMul (a, w)  s = SplitToSequence <axis = 2> (k, two)  "
        "m = SequenceMap (s) <body = b (float[5,2,2] p) => (float[5,2,2] q) { q = Relu (p) }>  "
        f"h = ConcatFromSequence <axis = 2> (m)  {TAIL}"
    )
    halves = {"two": np.array([2, 2], np.int64)}
    ann = model(f"({INPUTS}) => (y) {{ {text} }}", w=WEIGHTS["w"], **halves)
    x = normal(0, 5, 2, 4)
    expected = run_ort(ann, {"x": x})["y"]
    found = onnx2snn.load(onnx2snn.convert(ann, T, {"x": x}).model).run({"x": x})["y"]
    assert np.linalg.norm(found - expected) < 0.05 * np.linalg.norm(expected)

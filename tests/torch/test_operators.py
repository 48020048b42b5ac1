"""Each operator in torch against onnx's reference evaluator and onnxruntime, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from onnx2snn.runtime.torch_runtime.operators import OPERATORS
from onnx2snn.testing import run_ort, run_reference
from tests.models import dyadic, model

X = dyadic(0, 2, 4, 6, 5, unit=16)
CONSTANTS = {
    "w": dyadic(1, 6, 2, 3, 3),
    "u": dyadic(2, 4, 2, 3, 2),
    "b": dyadic(3, 6),
    "m": dyadic(4, 5, 3),
    "g": dyadic(5, 3, 5),
    "c": dyadic(6, 3),
    "s": dyadic(7, 4, 1, 1),
    "two": np.float32([2]),
    "low": np.float32(-0.25),
    "axes": np.array([-1, 1]),
    "last": np.array([3]),
    "shape": np.array([0, 2, -1]),
    "pads": np.array([1, 0, 0, 2]),
    "starts": np.array([4, 0]),
    "ends": np.array([-100, 2**40]),
    "steps": np.array([-2, 3]),
    "sides": np.array([2, 3]),
    "parts": np.array([1, 3]),
    "at": np.array([[1, -1], [0, 2]]),
    "wide": np.array([2, 1, 4, 6, 1]),
    "var": np.float32([4, 1, 0.25, 16]),
    "one_each": dyadic(8, 4),
    "zero": np.array(0),
    "repeats": np.array([1, 2, 1, 3]),
    "codes": np.arange(-8, 12, dtype=np.int8).reshape(4, 5),
    "zeros": np.int8([0, 1, -3, 5]),
}
CASES = [
    "y = Conv <group = 2, pads = [1, 1, 1, 1], strides = [2, 1]> (x, w, b)",
    'y = Conv <group = 2, auto_pad = "SAME_UPPER"> (x, u)',
    'y = Conv <group = 2, auto_pad = "SAME_LOWER", strides = [2, 2]> (x, u)',
    "y = Conv <group = 2, pads = [0, 1, 2, 0], dilations = [2, 1]> (x, u)",
    "f = Flatten (x)  d = Slice (f, i0, i12, i1)  y = Gemm <transB = 1, alpha = 0.5> (d, h6)",
    "f = Flatten <axis = 3> (x)  y = Gemm <beta = 2.0> (f, m, c)",
    "y = MatMul (x, m)",
    "y = BatchNormalization <epsilon = 0.0> (x, one_each, one_each, one_each, var)",
    "y = AveragePool <kernel_shape = [2, 2], strides = [2, 2]> (x)",
    "y = AveragePool <kernel_shape = [2, 4], pads = [1, 1, 1, 1], count_include_pad = 1> (x)",
    "y = AveragePool <kernel_shape = [1, 2], pads = [0, 1, 0, 1]> (x)",
    "y = MaxPool <kernel_shape = [3, 2], pads = [1, 1, 1, 0], strides = [2, 2]> (x)",
    "y = MaxPool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (x)",
    "y = GlobalMaxPool (x)",
    "y = ReduceMax <axes = [1], keepdims = 0> (x)",
    "y = ReduceMean <axes = [1], keepdims = 0> (x)",
    "y = ReduceSum (x)",
    "y = ReduceSum <keepdims = 0> (x, axes)",
    "y = Add (x, s)",
    "y = Sub (s, x)",
    "y = Mul (x, s)",
    "y = Div (x, two)",
    "y = Neg (x)",
    "y = Abs (x)",
    "y = Floor (x)",
    "y = Sign (x)",
    "d = Size (x)  r = Range (from2, d, by7)  e = Mod (r, i4)  y = Cast <to = 1> (e)",
    "y = Mod <fmod = 1> (x, s)",
    "d = Constant <value = int64 {7}> ()  y = Cast <to = 1> (d)",
    "y = Relu (x)",
    "y = Max (x, s, two)",
    "y = Min (x, s)",
    "y = Sum (x, s, two)",
    "y = Clip (x, low)",
    "y = Clip (x, low, s0)",
    "y = Concat <axis = -1> (x, x)",
    "y = Expand (x0, wide)",
    "y = Flatten <axis = -2> (x)",
    "y = Flatten <axis = 0> (x)",
    "y = Gather <axis = 2> (x, at)",
    "y = Gather (two, zero)",
    "i = Constant <value_float = 0.5> ()  y = Mul (x, i)",
    "i = Constant <value_ints = [4, 60]> ()  y = Reshape (x, i)",
    "i = ArgMax <axis = 1> (x)  y = Cast <to = 1> (i)",
    "i = ArgMax <axis = -1, keepdims = 0> (x)  y = Cast <to = 1> (i)",
    "y = Tile (x, repeats)",
    "y = DequantizeLinear <axis = 0> (codes, one_each, zeros)",
    "y = DequantizeLinear (codes, low)",
    "i = Identity (x)  y = Transpose <perm = [3, 0, 2, 1]> (i)",
    "y = Transpose (x)",
    "y = Pad (x, pads, low, sides)",
    "y = Reshape (x, shape)",
    "y = Slice (x, starts, ends, sides, steps)",
    "y, z = Split <axis = 1> (x, parts)",
    "y, z = Split <axis = 2> (x)",
    "a = ReduceMax <axes = [3]> (x)  b2 = Squeeze (a, last)  y = Unsqueeze (b2, last)",
    "d = Shape <start = 1, end = 3> (x)  y = Cast <to = 1> (d)",
    "a = Less (x, s)  d = CastLike (a, x)  b2 = Less (s, x)  y = CastLike (b2, x)",
    "a = GreaterOrEqual (x, x0)  y = CastLike (a, x)",
    "a = LessOrEqual (x, x0)  y = CastLike (a, x)",
    "d = Less (x, x0)  h = Where (d, nan, x)  a = IsNaN (h)  y = Where (a, s, h)",
    "d = Shape (x)  e = Div (d, i4)  y = Cast <to = 1> (e)",
    "y = ConvTranspose <strides = [2, 1], pads = [1, 0, 0, 1]> (x, up, c2)",
    "y = ConvTranspose <strides = [2, 1], output_padding = [1, 0]> (x, up)",
    "y = ConvTranspose <group = 4, dilations = [1, 2]> (x, u1)",
    'y = ConvTranspose <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, up)',
    'y = Einsum <equation = "nchw, wk -> nchk"> (x, m)',
    'y = Resize <mode = "nearest"> (x, , twice)',
    'y = Resize <mode = "linear", coordinate_transformation_mode = "asymmetric"> (x, , double)',
    'y = Resize <mode = "linear"> (x, , double)',
    "y = Ceil (x)",
    "y = Round (x)",
    "y = ReduceMin <axes = [1, 3]> (x)",
    "y = LeakyRelu <alpha = 0.25> (x)",
    "y = PRelu (x, s)",
    "y = ThresholdedRelu <alpha = 0.5> (x)",
    "y = HardSigmoid <alpha = 0.25> (x)",
    "a = Greater (x, s)  d = Equal (x, s)  o = Or (a, d)  y = CastLike (o, x)",
    "a = Greater (x, s)  d = Not (a)  h = Less (x, two)  o = And (h, d)  y = CastLike (o, x)",
]  # fmt: skip
ROUNDED = [
    "y = Exp (x)",
    "y = Sigmoid (x)",
    "y = Tanh (x)",
    "y = Softmax <axis = 1> (x)",
    "y = GlobalAveragePool (x)",
    "y = LogSoftmax <axis = 1> (x)",
    "y = LayerNormalization <axis = -2, epsilon = 0.01> (x, l, k5)",
    "y = LayerNormalization (x, k5)",
    "y = InstanceNormalization (x, one_each, one_each)",
    "y = GroupNormalization <num_groups = 2> (x, pair, pair)",
    "y = Gelu (x)",
    'y = Gelu <approximate = "tanh"> (x)',
    "y = Elu <alpha = 0.5> (x)",
    "y = Celu <alpha = 0.5> (x)",
    "y = Selu (x)",
    "y = Softplus (x)",
    "y = Softsign (x)",
    "y = HardSwish (x)",
    "y = Mish (x)",
    "y = Swish <alpha = 0.5> (x)",
    "y = Erf (x)",
    "y = Sin (x)",
    "y = Cos (x)",
    "y = Reciprocal (two)",
    "a = Abs (x)  d = Add (a, two)  e = Log (d)  h = Sqrt (d)  y = Sub (e, h)",
    "a = Abs (x)  y = Pow (a, two)",
    'y = Resize <mode = "linear"> (x, , , larger)',
    'y = Resize <mode = "cubic"> (x, , double)',
]
MORE = {
    "up": dyadic(20, 4, 3, 2, 3),
    "u1": dyadic(21, 4, 1, 2, 2),
    "c2": dyadic(22, 3),
    "twice": np.float32([1, 1, 2, 1.5]),
    "double": np.float32([1, 1, 2, 2]),
    "larger": np.array([2, 4, 12, 10]),
    "l": dyadic(23, 6, 5),
    "k5": dyadic(24, 5),
    "pair": dyadic(25, 2),
    "h6": dyadic(9, 3, 12),
    "x0": X[0, :, :1],
    "from2": np.array(2),
    "by7": np.array(7),
    "s0": np.float32(0.5),
    "nan": np.float32(np.nan),
    "i4": np.array([4]),
    "i0": np.array([0]),
    "i1": np.array([1]),
    "i12": np.array([12]),
}


def in_torch(text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what torch and two other runtimes compute."""
    everything = CONSTANTS | MORE
    ann = model(
        f"(float[2,4,6,5] x) => (float y) {{ {text} }}",
        _header(text),
        **{name: array for name, array in everything.items() if name in _words(text)},
    )
    values = {
        value: torch.from_numpy(np.array(everything[n]))
        for n, value in ann.graph.initializers.items()
    }
    values[ann.graph.inputs[0]] = torch.from_numpy(X)
    for node in ann.graph:
        attributes = {name: given.value for name, given in node.attributes.items()}
        attributes["outputs"] = len(node.outputs)
        found = OPERATORS[node.op_type](
            attributes, *(values.get(v) for v in node.inputs)
        )
        found = (found,) if isinstance(found, torch.Tensor) else found
        values.update(zip(node.outputs, found, strict=True))
    return (
        values[ann.graph.outputs[0]].numpy(),
        run_reference(ann, {"x": X})["y"],
        run_ort(ann, {"x": X})["y"],
    )


OPSETS = {
    "DequantizeLinear": 19,
    "Pad": 18,  # which gave it its axes
    "GroupNormalization": 18,
    "Mish": 18,
    "Gelu": 20,
    "Swish": 24,
}
"""Operator to the opset that has it as it is meant."""


def _header(text: str) -> str:
    opset = max(OPSETS.get(word, 17) for word in _words(text))
    return f'<ir_version: 8, opset_import: ["" : {opset}]>'


def _words(text: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in text).split())


@pytest.mark.parametrize("text", CASES)
def test_exact_operators_give_the_same_bits(text: str) -> None:
    found, reference, stock = in_torch(text)
    assert found.dtype == reference.dtype
    np.testing.assert_array_equal(found, reference)
    np.testing.assert_array_equal(found, stock)


@pytest.mark.parametrize("text", ROUNDED)
def test_rounded_operators_agree_to_float32(text: str) -> None:
    found, reference, stock = in_torch(text)
    # Gelu of -2 is a difference of numbers near 1, of which float32 has one every 1.2e-7.
    np.testing.assert_allclose(found, reference, rtol=1e-6, atol=3e-7)
    np.testing.assert_allclose(found, stock, rtol=1e-6, atol=3e-7)


def test_every_operator_has_a_case() -> None:
    assert set(OPERATORS) <= _words(" ".join([*CASES, *ROUNDED]))

"""The networks of the golden cases, with inputs: ONNX text, and weights from seeds.

Dyadic weights and inputs are multiples of a power of two, few enough that every sum is
exact, in whatever order a machine adds.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser

from tests import random_graphs

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


@dataclasses.dataclass(frozen=True)
class Network:
    """An ANN, and batches of inputs that calibrate it and that it is run on."""

    model: onnx.ModelProto
    batches: tuple[dict[str, np.ndarray], ...]


def dyadic(seed: int, *shape: int, unit: int = 16, limit: int = 16) -> np.ndarray:
    generator = np.random.default_rng(seed)
    whole = generator.integers(-limit, limit + 1, shape)
    return (whole / unit).astype(np.float32)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def positive(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2, shape).astype(np.float32)


def parsed(text: str, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Return the model in ``text``, with those of ``weights`` that it names."""
    words = set(re.findall(r"\w+", text))
    proto = onnx.parser.parse_model(f"{HEADER} g {text}")
    proto.graph.initializer.extend(
        onnx.numpy_helper.from_array(array, name)
        for name, array in weights.items()
        if name in words
    )
    return proto


def digits() -> Network:
    images = np.load(DIGITS / "calibration.npz")["image"][:16]
    return Network(onnx.load(DIGITS / "digits.onnx"), ({"image": images},))


# Dyadic networks of convolutions on [N, 2, 6, 5]

DYADIC = {
    "w": dyadic(1, 4, 2, 3, 3),
    "b": dyadic(2, 4),
    "u": dyadic(3, 4, 4, 3, 3),
    "c": dyadic(4, 4),
    "grouped": dyadic(5, 4, 2, 3, 3),
    "slope": np.abs(dyadic(6, 4, 1, 1, limit=12)),
    "f": dyadic(7, 4, 5),
    "e": dyadic(8, 5),
    "zero": np.zeros((), np.float32),
    "half": np.array(0.5, np.float32),
}
STEM = "h = Conv <pads = [1, 1, 1, 1]> (x, w, b)"
HEAD = "m = ReduceMax <axes = [2, 3], keepdims = 0> (o)  y = Gemm (m, f, e)"
SECOND = "g = Conv <pads = [1, 1, 1, 1]> (a, u, c)"
CONVOLUTIONS = {
    "relu": f"a = Relu (h)  {SECOND}  o = Relu (g)",
    "clip": f"a = Clip (h, zero, half)  {SECOND}  o = Clip (g, zero, half)",
    "max pool": "a = Relu (h)  p = MaxPool <kernel_shape = [2, 2]> (a)  "
    "g = Conv (p, u, c)  o = Relu (g)",
    "leaky relu": f"a = LeakyRelu <alpha = 0.25> (h)  {SECOND}  s = Relu (g)  "
    "i = Neg (s)  o = LeakyRelu <alpha = 0.125> (i)",
    "prelu": f"a = PRelu (h, slope)  {SECOND}  o = PRelu (g, slope)",
    "grouped": "a = Relu (h)  g = Conv <group = 2, pads = [1, 0, 1, 2]> (a, grouped, c)"
    "  o = Relu (g)",
    "transposed": "a = Relu (h)  g = ConvTranspose <pads = [1, 0, 0, 1], "
    "strides = [2, 2]> (a, u, c)  o = Relu (g)",
    "residual": f"a = Relu (h)  {SECOND}  r = Relu (g)  "
    "i = Conv <pads = [1, 1, 1, 1]> (r, u)  s = Add (i, a)  o = Relu (s)",
}


def convolutions(name: str) -> Network:
    text = f"{STEM}  {CONVOLUTIONS[name]}  {HEAD}"
    model = parsed(f"(float[N,2,6,5] x) => (float[N,5] y) {{ {text} }}", DYADIC)
    return Network(model, ({"x": dyadic(9, 8, 2, 6, 5)},))


def coded(name: str, steps: int = 0) -> Network:
    """Return convolutions of numbers above 0, or of events in so many steps."""
    model = convolutions(name).model
    if steps:
        spikes = np.random.default_rng(10).random((8, steps, 2, 6, 5)) < 0.3
        return Network(model, ({"x": spikes.astype(np.float32)},))
    return Network(model, ({"x": np.abs(dyadic(9, 8, 2, 6, 5))},))


def several_outputs() -> Network:
    both = f"{STEM}  a = Relu (h)  {SECOND}  o = Relu (g)"
    text = f"{both}  {HEAD}  p = Softmax (y)  z = Neg (a)"
    signature = "(float[N,2,6,5] x) => (float[N,5] y, float[N,5] p, float[N,4,6,5] z)"
    model = parsed(f"{signature} {{ {text} }}", DYADIC)
    return Network(model, ({"x": dyadic(9, 8, 2, 6, 5)},))


def drawn(seed: int) -> Network:
    """Return a random network of the blocks of the test suite that are exact.

    Numbers grow by four binary digits a layer, so that four blocks behind the first
    stay within those of float32.
    """
    generator = np.random.default_rng(seed)
    blocks = [block for block in random_graphs.BLOCKS if block.exact]
    text = ["f = Conv <pads = [1, 1, 1, 1]> (x, first, bias)  a = Relu (f)"]
    names = ["a"]
    for n in range(4):
        block = blocks[generator.integers(len(blocks))]
        i, j = names[-1], names[generator.integers(len(names))]
        names.append(f"o{n}")
        text.append(block.text.format(i=i, j=j, o=names[-1], n=n))
    text.append(f"last = LeakyRelu <alpha = 0.5> ({names[-1]})  z = Neg ({names[-2]})")
    text.append(random_graphs.HEAD)
    signature = "(float[N,4,6,5] x) => (float[N,4] y, float[N,4,6,5] z)"
    weights = random_graphs._weights(4)
    model = parsed(f"{signature} {{ {'  '.join(text)} }}", weights)
    return Network(model, ({"x": dyadic(seed, 4, 4, 6, 5, unit=4, limit=4)},))


# Networks whose numbers come out of real arithmetic

NORMAL = {
    "w": normal(1, 4, 4) / 2,
    "v": normal(2, 3, 4),
    "u": normal(12, 6, 4) / 2,
    "wl": normal(5, 2, 12, 4) / 2,
    "rl": normal(6, 2, 12, 3) / 2,
    "wg": normal(7, 1, 9, 4),
    "rg": normal(8, 1, 9, 3),
    "axis": np.array([1], np.int64),
    "go": np.array(1, np.bool_),
    "three": np.array(3, np.int64),
    "first_index": np.array(0, np.int64),
    "zero": np.array(0, np.float32),
    "half": np.array(0.5, np.float32),
    "theta": np.array(0.75, np.float32),
    "levels": np.array(4, np.float32),
    "one": np.array(1, np.float32),
    "scale": np.array(0.0625, np.float32),
    "no_offset": np.array(0, np.uint8),
}
FIRST = "g = MatMul (x, w)  a = Relu (g)"
LAST = "d = MatMul (h, w)  e = Relu (d)  y = MatMul (e, w)"
QUANTIZED = (
    "h = MatMul (x, w)  q = QuantizeLinear (h, scale, no_offset)  "
    "a = DequantizeLinear (q, scale, no_offset)  y = MatMul (a, w)"
)
FAKE = (
    "{o}a = Div ({i}, theta)  {o}b = Clip ({o}a, zero, one)  "
    "{o}c = Mul ({o}b, levels)  {o}d = Add ({o}c, half)  {o}e = Floor ({o}d)  "
    "{o}f = Div ({o}e, levels)  {o} = Mul ({o}f, theta)"
)
BRANCHES = (
    "h = If (c) <then_branch = t () => (float[5,2,4] p) { m = MatMul (a, w)  "
    "p = Relu (m) }, else_branch = f () => (float[5,2,4] q) { q = Neg (a) }>"
)
SEQUENCES = {
    "lstm": "a = Relu (x)  b, hl, cl = LSTM <hidden_size = 3, "
    'direction = "bidirectional"> (a, wl, rl)  s = Transpose <perm = [1, 0, 2]> (hl)  '
    "q = Flatten (s)  d = Gemm (q, u)  e = Relu (d)  y = MatMul (e, w)",
    "gru": "g = MatMul (x, w)  b, hl = GRU <hidden_size = 3> (g, wg, rg)  "
    "s = Squeeze (b, axis)  d = MatMul (s, v)  e = Relu (d)  f = MatMul (e, w)  "
    "y = Softmax (f)",
    "loop": f"{FIRST}  h, o = Loop (three, go, a) <body = b (int64 n, bool k, "
    "float[5,2,4] p) => (bool l, float[5,2,4] q, float[5,2,4] z) { l = Identity (k)  "
    f"m = MatMul (p, w)  z = Tanh (m)  q = Add (z, a) }}>  {LAST}",
    "branch on a stream": f"{FIRST}  s = ReduceSum <keepdims = 0> (a)  "
    f"c = Greater (s, zero)  {BRANCHES}  {LAST}",
    "branch on the input": f"{FIRST}  s = ReduceSum <keepdims = 0> (x)  "
    f"c = Greater (s, zero)  {BRANCHES}  {LAST}",
    "sequence": f"{FIRST}  k = Greater (a, half)  i = Cast <to = 7> (k)  "
    "j = ReduceMax <keepdims = 0> (i)  s = SequenceConstruct (a, x)  "
    f"h = SequenceAt (s, j)  {LAST}",
    "parts of a sequence": f"{FIRST}  s = SplitToSequence <axis = 0> (a)  "
    "f = SequenceAt (s, first_index)  t = SequenceConstruct (f, a)  "
    f"h = ConcatFromSequence <axis = 0> (t)  {LAST}",
    "data-dependent shapes": f"{FIRST}  n = NonZero (a)  t = Transpose (n)  "
    "k = GatherND (a, t)  m = ReduceMean <keepdims = 0> (k)  h = Sub (a, m)  "
    f"{LAST}",
    "attention": "k = MatMul (x, w)  a = Relu (k)  b = Transpose <perm = [0, 2, 1]> (a)"
    "  s = MatMul (a, b)  r = Softmax (s)  h = MatMul (r, a)  " + LAST,
    "gelu and sigmoid": "g = MatMul (x, w)  s = Sigmoid (g)  a = Mul (g, s)  "
    "k = MatMul (a, w)  h = Tanh (k)  " + LAST,
}
SMALL = {
    "quantized": QUANTIZED,
    "fake quantizer": f"g = MatMul (x, w)  {FAKE.format(i='g', o='a')}  "
    f"k = MatMul (a, w)  {FAKE.format(i='k', o='h')}  y = MatMul (h, w)",
    "gemm chain": "[g0] h = Gemm (x, w)  [r0] a = Relu (h)  [g1] g = Gemm (a, w)  "
    "[r1] b = Relu (g)  [g2] f = Gemm (b, w)  [r2] c = Relu (f)  [g3] y = Gemm (c, w)",
}


def sequence(name: str) -> Network:
    """Return a network on [5, 2, 4], most with recurrence, branches or sequences."""
    shape = "S,F" if name == "lstm" else "S,N,F"
    text = f"(float[5,2,4] x) => (float[{shape}] y) {{ {SEQUENCES[name]} }}"
    return Network(parsed(text, NORMAL), ({"x": normal(22, 5, 2, 4)},))


def small(name: str, *, exact: bool = False) -> Network:
    """Return a small dense network, with dyadic weights if it is to be exact."""
    weights = NORMAL | ({"w": dyadic(1, 4, 4)} if exact else {})
    text = f"(float[N,4] x) => (float[N,4] y) {{ {SMALL[name]} }}"
    x = dyadic(23, 16, 4) if exact else normal(23, 16, 4)
    return Network(parsed(text, weights), ({"x": x},))


def two_branches() -> Network:
    """Return networks in the branches of an If on an input, with a batch for each."""
    weights = {"w": dyadic(2, 4, 6), "v": dyadic(3, 6, 4), "r": dyadic(4, 4, 4)}
    text = (
        "z = If (c) <then_branch = t () => (float[N,4] p) { h = MatMul (x, w)  "
        "a = Relu (h)  p = MatMul (a, v) }, else_branch = e () => (float[N,4] q) { "
        "g = MatMul (x, r)  b = Relu (g)  q = MatMul (b, r) }>"
    )
    model = parsed(f"(float[N,4] x, bool c) => (float[N,4] z) {{ {text} }}", weights)
    x = dyadic(5, 6, 4)
    batches = ({"x": x, "c": np.array(condition)} for condition in (True, False))
    return Network(model, tuple(batches))


def batch_norm() -> Network:
    """Return convolutions with BatchNormalization, whose statistics give thresholds."""
    weights = {
        "w": normal(1, 4, 2, 3, 3) / 4,
        "u": normal(2, 5, 4, 2, 2) / 3,
        "f": normal(3, 5, 3),
    }
    for layer, channels in (("1", 4), ("2", 5)):
        weights |= {
            f"scale{layer}": positive(4, channels),
            f"bias{layer}": normal(5, channels) / 4,
            f"mean{layer}": normal(6, channels) / 4,
            f"var{layer}": positive(7, channels),
        }
    text = (
        "c1 = Conv (x, w)  n1 = BatchNormalization <epsilon = 0.001> (c1, scale1, "
        "bias1, mean1, var1)  a = Relu (n1)  c2 = Conv (a, u)  "
        "n2 = BatchNormalization (c2, scale2, bias2, mean2, var2)  b = Relu (n2)  "
        "m = GlobalAveragePool (b)  q = Flatten (m)  y = MatMul (q, f)"
    )
    model = parsed(f"(float[N,2,7,6] x) => (float[N,3] y) {{ {text} }}", weights)
    return Network(model, ({"x": normal(8, 8, 2, 7, 6)},))

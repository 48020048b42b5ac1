"""Small uses of every ONNX operator on a stream, by what becomes of the operator.

In each, ``a`` is a stream of spikes of both signs, ``x`` a static input of the same shape, and
``h`` the result: real numbers, in a fixed shape. The other names are in ``operator_constants``.
"""

from __future__ import annotations

import dataclasses
import re

import onnx


@dataclasses.dataclass(frozen=True)
class Case:
    """A use of an operator.

    Attributes:
        kind: What the operator becomes.
        op: The operator.
        text: Nodes from ``a`` to ``h``.
        shape: Shape of ``a`` and ``x``; the first axis is free.
        opset: Opset of the graph.
    """

    kind: str
    op: str
    text: str
    shape: tuple[int, ...]
    opset: int

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def cases(table: str) -> list[Case]:
    """Read a table: headings ``[kind, shape, opset N]``, then ``Operator: text`` on each line."""
    found = []
    for block in re.split(r"\n(?=\[)", table.strip()):
        heading, *lines = re.sub(r"\n {4}", " ", block).splitlines()
        kind, shape, opset = heading.strip("[]").split(", ")
        sizes = tuple(map(int, shape.split("x")))
        for line in filter(None, lines):
            op, text = line.split(": ", 1)
            found.append(Case(kind, op, text, sizes, int(opset.removeprefix("opset "))))
    return found


TABLE = cases("""
[linear, 2x4, opset 17]
Add: h = Add (a, x)
Add: h = Add (b4, a)
Sub: h = Sub (x, a)
Sub: h = Sub (a, b4)
Sum: h = Sum (a, x, a)
Sum: h = Sum (x, a)
Mean: h = Mean (a, b4)
Mean: h = Mean (x, a)
Neg: h = Neg (a)
CumSum: h = CumSum <reverse = 1, exclusive = 1> (a, i1)
ReduceSum: h = ReduceSum <keepdims = 0> (a, k1)
ReduceMean: h = ReduceMean <axes = [1]> (a)
BatchNormalization: m = ReduceMean <axes = [0], keepdims = 0> (a)  h = BatchNormalization (a, p4, m,
    b4, p4)
BatchNormalization: m = ReduceMean <axes = [0], keepdims = 0> (a)  h = BatchNormalization (x, p4,
    b4, m, p4)
Einsum: h = Einsum <equation = "ij,jk->ki"> (a, w45)
Einsum: h = Einsum <equation = "ij,jk,ij->ki"> (x, w45, a)
Einsum: h = Einsum <equation = "ij,kj->ik"> (x, a)
Gemm: h = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (a, w54, b5)
Gemm: t = Transpose (a)  h = Gemm (x, t)
Gemm: h = Gemm (x, w44, a)
Gemm: h = Gemm (a, w44, a)
MatMul: h = MatMul (a, w45)
MatMul: t = Transpose (x)  h = MatMul (t, a)
Mul: h = Mul (x, a)
Mul: h = Mul (a, b4)
Div: h = Div (a, p4)
DequantizeLinear: q = QuantizeLinear (a, eighth, z8)  h = DequantizeLinear (q, eighth, z8)
Cast: d = Cast <to = 11> (a)  h = Cast <to = 1> (d)
CastLike: h = CastLike (a, b4)
Compress: h = Compress <axis = 1> (a, m4)
Concat: h = Concat <axis = 1> (a, x, a)
Concat: h = Concat <axis = 1> (x, a)
Dropout: h = Dropout (a)
Dropout: h = Dropout (a, half, no)
Expand: u = Unsqueeze (a, k0)  h = Expand (u, triple)
Expand: s = Shape (a)  r = ReduceSum (a, k1)  h = Expand (r, s)
Flatten: h = Flatten <axis = 0> (a)
Gather: h = Gather <axis = -1> (a, k31)
GatherElements: h = GatherElements <axis = 1> (a, ones)
GatherND: h = GatherND (a, pairs)
Identity: h = Identity (a)
OneHot: m = ReduceMean <axes = [0], keepdims = 0> (a)  v = Gather (m, k12)  h = OneHot (k31, i4, v)
Pad: h = Pad (a, pads, half)
Pad: h = Pad <mode = "reflect"> (a, pads)
Pad: m = ReduceMean <keepdims = 0> (a)  h = Pad (x, pads, m)
Reshape: h = Reshape (a, turned)
Reshape: s = Shape (a)  t = Transpose (a)  h = Reshape (t, s)
ScatterElements: h = ScatterElements <axis = 1> (a, ones, update)
ScatterElements: u = Gather <axis = 1> (a, k123)  h = ScatterElements <axis = 1> (x, ones, u)
ScatterND: h = ScatterND (a, rows, few)
Slice: h = Slice (a, k3, far, k1, step)
Split: g, f = Split <axis = 1> (a)  h = Concat <axis = 1> (f, g, f)
Squeeze: u = Unsqueeze (a, k1)  h = Squeeze (u, k1)
Tile: h = Tile (a, twice)
Transpose: h = Transpose (a)
Trilu: h = Trilu <upper = 0> (a, i1)
Unsqueeze: h = Unsqueeze (a, k01)
Where: m = Greater (x, zero)  h = Where (m, a, b4)
Where: h = Where (m4, x, a)

[linear, 2x4, opset 18]
CenterCropPad: h = CenterCropPad <axes = [1]> (a, k3)
CenterCropPad: h = CenterCropPad <axes = [1]> (a, six)
ScatterElements: h = ScatterElements <axis = 1, reduction = "add"> (a, ones, update)
ScatterND: h = ScatterND <reduction = "add"> (x, rows, a)

[linear, 2x4x6x5, opset 17]
AveragePool: h = AveragePool <kernel_shape = [3, 2], pads = [1, 1, 0, 1]> (a)
BatchNormalization: h = BatchNormalization (a, p4, b4, b4, p4)
Conv: h = Conv <pads = [1, 0, 1, 2], strides = [2, 1], group = 2> (a, kernel, b4)
Conv: k = Slice (a, k0, k3, k2)  l = Slice (k, k0, k3, k3)  h = Conv (image, l)
Conv: m = ReduceMean <axes = [0, 2, 3], keepdims = 0> (a)  h = Conv (x, filter, m)
ConvTranspose: h = ConvTranspose <strides = [2, 1], output_padding = [1, 0], group = 2> (a, kernel)
ConvTranspose: k = Slice (a, k0, k3, k2)  l = Slice (k, k0, k3, k3)  h = ConvTranspose (couple, l)
ConvTranspose: m = ReduceMean <axes = [0, 2, 3], keepdims = 0> (a)  h = ConvTranspose (x, filter, m)
GlobalAveragePool: h = GlobalAveragePool (a)
DepthToSpace: h = DepthToSpace <blocksize = 2> (a)
SpaceToDepth: s = Pad (a, columns)  h = SpaceToDepth <blocksize = 2> (s)
GridSample: h = GridSample (a, grid)
GridSample: h = GridSample <mode = "nearest", padding_mode = "border"> (a, grid)
Resize: h = Resize (a, , double)
Resize: h = Resize <mode = "linear"> (a, , double)
Resize: h = Resize <mode = "cubic"> (a, , double)
Resize: s = Shape <end = 2> (a)  g = Concat <axis = 0> (s, doubled)  h = Resize (a, , , g)
RoiAlign: h = RoiAlign <output_height = 2, output_width = 3> (a, rois, of)

[linear, 2x4x6x5, opset 19]
DeformConv: h = DeformConv <kernel_shape = [3, 3]> (a, filter, offset, b4, mask)
DeformConv: m = ReduceMean <keepdims = 0> (a, k023)  h = DeformConv (x, filter, offset, m)
DeformConv: m = ReduceMean <keepdims = 1> (a, k1)  s = Slice (m, k0, four1, k2)
    t = Slice (s, k0, k3, k3)
    n = Add (t, mask)  h = DeformConv (x, filter, offset, b4, n)
DeformConv: k = Slice (a, k0, k3, k2)  l = Slice (k, k0, k3, k3)  h = DeformConv (image2, l, offset)

[linear, 2x4x3x3, opset 22]
MaxUnpool: p, i = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (wide)  h = MaxUnpool
    <kernel_shape = [2, 2], strides = [2, 2]> (a, i)

[linear, 2x3x4, opset 17]
ReverseSequence: h = ReverseSequence <batch_axis = 0, time_axis = 1> (a, lengths)

[linear, 2x6, opset 20]
AffineGrid: t = Reshape (a, affine)  h = AffineGrid (t, grid_size)

[linear, 2x4x1, opset 17]
DFT: h = DFT <axis = 1, onesided = 1> (a)

[linear, 2x4x1, opset 20]
DFT: h = DFT (a, i8, i1)

[linear, 2x16x1, opset 17]
STFT: h = STFT (a, i4, window, i8)
STFT: r = ReduceMean <axes = [0, 2], keepdims = 0> (a)  w = Slice (r, k0, eight1)
    h = STFT (x, i4, w, i8)

[linear, 2x5x5, opset 18]
Col2Im: h = Col2Im (a, picture, block)

[linear, 2x3x8, opset 23]
RotaryEmbedding: h = RotaryEmbedding <num_heads = 2> (a, cosines, sines, positions)

[linear, 2x3x4, opset 24]
TensorScatter: h = TensorScatter (a, next, of2)
TensorScatter: s = Slice (a, k0, k1, k1)  h = TensorScatter (x, s, of2)

[linear, 2x4x5, opset 27]
CausalConvWithState: h, g = CausalConvWithState (a, column, b4, past)
CausalConvWithState: s = Slice (a, k0, k2, k2)  h, g = CausalConvWithState (x, column, b4, s)
CausalConvWithState: m = ReduceMean <keepdims = 0> (a, k02)
    h, g = CausalConvWithState (x, column, m)

[max-like, 2x4, opset 17]
Abs: s = Sub (a, x)  h = Abs (s)
Clip: h = Clip (a, minus, eighth)
Clip: m = ReduceMax <keepdims = 0> (x)  h = Clip (a, , m)
LeakyRelu: h = LeakyRelu <alpha = 0.125> (a)
Max: n = Neg (a)  h = Max (a, n, x)
Max: h = Max (eighth, a)
Max: h = Max (a, zero)
Min: h = Min (a, x, b4)
PRelu: h = PRelu (a, p4)
ReduceL1: h = ReduceL1 <axes = [1]> (a)
ReduceL2: h = ReduceL2 <axes = [1]> (a)
ReduceMax: h = ReduceMax <axes = [-1], keepdims = 0> (a)
ReduceMin: h = ReduceMin <axes = [1]> (a)
Relu: h = Relu (a)
TopK: h, i = TopK (a, k2)
TopK: v, i = TopK <largest = 0> (a, k3)  h = GatherElements <axis = 1> (few, i)

[max-like, 2x4x6x5, opset 17]
GlobalLpPool: h = GlobalLpPool (a)
GlobalMaxPool: h = GlobalMaxPool (a)
MaxPool: h = MaxPool <kernel_shape = [3, 2], pads = [1, 1, 1, 0], strides = [2, 1]> (a)
MaxPool: p, i = MaxPool <kernel_shape = [2, 2]> (a)  f = Cast <to = 1> (i)  h = Add (p, f)
MaxRoiPool: h = MaxRoiPool <pooled_shape = [2, 2]> (a, regions)

[max-like, 2x4x6x5, opset 18]
LpPool: h = LpPool <kernel_shape = [2, 2], p = 1> (a)

[static, 2x4, opset 17]
EyeLike: e = EyeLike (a)  h = Add (e, a)
Shape: s = Shape (a)  h = Cast <to = 1> (s)
Size: s = Size (a)  f = Cast <to = 1> (s)  h = Div (a, f)
Constant: k = Constant <value_float = 0.5> ()  h = Add (a, k)
SequenceEmpty: s = SequenceEmpty ()  t = SequenceInsert (s, a)  h = SequenceAt (t, i0)

[analog, 2x4, opset 17]
Acos: h = Acos (a)
Asin: h = Asin (a)
Asinh: h = Asinh (a)
Atan: h = Atan (a)
Atanh: h = Atanh (a)
Celu: h = Celu (a)
Cos: h = Cos (a)
Cosh: h = Cosh (a)
Elu: h = Elu (a)
Erf: h = Erf (a)
Exp: h = Exp (a)
HardSigmoid: h = HardSigmoid (a)
HardSwish: h = HardSwish (a)
Selu: h = Selu (a)
Shrink: h = Shrink (a)
Sigmoid: h = Sigmoid (a)
Sign: h = Sign (a)
Sin: h = Sin (a)
Sinh: h = Sinh (a)
Softplus: h = Softplus (a)
Softsign: h = Softsign (a)
Tan: h = Tan (a)
Tanh: h = Tanh (a)
Hardmax: h = Hardmax (a)
LogSoftmax: h = LogSoftmax (a)
LpNormalization: h = LpNormalization (a)
Softmax: h = Softmax (a)
ReduceLogSumExp: h = ReduceLogSumExp (a)
ReduceProd: h = ReduceProd (a)
ReduceSumSquare: h = ReduceSumSquare (a)
Acosh: p = Add (a, three)  h = Acosh (p)
Log: p = Add (a, three)  h = Log (p)
Reciprocal: p = Add (a, three)  h = Reciprocal (p)
Sqrt: p = Add (a, three)  h = Sqrt (p)
ReduceLogSum: p = Add (a, three)  h = ReduceLogSum (p)
Ceil: e = Mul (a, eight)  h = Ceil (e)
Floor: e = Mul (a, eight)  h = Floor (e)
Round: e = Mul (a, eight)  h = Round (e)
ArgMax: i = ArgMax <axis = 1> (a)  h = Cast <to = 1> (i)
ArgMin: i = ArgMin <axis = 1> (a)  h = Cast <to = 1> (i)
ThresholdedRelu: h = ThresholdedRelu <alpha = 0.125> (a)
Mod: h = Mod <fmod = 1> (a, b4)
Pow: p = Add (a, three)  h = Pow (p, b4)
Pow: p = Add (x, three)  q = Abs (p)  h = Pow (q, a)
Add: e = Mul (a, eight)  i = Cast <to = 7> (e)  j = Add (i, i)  h = Cast <to = 1> (j)
Mul: h = Mul (a, a)
Mul: e = Exp (a)  h = Mul (a, e)
Div: e = Exp (a)  h = Div (x, e)
MatMul: t = Transpose (a)  h = MatMul (t, a)
Einsum: h = Einsum <equation = "ij,ij->i"> (a, a)
Gather: e = Mul (a, eight)  i = Cast <to = 7> (e)  j = Abs (i)  k = Mod (j, i4)  h = Gather (b4, k)
GatherElements: e = Mul (a, eight)  i = Cast <to = 7> (e)  j = Abs (i)  k = Mod (j, i4)  h =
    GatherElements <axis = 1> (a, k)
OneHot: i = ArgMax <axis = 1> (a)  h = OneHot (i, i4, v2)
Where: m = Greater (a, x)  h = Where (m, a, b4)
Where: m = Greater (a, x)  h = Where (m, x, b4)
PRelu: e = Exp (a)  h = PRelu (x, e)
BatchNormalization: m = ReduceMean <axes = [0], keepdims = 0> (a)  n = Exp (m)  h =
    BatchNormalization (a, p4, b4, m, n)
Cast: i = Cast <to = 7> (a)  h = Cast <to = 1> (i)
Cast: i = Cast <to = 9> (a)  h = Cast <to = 1> (i)
Equal: m = Equal (a, x)  h = Cast <to = 1> (m)
Greater: m = Greater (a, x)  h = Cast <to = 1> (m)
GreaterOrEqual: m = GreaterOrEqual (a, x)  h = Cast <to = 1> (m)
Less: m = Less (a, x)  h = Cast <to = 1> (m)
LessOrEqual: m = LessOrEqual (a, x)  h = Cast <to = 1> (m)
And: m = Greater (a, x)  n = Less (a, zero)  o = And (m, n)  h = Cast <to = 1> (o)
Or: m = Greater (a, x)  n = Less (a, zero)  o = Or (m, n)  h = Cast <to = 1> (o)
Xor: m = Greater (a, x)  n = Less (a, zero)  o = Xor (m, n)  h = Cast <to = 1> (o)
Not: m = Greater (a, x)  n = Not (m)  h = Cast <to = 1> (n)
IsInf: r = Reciprocal (a)  m = IsInf (r)  h = Cast <to = 1> (m)
IsNaN: r = Sqrt (a)  m = IsNaN (r)  h = Cast <to = 1> (m)
BitShift: u = Abs (a)  e = Mul (u, eight)  i = Cast <to = 13> (e)  j = BitShift <direction = "LEFT">
    (i, u1)  h = Cast <to = 1> (j)
Det: t = Reshape (a, cube)  h = Det (t)
LayerNormalization: h = LayerNormalization (a, p4, b4)
NegativeLogLikelihoodLoss: l = LogSoftmax (a)  h = NegativeLogLikelihoodLoss <reduction = "none">
    (l, classes)
SoftmaxCrossEntropyLoss: h = SoftmaxCrossEntropyLoss (a, classes)
TfIdfVectorizer: e = Mul (a, eight)  i = Cast <to = 7> (e)  h = TfIdfVectorizer <max_gram_length =
    2, min_gram_length = 1, max_skip_count = 1, mode = "TF", ngram_counts = [0, 3], ngram_indexes =
    [0, 1, 2, 3], pool_int64s = [0, 1, -1, 0, 1]> (i)
NonZero: m = Greater (a, x)  n = NonZero (m)  f = Cast <to = 1> (n)  h = ReduceSum <keepdims = 0>
    (f)
NonZero: m = Greater (a, x)  n = NonZero (m)  t = Transpose (n)  g = GatherND (a, t)  e = Exp (g)  p
    = Add (e, g)  h = ReduceSum <keepdims = 0> (p)
Compress: m = Greater (a, x)  f = Reshape (m, rest)  g = Compress (a, f)  h = ReduceSum <keepdims =
    0> (g)
Shape: m = Greater (a, x)  n = NonZero (m)  s = Shape (n)  h = Cast <to = 1> (s)
Unique: u, i, j, k = Unique (a)  f = Cast <to = 1> (k)  e = Exp (u)  p = Mul (e, f)  h = ReduceSum
    <keepdims = 0> (p)
NonMaxSuppression: s = Reshape (a, boxed)  n = NonMaxSuppression (boxes, s, i4, half, minus)  f =
    Cast <to = 1> (n)  h = ReduceSum <keepdims = 0> (f, k0)
TopK: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7> (v)  d =
    Mod (c, i4)  k = Reshape (d, rest)  w, i = TopK (a, k)  h = ReduceSum <keepdims = 0> (w)
BlackmanWindow: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7>
    (v)  d = Add (c, i2)  w = BlackmanWindow (d)  h = ReduceSum <keepdims = 0> (w)
HammingWindow: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7>
    (v)  d = Add (c, i2)  w = HammingWindow (d)  h = ReduceSum <keepdims = 0> (w)
HannWindow: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7> (v)
    d = Add (c, i2)  w = HannWindow (d)  h = ReduceSum <keepdims = 0> (w)
ConstantOfShape: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7>
    (v)  k = Reshape (c, rest)  w = ConstantOfShape <value = float[1] {0.5}> (k)  h = ReduceSum
    <keepdims = 0> (w)
MelWeightMatrix: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Add (u, hertz)  h =
    MelWeightMatrix (i4, i16, i8192, zero, v)
Range: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7> (v)  w =
    Range (i0, c, i1)  f = Cast <to = 1> (w)  h = ReduceSum <keepdims = 0> (f)
DynamicQuantizeLinear: q, s, z = DynamicQuantizeLinear (a)  h = DequantizeLinear (q, s, z)
QuantizeLinear: q = QuantizeLinear (a, eighth, z8)  h = DequantizeLinear (q, half, z8)
MatMulInteger: q = QuantizeLinear (a, eighth, z8)  i = MatMulInteger (q, q44, z8)  h = Cast <to = 1>
    (i)
QLinearMatMul: q = QuantizeLinear (a, eighth, z8)  r = QLinearMatMul (q, eighth, z8, q44, half, z8,
    odd, z8)  h = DequantizeLinear (r, odd, z8)
ConcatFromSequence: s = SequenceConstruct (a, x)  h = ConcatFromSequence <axis = 1> (s)
SequenceConstruct: e = Exp (a)  s = SequenceConstruct (x, e)  h = SequenceAt (s, i1)
SequenceAt: s = SplitToSequence <axis = 1> (a, k31)  f = SequenceAt (s, i0)  h = MatMul (f, w3)
SequenceInsert: s = SequenceConstruct (x, x)  t = SequenceInsert (s, a, i1)  h = SequenceAt (t, i1)
SequenceErase: s = SequenceConstruct (x, a)  t = SequenceErase (s, i0)  h = SequenceAt (t, i0)
SequenceLength: s = SequenceConstruct (x, a)  n = SequenceLength (s)  h = Cast <to = 1> (n)
SplitToSequence: s = SplitToSequence <axis = 1, keepdims = 0> (a)  h = SequenceAt (s, i2)
SequenceMap: s = SequenceConstruct (a, x)  m = SequenceMap <body = b (float[M,4] p) => (float[M,4]
    q) { q = Exp (p) }> (s)  h = ConcatFromSequence <axis = 1> (m)
Optional: o = Optional (a)  h = OptionalGetElement (o)
OptionalGetElement: e = Exp (a)  o = Optional (e)  h = OptionalGetElement (o)
OptionalHasElement: o = Optional (a)  b = OptionalHasElement (o)  h = Cast <to = 1> (b)
If: d = Greater (one, zero)  h = If (d) <then_branch = t () => (float[M,4] p) { e = Exp (a)  p = Add
    (e, x) }, else_branch = e () => (float[M,4] q) { q = Identity (x) }>
If: m = ReduceMean <keepdims = 0> (a)  d = Greater (m, zero)  h = If (d) <then_branch = t () =>
    (float[M,4] p) { p = Gemm (a, w44, b4) }, else_branch = e () => (float[M,4] q) { q = Neg (x) }>
Loop: h, o = Loop (i4, yes, a) <body = b (int64 n_, bool c_in, float[M,4] p) => (bool c_out,
    float[M,4] q, float[M,4] r) { c_out = Identity (c_in)  s = MatMul (p, w44)  r = Tanh (s)  q =
    Add (r, a) }>
Loop: h, o = Loop (i4, yes, a) <body = b (int64 n_, bool c_in, float[M,4] p) => (bool c_out,
    float[M,4] q, float[M,4] r) { c_out = Identity (c_in)  r = Relu (p)  q = Sub (x, r) }>
Loop: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Mul (u, two)  c = Cast <to = 7> (v)  h, o =
    Loop (c, yes, a) <body = b (int64 n_, bool c_in, float[M,4] p) => (bool c_out, float[M,4] q,
    float[M,4] r) { c_out = Identity (c_in)  r = Relu (p)  q = Sub (x, r) }>

[analog, 2x4, opset 18]
Mish: h = Mish (a)
BitwiseAnd: e = Mul (a, eight)  i = Cast <to = 7> (e)  k = Cast <to = 7> (x)  j = BitwiseAnd (i, k)
    h = Cast <to = 1> (j)
BitwiseOr: e = Mul (a, eight)  i = Cast <to = 7> (e)  k = Cast <to = 7> (x)  j = BitwiseOr (i, k)  h
    = Cast <to = 1> (j)
BitwiseXor: e = Mul (a, eight)  i = Cast <to = 7> (e)  k = Cast <to = 7> (x)  j = BitwiseXor (i, k)
    h = Cast <to = 1> (j)
BitwiseNot: e = Mul (a, eight)  i = Cast <to = 7> (e)  j = BitwiseNot (i)  h = Cast <to = 1> (j)
ScatterElements: h = ScatterElements <axis = 1, reduction = "max"> (a, ones, update)

[analog, 2x4, opset 19]
Cast: f = Cast <to = 17> (a)  h = Cast <to = 1> (f)

[analog, 2x4, opset 20]
Gelu: h = Gelu (a)

[analog, 2x4, opset 23]
RMSNormalization: h = RMSNormalization (a, p4)

[analog, 2x4, opset 24]
Swish: h = Swish <alpha = 2.0> (a)

[analog, 2x4, opset 26]
CumProd: h = CumProd (a, i1)
BitCast: i = BitCast <to = 6> (a)  f = Cast <to = 1> (i)  h = Mul (f, tiny)

[analog, 2x4, opset 28]
SwiGLU: h = SwiGLU (a, x)
SwiGLU: h = SwiGLU (x, a)

[analog, 2x4x6x5, opset 17]
InstanceNormalization: h = InstanceNormalization (a, p4, b4)
LRN: h = LRN <size = 3, alpha = 0.5> (a)
MeanVarianceNormalization: h = MeanVarianceNormalization (a)
Conv: k = Slice (a, k0, k3, k2)  l = Slice (k, k0, k3, k3)  h = Conv (a, l)
RoiAlign: h = RoiAlign <mode = "max", output_height = 2, output_width = 3> (a, rois, of)
ConvInteger: q = QuantizeLinear (a, eighth, z8)  i = ConvInteger (q, qkernel, z8)  h = Cast <to = 1>
    (i)
QLinearConv: q = QuantizeLinear (a, eighth, z8)  r = QLinearConv (q, eighth, z8, qkernel, half, z8,
    eight, z8)  h = DequantizeLinear (r, eight, z8)
Resize: t = ReduceSum <keepdims = 0> (a)  u = Abs (t)  v = Add (u, one)  w = Reshape (v, rest)  s =
    Concat <axis = 0> (one2, w, w)  z = Resize (x, , s)  h = GlobalAveragePool (z)

[analog, 2x4x6x5, opset 21]
GroupNormalization: h = GroupNormalization <num_groups = 2> (a, p4, b4)

[analog, 2x3x4, opset 23]
Attention: h = Attention <q_num_heads = 2, kv_num_heads = 2> (a, a, x)
Attention: h = Attention <q_num_heads = 2, kv_num_heads = 2, is_causal = 1> (x, queries, a)

[analog, 2x3x4, opset 27]
LinearAttention: h, s = LinearAttention <q_num_heads = 2, kv_num_heads = 2, update_rule = "linear">
    (a, a, x)

[analog, 2x3x4, opset 17]
RNN: t = Transpose <perm = [1, 0, 2]> (a)  h, l = RNN <hidden_size = 3> (t, w1, r1)
RNN: t = Transpose <perm = [1, 0, 2]> (a)  y0, h = RNN <hidden_size = 3, direction =
    "bidirectional", activations = ["Relu", "Sigmoid"]> (t, w2, r2)
GRU: t = Transpose <perm = [1, 0, 2]> (a)  h, l = GRU <hidden_size = 3, direction = "bidirectional">
    (t, wg, rg, bg, lengths32, h2)
GRU: t = Transpose <perm = [1, 0, 2]> (x)  m = Slice (a, k0, k1, k1)  n = Transpose <perm = [1, 0,
    2]> (m)  p = Slice (n, k0, k3, k2)  l, h = GRU <hidden_size = 3, linear_before_reset = 1> (t,
    wg1, rg1, , , p)
LSTM: t = Transpose <perm = [1, 0, 2]> (a)  h, l, d = LSTM <hidden_size = 3, direction =
    "bidirectional", clip = 0.5> (t, wl, rl, bl, lengths32, h2, h2, pl)
LSTM: t = Transpose <perm = [1, 0, 2]> (a)  y0, l, h = LSTM <hidden_size = 3, direction = "reverse",
    input_forget = 1> (t, wl1, rl1, , lengths32)
LSTM: t = Transpose <perm = [1, 0, 2]> (a)  m = ReduceMax <axes = [1, 2]> (a)  g = Greater (m, zero)
    i = Cast <to = 6> (g)  j = Reshape (i, rest)  k = Add (j, lengths32)  l32 = Min (k, limit)  y0,
    h, d = LSTM <hidden_size = 3> (t, wl1, rl1, , l32)
Scan: t = Transpose <perm = [1, 0, 2]> (a)  y0, h = Scan (h1, t) <num_scan_inputs = 1, body = b
    (float[1,M,3] p, float[M,4] f) => (float[1,M,3] q, float[1,M,3] r) { m = MatMul (f, w43)  n =
    Add (m, p)  q = Tanh (n)  r = Identity (q) }>
Scan: h, y0 = Scan (h1, a) <num_scan_inputs = 1, body = b (float[1,M,3] p, float[M,4] f) =>
    (float[1,M,3] q, float[1,M,3] r) { m = MatMul (f, w43)  n = Add (m, p)  q = Tanh (n)  r = Neg
    (q) }, scan_input_axes = [1], scan_input_directions = [1], scan_output_axes = [2],
    scan_output_directions = [1]>
Scan: h, y0 = Scan (h1, x) <num_scan_inputs = 1, body = b (float[1,M,3] p, float[M,4] f) =>
    (float[1,M,3] q, float[1,M,3] r) { e = Gather <axis = 1> (a, i0)  m = ReduceSum (e, k01)  n =
    MatMul (f, w43)  o = Mul (n, m)  q = Add (p, o)  r = Neg (q) }, scan_input_axes = [1]>
""")

CASES = [case for case in TABLE if case.opset <= onnx.defs.onnx_opset_version()]
"""The uses of operators that the installed onnx knows."""

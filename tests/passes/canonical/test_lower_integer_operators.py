from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from onnx2snn.passes import FoldConstants, InferShapes, LowerIntegerOperators
from onnx2snn.passes.canonical.lower_integer_operators import has_integer_operators
from onnx2snn.testing import check_pass, run_ort
from tests.models import model, normal

PASS = LowerIntegerOperators()
NEWER = '<ir_version: 9, opset_import: ["" : 19]>'
"""The least opset in which onnx's reference evaluator has quantizers."""
CONTRIB = '<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>'


def integers(seed: int, *shape: int, dtype: str = "u1", bits: int = 6) -> np.ndarray:
    """Return integers far from the limits of 8 bits, where some processors saturate."""
    low = 0 if dtype == "u1" else -(2 ** (bits - 1))
    return np.random.default_rng(seed).integers(low, low + 2**bits, shape).astype(dtype)


def number(value: float, dtype: str = "f4") -> np.ndarray:
    return np.array(value, dtype)


def operators(ann: ir.Model) -> list[str]:
    return [node.op_type for node in ann.graph]


# Scales are powers of two and sums small: every float result is exact, as are the integers.
X = {"sx": number(0.25), "zx": number(3, "u1")}
# The zero point is even: onnx's evaluator rounds a half to an even number after adding it.
Y = {"sy": number(0.5), "zy": number(8, "u1")}


@pytest.mark.parametrize(
    "zero_point", [number(0, "i1"), number(-2, "i1"), np.arange(4).astype("i1")]
)
@pytest.mark.parametrize(
    "scale", [number(0.125), np.array([0.125], "f4"), 2.0 ** -np.arange(4)]
)
@pytest.mark.parametrize("bias", [True, False])
def test_convolution(scale: np.ndarray, zero_point: np.ndarray, *, bias: bool) -> None:
    if zero_point.size > scale.size:
        scale = np.broadcast_to(scale, [4])
    elif scale.size > 1:
        zero_point = np.broadcast_to(zero_point, [4])
    elif scale.ndim != zero_point.ndim:
        zero_point = zero_point.reshape(scale.shape)
    constants = {"w": integers(1, 4, 3, 3, 3, dtype="i1", bits=4), "sw": scale.astype("f4"),
                 "zw": np.array(zero_point), **X, **Y}  # fmt: skip
    if bias:
        constants["b"] = np.arange(-2, 2).astype("i4")
    before = model(
        "(uint8[N,3,6,7] x) => (uint8[N,4,3,4] y) { y = QLinearConv <pads = [1, 1, 1, 1], "
        f"strides = [2, 2]> (x, sx, zx, w, sw, zw, sy, zy{', b' if bias else ''}) }}",
        NEWER,
        **constants,
    )
    assert has_integer_operators(before)
    after = check_pass(PASS, before, {"x": integers(2, 2, 3, 6, 7)}, rtol=0)
    FoldConstants()(after)
    assert operators(after) == ["DequantizeLinear", "Conv", "QuantizeLinear"]
    assert not has_integer_operators(after)


@pytest.mark.parametrize("per_column", [False, True])
def test_matrix_product(*, per_column: bool) -> None:
    shape = [5] if per_column else []
    before = model(
        "(uint8[N,3] x) => (uint8[N,5] y) { y = QLinearMatMul (x, sx, zx, w, sw, zw, sy, zy) }",
        NEWER,
        w=integers(1, 3, 5),
        sw=np.broadcast_to(number(0.5), shape) * np.float32(1),
        zw=np.broadcast_to(number(4, "u1"), shape),
        **X,
        **Y,
    )
    after = check_pass(PASS, before, {"x": integers(2, 4, 3)}, rtol=0)
    assert operators(after) == ["DequantizeLinear", "MatMul", "QuantizeLinear"]


CONTRIBUTED = [
    (
        "QLinearAdd (x, sx, zx, x, sx, zx, sy, zy)",
        ["DequantizeLinear", "DequantizeLinear", "Add"],
    ),
    ("QLinearMul (x, sx, zx, k, sk, zk, sy, zy)", ["DequantizeLinear", "Mul"]),
    ("QLinearSigmoid (x, sx, zx, st, zt)", ["DequantizeLinear", "Sigmoid"]),
    (
        "QLinearLeakyRelu <alpha = 0.25> (x, sx, zx, sy, zy)",
        ["DequantizeLinear", "LeakyRelu"],
    ),
    (
        "QLinearAveragePool <kernel_shape = [2, 2], pads = [0, 0, 1, 1]> (x, sx, zx, sy, zy)",
        ["DequantizeLinear", "AveragePool"],
    ),
    (
        "QLinearGlobalAveragePool <channels_last = 0> (x, sx, zx, sy, zy)",
        ["DequantizeLinear", "GlobalAveragePool"],
    ),
    (
        "QLinearConcat <axis = 1> (sy, zy, x, sx, zx, x, sy, zx)",
        ["DequantizeLinear", "DequantizeLinear", "Concat"],
    ),
    (
        "QLinearWhere (c, x, sx, zx, k, sk, zk, sy, zy)",
        ["DequantizeLinear", "Where"],
    ),
    (
        "QLinearSoftmax <axis = 1, opset = 13> (x, sx, zx, st, zt)",
        ["DequantizeLinear", "Softmax"],
    ),
    (
        "QLinearSoftmax <axis = 1, opset = 12> (x, sx, zx, st, zt)",
        ["DequantizeLinear", "Flatten", "Softmax", "Shape", "Reshape"],
    ),
]


@pytest.mark.parametrize("call, expected", CONTRIBUTED)
def test_operators_of_onnxruntime(call: str, expected: list[str]) -> None:
    before = model(
        f"(uint8[2,3,4,5] x) => (uint8[A,B,C,D] y) {{ y = com.microsoft.{call} }}",
        CONTRIB,
        k=integers(1, 3, 1, 1),
        sk=number(0.125),
        zk=number(9, "u1"),
        c=np.array([True, False, True, True, False]),
        st=number(1 / 256),
        zt=number(0, "u1"),
        **X,
        **Y,
    )
    feeds = {"x": integers(2, 2, 3, 4, 5)}
    result = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    assert operators(before) == [*expected, "QuantizeLinear"]
    # the integer kernels round halves away from zero, or by tables
    assert np.abs(run_ort(before, feeds)["y"].astype(int) - result).max() <= 1
    assert not PASS(before).modified


def test_zero_points_left_out() -> None:
    """onnxruntime's own kernel does not take that, though the operator says it does."""
    before = model(
        "(int8[6] x) => (int8[A] y) { y = com.microsoft.QLinearLeakyRelu <alpha = 0.5> "
        "(x, sx, , sy) }",
        CONTRIB,
        sx=number(0.5),
        sy=number(0.25),
    )
    assert PASS(before).modified
    assert operators(before) == ["DequantizeLinear", "LeakyRelu", "QuantizeLinear"]
    x = np.arange(-3, 3, dtype=np.int8)
    np.testing.assert_array_equal(
        run_ort(before, {"x": x})["y"], np.where(x > 0, 2 * x, x)
    )


GEMM = (
    "(uint8[3,N] x) => (TYPE[N,4] y) { y = com.microsoft.QGemm "
    "<transA = 1, transB = 1, alpha = 0.5> (x, sx, zx, w, sw, zw, b END) }"
)


@pytest.mark.parametrize("quantized", [False, True])
def test_dense_layer(*, quantized: bool) -> None:
    text = GEMM.replace("TYPE", "uint8" if quantized else "float")
    text = text.replace("END", ", sy, zy" if quantized else "")
    before = model(
        text,
        CONTRIB,
        w=integers(1, 4, 3, dtype="i1"),
        sw=np.array([0.25, 0.5, 0.125, 0.25], "f4"),
        zw=np.zeros(4, "i1"),
        b=np.arange(-2, 2).astype("i4"),
        **X,
        **Y,
    )
    feeds = {"x": integers(2, 3, 6)}
    result = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    FoldConstants()(before)
    assert (
        operators(before)
        == ["DequantizeLinear", "Gemm", "QuantizeLinear"][: 2 + quantized]
    )
    np.testing.assert_array_equal(run_ort(before, feeds)["y"], result)


DYNAMIC = (
    "q, s, z = DynamicQuantizeLinear (x)  i = ConvInteger <pads = [1, 1, 1, 1]> (q, w, z, zw)"
    "  c = Cast <to = 1> (i)  p = Mul (s, sw)  y = Mul (c, p)"
)


@pytest.mark.parametrize("per_channel", [False, True])
def test_dynamic_convolution(*, per_channel: bool) -> None:
    scale = np.array([0.5, 0.25, 0.125, 1], "f4").reshape(1, 4, 1, 1)
    before = model(
        f"(float[N,3,5,6] x) => (float[N,4,5,6] y) {{ {DYNAMIC} }}",
        NEWER,
        w=integers(1, 4, 3, 3, 3),
        sw=scale if per_channel else np.array([0.25], "f4"),
        zw=number(16, "u1"),
    )
    # one rounding of a sum of 27 products in another order
    after = check_pass(PASS, before, {"x": normal(2, 2, 3, 5, 6)}, rtol=1e-5)
    assert operators(after) == ["DynamicQuantizeLinear", "DequantizeLinear", "Conv"]


def test_dynamic_product_of_two_streams() -> None:
    before = model(
        "(float[N,3,4] x) => (float[N,3,3] y) { q, s, z = DynamicQuantizeLinear (x)"
        "  t = Transpose <perm = [0, 2, 1]> (x)  r, u, v = DynamicQuantizeLinear (t)"
        "  i = MatMulInteger (q, r, z, v)  c = Cast <to = 1> (i)  p = Mul (s, u)  y = Mul (p, c) }",
        NEWER,
    )
    after = check_pass(PASS, before, {"x": normal(2, 2, 3, 4)}, rtol=1e-5)
    assert [op for op in operators(after) if "uant" not in op] == [
        "Transpose",
        "MatMul",
    ]


@pytest.mark.parametrize(
    "tail, expected",
    [
        ("y = MatMulInteger (x, w, z)", ["DequantizeLinear", "MatMul", "Cast"]),
        (
            "i = MatMulInteger (x, w, z)  y = Cast <to = 1> (i)",
            ["DequantizeLinear", "MatMul"],
        ),
        (
            "i = MatMulInteger (x, w, z)  c = Cast <to = 1> (i)  y = Mul (c, k)",
            ["DequantizeLinear", "MatMul"],
        ),
        (
            "i = MatMulInteger (x, w, z)  c = Cast <to = 1> (i)  y = Mul (c, m)",
            ["DequantizeLinear", "MatMul", "Mul"],
        ),
    ],
    ids=["integers", "no scale", "scale", "matrix"],
)
def test_integer_product_without_a_quantizer(tail: str, expected: list[str]) -> None:
    before = model(
        f"(uint8[4,3] x) => ({'int32' if 'Cast' not in tail else 'float'}[4,5] y) {{ {tail} }}",
        NEWER,
        w=integers(1, 3, 5, dtype="i1"),
        z=number(5, "u1"),
        k=np.array([0.5, 0.25, 1, 2, 4], "f4"),
        m=2.0 ** np.arange(20, dtype="f4").reshape(4, 5) / 1024,
    )
    after = check_pass(PASS, before, {"x": integers(2, 4, 3)}, rtol=0)
    assert operators(after) == expected


@pytest.mark.parametrize(
    "zero_points, factor, expected",
    [
        # the product is not by the scale that the operand has
        ("z", "k", ["QuantizeLinear", "DequantizeLinear", "MatMul", "Mul"]),
        # an integer of another zero point than the quantizer's is taken as it is
        ("other", "half", ["QuantizeLinear", "DequantizeLinear", "MatMul"]),
        # columns with zero points of their own and one scale
        ("z, columns", "half", ["QuantizeLinear", "DequantizeLinear", "MatMul"]),
    ],
)
def test_scales_that_do_not_fit(
    zero_points: str, factor: str, expected: list[str]
) -> None:
    constants = {
        "other": number(5, "u1"),
        "columns": np.array([1, 2, 3, 4, -5], "i1"),
        "half": number(0.5),
    }
    before = model(
        "(float[4,3] x, float k) => (float[4,5] y) { q = QuantizeLinear (x, s, z)"
        f"  i = MatMulInteger (q, w, {zero_points})  c = Cast <to = 1> (i)"
        f"  y = Mul (c, {factor}) }}",
        NEWER,
        w=integers(1, 3, 5, dtype="i1"),
        s=number(0.25),
        z=number(3, "u1"),
        **{
            name: array
            for name, array in constants.items()
            if name in zero_points + factor
        },
    )
    feeds = {"x": normal(2, 4, 3), "k": number(2)}
    assert operators(check_pass(PASS, before, feeds, rtol=0)) == expected


def test_static_quantizer_before_an_integer_product() -> None:
    before = model(
        "(float[4,3] x) => (float[4,5] y) { q = QuantizeLinear (x, sx, zx)"
        "  i = MatMulInteger (q, w, zx)  c = Cast <to = 1> (i)  y = Mul (c, k) }",
        NEWER,
        w=integers(1, 3, 5, dtype="i1"),
        k=number(0.125),
        **X,
    )
    after = check_pass(PASS, before, {"x": normal(2, 4, 3)}, rtol=0)
    assert operators(after) == ["QuantizeLinear", "DequantizeLinear", "MatMul"]
    weights = next(node for node in after.graph if node.op_type == "MatMul").inputs[1]
    assert weights is not None
    assert weights.const_value is not None
    np.testing.assert_array_equal(
        weights.const_value.numpy(), integers(1, 3, 5, dtype="i1") / 2
    )


@pytest.mark.parametrize(
    "call",
    [
        "DynamicQuantizeMatMul (x, w, sw, zw, b)",
        "MatMulIntegerToFloat (q, w, s, sw, z, zw, b)",
        "MatMulIntegerToFloat (q, w, s, sw, z, zw)",
    ],
)
def test_products_with_real_results(call: str) -> None:
    before = model(
        "(float[N,3] x) => (float[N,5] y) { q, s, z = DynamicQuantizeLinear (x)"
        f"  y = com.microsoft.{call} }}",
        CONTRIB,
        w=integers(1, 3, 5),
        sw=np.array([0.5, 0.25, 1, 2, 4], "f4"),
        zw=np.full(5, 16, "u1"),
        b=normal(3, 5),
    )
    feeds = {"x": normal(2, 4, 3)}
    result = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    assert [op for op in operators(before) if "uant" not in op] == ["MatMul", "Add"][
        : 1 + call.endswith("b)")
    ]
    np.testing.assert_allclose(run_ort(before, feeds)["y"], result, 1e-5, 1e-5)


@pytest.mark.parametrize(
    "bits, zero_points",  # onnxruntime refuses 8 bits with real zero points
    [(bits, kind) for bits in (2, 4, 8) for kind in ("none", "packed", "real")][:-1],
)
def test_weights_of_few_bits(bits: int, zero_points: str) -> None:
    columns, rows, block = 40, 6, 16
    blocks = -(-columns // block)
    packed = np.random.default_rng(1).integers(
        0, 256, (rows, blocks, block * bits // 8)
    )
    constants: dict[str, np.ndarray] = {
        "w": packed.astype("u1"),
        "s": 2.0 ** -integers(2, rows * blocks, bits=2).astype("f4"),
    }
    if zero_points == "packed":
        size = -(-blocks * bits // 8)
        constants["z"] = integers(3, rows * size, bits=8)
    elif zero_points == "real":
        constants["z"] = integers(3, rows * blocks, bits=2).astype("f4")
    before = model(
        f"(float[N,{columns}] x) => (float[N,{rows}] y) {{ y = com.microsoft.MatMulNBits <K = "
        f"{columns}, N = {rows}, bits = {bits}, block_size = {block}> "
        f"(x, w, s{', z' if 'z' in constants else ''}) }}",
        CONTRIB,
        **constants,
    )
    feeds = {"x": normal(4, 3, columns)}
    result = run_ort(before, feeds)["y"]
    assert PASS(before).modified
    assert operators(before) == ["MatMul"]
    # sums of 40 products in another order
    np.testing.assert_allclose(run_ort(before, feeds)["y"], result, 1e-4, 1e-3)


@pytest.mark.parametrize("per_gate", [False, True])
def test_recurrent_cells(*, per_gate: bool) -> None:
    shape = (2, 16) if per_gate else (2,)
    before = model(
        "(float[L,N,5] x) => (float[L,D,N,4] y, float[D,N,4] c) { y, h, c = "
        'com.microsoft.DynamicQuantizeLSTM <hidden_size = 4, direction = "bidirectional"> '
        "(x, w, r, b, , , , , sw, zw, sr, zr) }",
        CONTRIB,
        w=integers(1, 2, 5, 16, dtype="i1"),
        r=integers(2, 2, 4, 16, dtype="i1"),
        b=normal(3, 2, 32) / 8,
        sw=np.linspace(0.01, 0.03, int(np.prod(shape))).reshape(shape).astype("f4"),
        zw=np.zeros(shape, "i1"),
        sr=np.linspace(0.03, 0.01, int(np.prod(shape))).reshape(shape).astype("f4"),
        zr=np.zeros(shape, "i1"),
    )
    feeds = {"x": normal(4, 6, 3, 5)}
    expected = run_ort(before, feeds)
    assert PASS(before).modified
    assert operators(before) == ["LSTM"]
    for name, result in run_ort(before, feeds).items():
        # inputs are no longer rounded to 8 bits
        np.testing.assert_allclose(result, expected[name], atol=0.02)


MOVES = [
    "MaxPool <kernel_shape = [2, 2]> (q)",
    "Flatten (q)",
    "Transpose <perm = [0, 2, 3, 1]> (q)",
    "Concat <axis = 1> (q, r)",
    "Max (q, r)",
    "Pad (q, p)",
    "Pad (q, p, f)",
    'Pad <mode = "edge"> (q, p)',
    "Slice (q, one, two, one)",
    "Gather <axis = 1> (q, one)",
    "Reshape (q, shape)",
    'Resize <mode = "nearest"> (q, none, grow)',
]


@pytest.mark.filterwarnings(
    "ignore:invalid value encountered in cast"
)  # onnx pads with NaN
@pytest.mark.parametrize("move", MOVES)
def test_what_moves_integers_moves_real_numbers(move: str) -> None:
    before = model(
        f"(float[2,3,4,5] x) => (uint8[{'A,B' if 'Flatten' in move else 'A,B,C,D'}] y) "
        "{ q = QuantizeLinear (x, sx, zx)"
        f"  n = Neg (x)  r = QuantizeLinear (n, sx, zx)  y = {move} }}",
        NEWER,
        p=np.array([0, 0, 1, 0, 0, 0, 0, 2], "i8"),
        f=number(9, "u1"),
        one=np.array([1], "i8"),
        two=np.array([2], "i8"),
        shape=np.array([2, 4, 3, 5], "i8"),
        grow=np.array([1, 1, 2, 2], "f4"),
        none=np.zeros(0, "f4"),
        **X,
    )
    feeds = {"x": 4 * normal(1, 2, 3, 4, 5)}
    after = check_pass(PASS, before, feeds, rtol=0)
    moved = next(
        node for node in after.graph if node.op_type == move.split(maxsplit=1)[0]
    )
    assert moved.inputs[0] is not None
    assert moved.inputs[0].dtype in {None, ir.DataType.FLOAT}
    assert operators(after)[-1] == "QuantizeLinear"


def test_the_largest_of_integers_is_the_largest_real_number() -> None:
    before = model(
        "(float[4,5] x) => (int64[4] y) { q = QuantizeLinear (x, sx, zx)"
        "  y = ArgMax <axis = 1, keepdims = 0> (q) }",
        NEWER,
        **X,
    )
    after = check_pass(PASS, before, {"x": normal(1, 4, 5)}, rtol=0)
    assert operators(after) == ["QuantizeLinear", "DequantizeLinear", "ArgMax"]


@pytest.mark.parametrize(
    "body",
    [
        "y = MaxPool <kernel_shape = [2, 2]> (x)",
        "q = QuantizeLinear (r, s, z)  p = QuantizeLinear (r, sy, z)  y = Concat <axis=1> (q, p)",
        "q = QuantizeLinear (r, s, z)  y, i = MaxPool <kernel_shape=[2,2]> (q)  j = Identity (i)",
        "q = QuantizeLinear <axis = 1> (r, sc, zc)  y = Transpose <perm = [0, 2, 1, 3]> (q)",
    ],
    ids=["unknown scale", "two scales", "indices", "along an axis"],
)
def test_integers_left_as_they_are(body: str) -> None:
    outputs = "uint8[A,B,C,D] y" + (", int64[A,B,C,D] j" if "j =" in body else "")
    before = model(
        f"(uint8[2,3,4,5] x) => ({outputs}) {{ r = Cast <to = 1> (x)  {body} }}",
        sc=np.array([1, 2, 4], "f4"),
        zc=np.zeros(3, "u1"),
        s=number(1),
        z=number(0, "u1"),
        **X,
        **Y,
    )
    assert not PASS(before).modified


@pytest.mark.parametrize(
    "call",
    [
        "QLinearGlobalAveragePool <channels_last = 1> (x, sx, zx, sy, zy)",
        "QLinearAveragePool <kernel_shape = [2, 2], channels_last = 1> (x, sx, zx, sy, zy)",
    ],
)
def test_channels_last_is_left_alone(call: str) -> None:
    before = model(
        f"(uint8[2,3,4,5] x) => (uint8[A,B,C,D] y) {{ y = com.microsoft.{call} }}",
        CONTRIB,
        **X,
        **Y,
    )
    assert not PASS(before).modified


@pytest.mark.parametrize("operands", ["x, w, s, , g", "x, v, s", "x, w, s, z"])
def test_reordered_or_computed_weights_of_few_bits_are_left_alone(
    operands: str,
) -> None:
    constants = {
        "w": integers(1, 2, 1, 8),
        "s": np.ones(2, "f4"),
        "g": np.zeros(16, "i4"),
    }
    before = model(
        "(float[N,16] x, uint8[2,1,8] v, uint8[2] z) => (float[N,2] y) { y = com.microsoft."
        f"MatMulNBits <K = 16, N = 2, bits = 4, block_size = 16> ({operands}) }}",
        CONTRIB,
        **{name: array for name, array in constants.items() if f" {name}" in operands},
    )
    assert not PASS(before).modified


def test_cells_with_computed_weights_are_left_alone() -> None:
    before = model(
        "(float[L,N,5] x, int8[1,5,16] w) => (float[L,D,N,4] y) { y = com.microsoft."
        "DynamicQuantizeLSTM <hidden_size = 4> (x, w, r, , , , , , s, z, s, z) }",
        CONTRIB,
        r=integers(2, 1, 4, 16, dtype="i1"),
        s=np.ones(1, "f4"),
        z=np.zeros(1, "i1"),
    )
    assert not PASS(before).modified


def test_a_scale_that_is_computed_is_left_alone() -> None:
    before = model(
        "(float[N,3] x, float s) => (float[N,3] y) { q = com.microsoft.QuantizeLinear (x, s, z)"
        "  y = com.microsoft.DequantizeLinear (q, s, z) }",
        CONTRIB,
        z=number(0, "u1"),
    )
    assert not PASS(before).modified


OPSETS = {17: '["" : 17, "com.microsoft" : 1]', 21: '["" : 21, "com.microsoft" : 1]'}


@pytest.mark.parametrize(
    "opset, dtype, domain",
    [(17, "u1", ""), (17, "i1", ""), (17, "u2", "com.microsoft"), (21, "i2", "")],
)
def test_quantizers_of_onnxruntime(opset: int, dtype: str, domain: str) -> None:
    before = model(
        "(float[N,3] x) => (float[N,3] y) { q = com.microsoft.QuantizeLinear (x, s, z)"
        "  r = com.microsoft.DequantizeLinear (q, s, z)  y = Neg (r) }",
        f"<ir_version: 10, opset_import: {OPSETS[opset]}>",
        s=number(0.25),
        z=number(5, dtype),
    )
    feeds = {"x": normal(1, 4, 3)}
    result = run_ort(before, feeds)["y"]
    assert PASS(before).modified is (domain == "")
    assert {node.domain for node in before.graph} - {""} == ({domain} - {""})
    np.testing.assert_array_equal(run_ort(before, feeds)["y"], result)
    InferShapes()(before)
    assert [value.dtype for node in before.graph for value in node.outputs] == [
        ir.DataType.from_numpy(np.dtype(dtype)),
        ir.DataType.FLOAT,
        ir.DataType.FLOAT,
    ]


def constants_of(kind: int, values: list[float]) -> onnx.TensorProto:
    return onnx.helper.make_tensor("q", kind, [4, 3], values)


FOLDED: list[tuple[str, dict[str, Any], list[int], int | None]] = [
    ("INT8", {}, [], None),
    ("UINT8", {}, [], 3),
    ("INT8", {"axis": 0}, [4], None),
    ("INT8", {"axis": -1}, [3], 2),
    ("INT16", {"axis": 1}, [3], 7),
    ("UINT16", {}, [], 7),
    ("INT32", {"axis": 0}, [4], 0),
    ("INT4", {}, [], None),
    ("UINT4", {"axis": 0}, [4], 3),
    ("INT4", {"axis": 0, "block_size": 2}, [2, 3], None),
    ("UINT8", {"axis": 1, "block_size": 2}, [4, 2], 5),
    ("FLOAT8E4M3FN", {}, [], None),
    ("FLOAT8E5M2", {}, [], None),
]


@pytest.mark.parametrize("name, attributes, shape, zero", FOLDED)
def test_constants_of_every_type_are_dequantized(
    name: str, attributes: dict[str, Any], shape: list[int], zero: int | None
) -> None:
    kind = onnx.TensorProto.DataType.Value(name)
    size = int(np.prod(shape))
    tensors = [
        constants_of(kind, [float(v) for v in np.arange(12) % 7]),
        onnx.numpy_helper.from_array(
            2.0 ** -np.arange(np.prod(shape)).reshape(shape).astype("f4"), "s"
        ),
    ]
    if zero is not None:
        tensors.append(onnx.helper.make_tensor("z", kind, shape, [zero] * size))
    call = onnx.helper.make_node(
        "DequantizeLinear", [t.name for t in tensors], ["w"], **attributes
    )
    graph = onnx.helper.make_graph(
        [call, onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [4, 3])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [4, 3])],
        tensors,
    )
    before = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10
    )
    feeds = {"x": np.zeros((4, 3), "f4")}
    after = check_pass(PASS, before, feeds, rtol=0)
    assert operators(after) == ["Add"]
    (expected,) = ReferenceEvaluator(before).run(None, feeds)
    assert expected.any()
    np.testing.assert_array_equal(run_ort(after, feeds)["y"], expected)


def test_a_dequantized_graph_output_keeps_its_node() -> None:
    before = model(
        "(float[3] x) => (float[3] y, float[2] z) { y = Neg (x)  z = DequantizeLinear (q, s) }",
        NEWER,
        q=np.array([1, 2], "u1"),
        s=number(0.5),
    )
    check_pass(PASS, before, {"x": normal(1, 3)}, modified=False)


def test_half_precision_scales_give_half_precision_constants() -> None:
    before = model(
        "(float16[2] x) => (float16[2] y) { w = DequantizeLinear (q, s)  y = Add (x, w) }",
        '<ir_version: 9, opset_import: ["" : 19]>',
        q=np.array([1, 2], "u1"),
        s=number(0.5, "f2"),
    )
    after = check_pass(PASS, before, {"x": normal(1, 2).astype("f2")}, rtol=0)
    assert operators(after) == ["Add"]


def test_names_of_nodes_stay() -> None:
    before = model(
        "(uint8[N,3] x) => (uint8[N,5] y) "
        "{ [dense] y = QLinearMatMul (x, sx, zx, w, sx, zx, sy, zy) }",
        NEWER,
        w=integers(1, 3, 5),
        **X,
        **Y,
    )
    PASS(before)
    assert [node.name for node in before.graph if node.op_type == "MatMul"] == ["dense"]
    names = [node.name for node in before.graph]
    assert len(set(names)) == len(names)

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.fold_constants import FoldConstants
from onnx2snn.testing import check_pass

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def feeds(*shape: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(2).standard_normal(shape).astype(np.float32)}


def ops(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def test_chain_is_folded_under_its_own_names() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float[N,2] y) <float[2,3] w = {{1, -2, 3, 0.5, 5, -6}}> "
        "{ t = Transpose (w)  c = Constant <value = float {2.0}> ()  v = Mul (t, c)"
        "  y = MatMul (x, v) }"
    )
    after = check_pass(FoldConstants(), before, feeds(4, 3), rtol=0)
    assert ops(after) == ["MatMul"]
    assert list(after.graph.initializers) == ["v"]
    expected = 2 * np.array([[1, -2, 3], [0.5, 5, -6]], np.float32).T
    np.testing.assert_array_equal(
        after.graph.initializers["v"].const_value.numpy(), expected
    )


@pytest.mark.parametrize(
    "attribute, expected",
    [
        ("value = float[2] {1.5, -2.0}", np.array([1.5, -2.0], np.float32)),
        ("value_float = 1.5", np.array(1.5, np.float32)),
        ("value_floats = [1.5, 2.5]", np.array([1.5, 2.5], np.float32)),
        ("value_int = 7", np.array(7, np.int64)),
        ("value_ints = [7, -8]", np.array([7, -8], np.int64)),
    ],
)
def test_constant_of_each_kind(attribute: str, expected: np.ndarray) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y) "
        f"{{ c = Constant <{attribute}> ()  f = CastLike (c, x)  y = Add (x, f) }}"
    )
    after = check_pass(FoldConstants(), before, feeds(2), rtol=0)
    (value,) = after.graph.initializers.values()
    assert value.name == "c"
    np.testing.assert_array_equal(value.const_value.numpy(), expected)
    assert value.const_value.numpy().dtype == expected.dtype


@pytest.mark.parametrize(
    "node, expected",
    [
        ("Shape <start = 1> (x)", [3, 4]),
        ("Shape <start = -2, end = -1> (x)", [3]),
        ("Gather <axis = 0> (s, i)", [4, 3]),
        ("Slice (s, a, b)", [3, 4]),
    ],
)
def test_numbers_of_a_partly_symbolic_shape_are_constants(
    node: str, expected: list[int]
) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3,4] x) => (int64[{len(expected)}] y) "
        "<int64[2] i = {2, 1}, int64[1] a = {1}, int64[1] b = {9}> "
        f"{{ s = Shape (x)  k = {node}  y = Neg (k) }}"
    )
    result = FoldConstants()(before)
    assert result.modified
    y = before.graph.outputs[0].producer()
    assert y is not None
    np.testing.assert_array_equal(y.inputs[0].const_value.numpy(), -np.array(expected))


def model_whose_shapes_are_known_one_by_one() -> ir.Model:
    """Return a model where the shape of r is known only when the numbers t are folded."""
    return ir.from_onnx_text(
        f"{HEADER} g (float[2,6] x) => (float[3,4] y, int64[2] z) <int64[1] n = {{-1}}> "
        "{ three = Constant <value = int64[1] {3}> ()  t = Concat <axis = 0> (three, n)"
        "  r = Reshape (x, t)  z = Shape (r)  y = Relu (r) }"
    )


def test_what_a_folded_shape_makes_known_is_folded_too() -> None:
    before = model_whose_shapes_are_known_one_by_one()
    after = check_pass(FoldConstants(), before, feeds(2, 6), rtol=0)
    assert ops(after) == ["Reshape", "Identity", "Relu"]
    z = after.graph.outputs[1].producer()
    assert z is not None
    np.testing.assert_array_equal(z.inputs[0].const_value.numpy(), [3, 4])


def test_rounds_are_limited() -> None:
    before = model_whose_shapes_are_known_one_by_one()
    FoldConstants(max_rounds=1)(before)
    assert ops(before) == ["Reshape", "Shape", "Relu"]


def test_symbolic_dimensions_stay_computed() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (int64[1] y, int64[2] z, int64 w) <int64[1] i = {{0}}> "
        "{ s = Shape (x)  y = Gather (s, i)  z = Neg (s)  w = Size (x) }"
    )
    check_pass(FoldConstants(), before, feeds(5, 3), modified=False)


def test_size_and_whole_shape() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[5,3] x) => (int64[2] y, int64 z) "
        "{ s = Shape (x)  n = Size (x)  y = Neg (s)  z = Neg (n) }"
    )
    after = check_pass(FoldConstants(), before, feeds(5, 3), rtol=0)
    assert ops(after) == ["Identity", "Identity"]


def test_output_keeps_a_producer() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y, float[1] k) "
        "{ k = Constant <value = float[1] {3.0}> ()  y = Mul (x, k) }"
    )
    after = check_pass(FoldConstants(), before, feeds(2), rtol=0)
    assert ops(after) == ["Identity", "Mul"]


def test_several_outputs_and_absent_inputs() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y) <float[4] w = {{1, 2, 3, 4}}, float high = {{2}}>"
        " { a, b = Split (w)  m = Clip (a, , high)  h = Mul (x, m)  y = Add (h, b) }"
    )
    assert ops(check_pass(FoldConstants(), before, feeds(2), rtol=0)) == ["Mul", "Add"]


def test_subgraph_is_folded() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x, bool c) => (float[2] y) <float[2] w = {{1, -2}}> {{ y = If (c) <"
        "then_branch = t () => (float[2] p) { v = Neg (w)  p = Mul (x, v) }, "
        "else_branch = e () => (float[2] q) "
        "{ k = Constant <value = float {3.0}> ()  q = Add (x, k) }> }"
    )
    inputs = {**feeds(2), "c": np.array(0, np.bool_)}
    after = check_pass(FoldConstants(), before, inputs, rtol=0)
    assert [node.op_type for node in after.graph.all_nodes()] == ["If", "Mul", "Add"]


@pytest.mark.parametrize(
    "node",
    [
        "RandomNormalLike (w)",
        "ai.other.Neg (w)",
        "Bernoulli (w)",
        "Gather (w, far)",
    ],
)
def test_other_nodes_stay(node: str) -> None:
    before = ir.from_onnx_text(
        '<ir_version: 8, opset_import: ["" : 17, "ai.other" : 1]> g (float[2] x) => (float[2] y) '
        f"<float[2] w = {{0.25, 0.5}}, int64 far = {{9}}> {{ r = {node}  y = Add (x, r) }}"
    )
    assert not FoldConstants()(before).modified


def test_strings_stay() -> None:
    value = onnx.helper.make_tensor("s", onnx.TensorProto.STRING, [1], [b"a"])
    node = onnx.helper.make_node("Constant", [], ["y"], value=value)
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.STRING, [1])
    graph = onnx.helper.make_graph([node], "g", [], [output])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)]
    )
    assert not FoldConstants()(ir.from_proto(model)).modified


def test_node_with_a_subgraph_stays() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1] x) => (float[1] y) <bool c = {{1}}, float[1] w = {{2}}> "
        "{ k = If (c) <then_branch = t () => (float[1] p) { p = Neg (w) }, "
        "else_branch = e () => (float[1] q) { q = Abs (w) }>  y = Add (x, k) }"
    )
    FoldConstants()(before)
    assert ops(before) == ["If", "Add"]


def test_overridable_initializer_is_no_constant() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x, float[2] w) => (float[2] y) <float[2] w = {{1, 2}}> "
        "{ v = Neg (w)  y = Add (x, v) }"
    )
    assert not FoldConstants()(before).modified


@pytest.mark.parametrize("max_bytes", [4 * 99, 4 * 100])
def test_large_results_stay_computed(max_bytes: int) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[100] x) => (float[100] y) <int64[1] n = {{100}}> "
        "{ w = ConstantOfShape <value = float[1] {1.5}> (n)  y = Add (x, w) }"
    )
    assert FoldConstants(max_bytes=max_bytes)(before).modified == (max_bytes == 400)


def test_results_no_larger_than_their_inputs_are_folded() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y) <float[2] w = {{1, 2}}> "
        "{ v = Neg (w)  y = Add (x, v) }"
    )
    check_pass(FoldConstants(max_bytes=0), before, feeds(2), rtol=0)


def test_huge_result_is_not_even_computed() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[1] x) => (int64[2] y) <int64[2] n = {{1000000000, 1000000}}> "
        "{ w = ConstantOfShape (n)  y = Shape (w) }"
    )
    assert not FoldConstants()(before).modified


def test_large_inputs() -> None:
    weight = np.arange(600, dtype=np.float32).reshape(20, 30)
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,30] x) => (float[N,20] y) {{ t = Transpose (w)  y = MatMul (x, t) }}"
    )
    proto = ir.to_proto(before)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
    after = check_pass(FoldConstants(), proto, feeds(2, 30), rtol=0)
    np.testing.assert_array_equal(
        after.graph.initializers["t"].const_value.numpy(), weight.T
    )


@pytest.mark.parametrize("node", ["SequenceConstruct (w, w)", "Cast <to = 8> (w)"])
def test_results_that_are_no_numbers_stay(node: str) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x) => (float[2] y) <float[2] w = {{1, 2}}> {{ s = {node}"
        "  y = Neg (x) }"
    )
    assert not FoldConstants()(before).modified


def test_string_attribute_stays() -> None:
    before = ir.from_onnx_text(
        f'{HEADER} g () => (y) {{ y = Constant <value_string = "a"> () }}'
    )
    assert not FoldConstants()(before).modified


SMALL_TYPES = (
    "FLOAT8E4M3FN",
    "FLOAT8E4M3FNUZ",
    "FLOAT8E5M2",
    "FLOAT8E5M2FNUZ",
    "INT4",
    "UINT4",
    "BFLOAT16",
)
"""Types that numpy itself does not have, and that onnxruntime computes with."""


@pytest.mark.parametrize("name", SMALL_TYPES)
@pytest.mark.parametrize("length", [5, 3001])
def test_types_of_few_bits_keep_their_values(name: str, length: int) -> None:
    """onnxruntime hands some of them out as the integers of the same bits."""
    dtype = ir.DataType[name]
    weight = np.arange(length, dtype=np.float32) % 8
    before = ir.from_onnx_text(
        f'<ir_version: 10, opset_import: ["" : 21]> g (float[{length}] x) '
        f"=> (float[{length}] y) {{ q = Cast <to = {int(dtype)}> (w)  "
        "f = Cast <to = 1> (q)  y = Add (x, f) }"
    )
    before.graph.register_initializer(ir.Value(name="w", const_value=ir.tensor(weight)))
    after = check_pass(FoldConstants(), before, feeds(length), rtol=0)
    assert ops(after) == ["Add"]


@pytest.mark.parametrize("name", SMALL_TYPES[:-1])
def test_quantized_constants_keep_their_values(name: str) -> None:
    dtype = ir.DataType[name]
    before = ir.from_onnx_text(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[5] x) => (float[5] y) '
        "<float[5] w = {0.5, 1, 2, 3, 1.5}, float s = {0.5}> "
        f"{{ q = QuantizeLinear <output_dtype = {int(dtype)}> (w, s)  "
        "f = DequantizeLinear (q, s)  y = Add (x, f) }"
    )
    after = check_pass(FoldConstants(), before, feeds(5), rtol=0)
    assert ops(after) == ["Add"]
    (known,) = after.graph.initializers.values()
    assert known.dtype is ir.DataType.FLOAT


@pytest.mark.parametrize("name", SMALL_TYPES)
def test_folded_value_has_its_type(name: str) -> None:
    dtype = ir.DataType[name]
    before = ir.from_onnx_text(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[3] x) => (float[3] y) '
        "<float[3] w = {1, 2, 3}> "
        f"{{ q = Cast <to = {int(dtype)}> (w)  y = Cast <to = 1> (q) }}"
    )
    FoldConstants(max_rounds=1)(before)
    (known,) = before.graph.initializers.values()
    np.testing.assert_array_equal(known.const_value.numpy(), np.array([1, 2, 3], "f4"))


def test_type_that_onnxruntime_cannot_compute_stays() -> None:
    before = ir.from_onnx_text(
        '<ir_version: 11, opset_import: ["" : 23]> g (float[2] x) => (float[2] y) '
        "<float[2] w = {1, 2}> { q = Cast <to = 23> (w)  f = Cast <to = 1> (q)  "
        "y = Add (x, f) }"
    )
    assert not FoldConstants()(before).modified

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.metadata.normal import Normal
from onnx2snn.passes import FoldAffineForward
from onnx2snn.testing import check_pass, run_ort
from tests.models import dyadic, model, normal, positive

if TYPE_CHECKING:
    import onnx_ir as ir

X = {"x": dyadic(1, 2, 4, 6, 7, unit=16)}
POWERS = np.float32([0.25, 1, 4, 0.0625])
WEIGHTS = {
    "w": dyadic(2, 6, 4, 3, 3),
    "b": dyadic(3, 6),
    "grouped": dyadic(4, 6, 2, 3, 3),
    "up": dyadic(5, 4, 3, 2, 3),
    "flat": dyadic(6, 4 * 6 * 7, 5),
    "pooled": dyadic(7, 4, 5),
    "wide": dyadic(8, 6, 8, 3, 3),
    "scale": dyadic(9, 4),
    "bias": dyadic(10, 4),
    "mean": dyadic(11, 4),
    "var": POWERS,
    "above": np.abs(dyadic(12, 4)) + np.float32(0.25),
    "s": dyadic(13, 4, 1, 1),
    "t": dyadic(14, 4, 1, 1),
    "positive": np.abs(dyadic(15, 4, 1, 1)) + np.float32(0.5),
    "map": dyadic(16, 1, 4, 6, 7),
    "one": np.float32(1),
    "half": np.float32(0.5),
    "pads": np.array([0, 0, 1, 2, 0, 0, 0, 1], np.int64),
    "shape": np.array([0, -1], np.int64),
    "sizes": np.array([1, 1, 2, 2], np.float32),
    "first": np.array([1], np.int64),
    "last": np.array([5], np.int64),
    "axes": np.array([2], np.int64),
    "zero": np.float32(0),
}
NORM = "BatchNormalization <epsilon = 0.0>"
SAME = "pads = [1, 1, 1, 1]"


def network(text: str, x: str = "float[N,4,6,7] x", outputs: str = "y") -> ir.Model:
    return model(f"({x}) => ({outputs}) {{ r = Relu (x)  {text} }}", **WEIGHTS)


def types(ann: ir.Model) -> set[str]:
    return {node.op_type for node in ann.graph}


def shift_is_behind_weights(node: ir.Node) -> bool:
    """Whether ``node`` is no Add of a constant to anything but a product."""
    if node.op_type != "Add":
        return True
    product = node.inputs[0]
    assert product is not None
    maker = product.producer()
    return maker is not None and maker.op_type in {"Conv", "ConvTranspose", "MatMul"}


AFFINE = {
    "BatchNormalization": f"a = {NORM} (r, scale, bias, mean, var)",
    "Mul": "a = Mul (s, r)",
    "Add": "a = Add (r, t)",
    "Sub": "a = Sub (r, t)",
    "Sub from a constant": "a = Sub (one, r)",
    "Neg": "a = Neg (r)",
    "Div": "a = Div (r, half)",
    "several in a row": "i = Mul (r, s)  j = Sub (t, i)  a = Add (j, one)",
    "another number at each position": "a = Add (r, map)",
}

READERS = {
    "padded": f"y = Conv <{SAME}> (a, w, b)",
    "not padded": "y = Conv (a, w)",
    "SAME_UPPER": 'y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (a, w)',
    "groups": f"y = Conv <group = 2, dilations = [2, 1], {SAME}> (a, grouped, b)",
    "ConvTranspose": "y = ConvTranspose <strides = [2, 2], "
    "output_padding = [1, 0]> (a, up)",
    "Gemm": "f = Flatten (a)  y = Gemm (f, flat)",
    "MatMul": "f = Reshape (a, shape)  y = MatMul (f, flat)",
    "MatMul of more axes": "f = Transpose <perm = [0, 2, 3, 1]> (a)  y = MatMul (f, pooled)",
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("affine", AFFINE)
def test_weights_take_in_what_stands_between_them_and_spikes(
    affine: str, reader: str
) -> None:
    before = network(f"{AFFINE[affine]}  {READERS[reader]}")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert types(after).isdisjoint({"BatchNormalization", "Mul", "Sub", "Div", "Neg"})
    assert all(shift_is_behind_weights(node) for node in after.graph)


@pytest.mark.parametrize("reader", ["padded", "SAME_UPPER", "groups", "ConvTranspose"])
def test_of_an_input_of_any_size(reader: str) -> None:
    text = f"{AFFINE['BatchNormalization']}  {READERS[reader]}"
    before = network(text, x="float[N,4,H,W] x")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert "BatchNormalization" not in types(after)
    assert "Shape" in types(after)


@pytest.mark.parametrize("size", ["6,7", "H,W"])
def test_groups_of_a_transposed_convolution(size: str) -> None:
    """onnx's reference does not run groups of more than one channel."""
    transposed = "ConvTranspose <group = 2, strides = [2, 2]> (a, up)"
    text = f"{AFFINE['BatchNormalization']}  y = {transposed}"
    ann = network(text, x=f"float[N,4,{size}] x")
    expected = run_ort(ann, X)["y"]
    assert FoldAffineForward()(ann).modified
    np.testing.assert_array_equal(run_ort(ann, X)["y"], expected)


def test_the_shift_is_one_number_a_channel_if_nothing_is_padded() -> None:
    before = network(f"{AFFINE['BatchNormalization']}  y = Conv (a, w, b)")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert [node.op_type for node in after.graph] == ["Relu", "Conv"]


CARRIED = {
    "MaxPool": f"p = MaxPool <kernel_shape = [2, 2], {SAME}> (a)",
    "AveragePool": "p = AveragePool <kernel_shape = [2, 2], pads = [1, 1, 0, 0]> (a)",
    "AveragePool with its padding": "p = AveragePool <kernel_shape = [2, 2], "
    "pads = [1, 1, 0, 0], count_include_pad = 1> (a)",
    "Pad": "p = Pad (a, pads)",
    "Pad by reflection": 'p = Pad <mode = "reflect"> (a, pads)',
    "Resize": 'p = Resize <mode = "nearest"> (a, , sizes)',
    "Slice": "p = Slice (a, first, last, axes)",
    "SpaceToDepth and back": "q = DepthToSpace <blocksize = 2> (a)  "
    "p = SpaceToDepth <blocksize = 2> (q)",
    "Transpose": "q = Transpose <perm = [0, 2, 1, 3]> (a)  "
    "p = Transpose <perm = [0, 2, 1, 3]> (q)",
}


@pytest.mark.parametrize("carried", CARRIED)
def test_nodes_between_the_affine_and_the_weights(carried: str) -> None:
    affine = f"a = {NORM} (r, above, bias, mean, var)"
    before = network(f"{affine}  {CARRIED[carried]}  y = Conv <{SAME}> (p, w, b)")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert "BatchNormalization" not in types(after)


@pytest.mark.parametrize(
    "pool",
    ["GlobalAveragePool (a)", "ReduceMean <axes = [2, 3]> (a)", "GlobalMaxPool (a)"],
)
def test_means_over_all_positions(pool: str) -> None:
    affine = f"a = {NORM} (r, above, bias, mean, var)"
    before = network(f"{affine}  p = {pool}  f = Flatten (p)  y = Gemm (f, pooled)")
    after = check_pass(
        FoldAffineForward(), before, X
    )  # means of 42 numbers are rounded
    assert "BatchNormalization" not in types(after)


COMBINED = {
    "Concat": "c = Concat <axis = 1> (a, h)",
    "Concat with plain spikes": "c = Concat <axis = 1> (r, a)",
    "Add": "d = Add (a, h)  c = Concat <axis = 1> (d, d)",
    "Add of plain spikes": "d = Add (r, a)  c = Concat <axis = 1> (d, r)",
    "Sub": "d = Sub (a, h)  c = Concat <axis = 1> (d, a)",
    "Sum": "d = Sum (a, h, r)  c = Concat <axis = 1> (d, d)",
}


@pytest.mark.parametrize("size", ["6,7", "H,W"])
@pytest.mark.parametrize("combined", COMBINED)
def test_several_affine_nodes_of_several_spikes(combined: str, size: str) -> None:
    text = f"""
        {AFFINE["BatchNormalization"]}  n = Neg (x)  q = Relu (n)  h = Mul (q, s)
        {COMBINED[combined]}  y = Conv <{SAME}> (c, wide, b)"""
    before = network(text, x=f"float[N,4,{size}] x")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert "BatchNormalization" not in types(after)


def test_other_readers_keep_what_they_read() -> None:
    text = f"{AFFINE['BatchNormalization']}  y = Conv <{SAME}> (a, w, b)  z = Neg (a)"
    before = network(text, outputs="y, z")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    assert "BatchNormalization" in types(after)
    (conv,) = (node for node in after.graph if node.op_type == "Conv")
    assert conv.inputs[0] is after.graph[0].outputs[0]


def test_every_reader_with_weights_is_folded() -> None:
    text = "a = Add (r, t)  y = Conv (a, w)  z = Conv (a, w, b)"
    after = check_pass(FoldAffineForward(), network(text, outputs="y, z"), X, rtol=0)
    assert [node.op_type for node in after.graph] == ["Relu", "Conv", "Conv"]


REFUSED = {
    "a maximum of negative multiples": "m = Neg (r)  a = Add (m, t)  "
    "p = MaxPool <kernel_shape = [2, 2]> (a)  y = Conv (p, w)",
    "a maximum of different shifts": "a = Add (r, map)  "
    "p = MaxPool <kernel_shape = [2, 2]> (a)  y = Conv (p, w)",
    "a scale by position": f"a = Mul (r, map)  y = Conv <{SAME}> (a, w)",
    "weights that are computed": "a = Add (r, t)  v = Mul (k, half)  y = Conv (a, v)",
    "a Gemm with alpha": "a = Add (r, t)  f = Flatten (a)  y = Gemm <alpha = 2.0> (f, flat)",
    "no spikes": "q = Softmax <axis = 1> (x)  a = Add (q, t)  y = Conv (a, w)",
    "no spikes in a sum": "q = Sin (x)  a = Add (r, t)  c = Add (q, a)  y = Conv (c, w)",
    "a Pad with a number of its own": "a = Add (r, t)  p = Pad (a, pads, half)  y = Conv (p, w)",
    "no weights": "a = Add (r, t)  y = Sin (a)",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_stays_as_it_is(case: str) -> None:
    x = "float[N,4,6,7] x, float[6,4,3,3] k"
    feeds = X | {"k": WEIGHTS["w"]}
    before = network(REFUSED[case], x=x)
    check_pass(FoldAffineForward(), before, feeds, modified=False)


def test_a_pool_whose_indices_are_read_stays() -> None:
    text = "a = Add (r, t)  p, i = MaxPool <kernel_shape = [2, 2]> (a)  y = Conv (p, w)"
    check_pass(
        FoldAffineForward(), network(text, outputs="y, i"), X, modified=False, rtol=0
    )


def test_positions_that_differ_need_a_known_size() -> None:
    text = "a = Add (r, t)  p = Pad (a, pads)  y = Conv (p, w)"
    before = network(text, x="float[N,4,H,W] x")
    check_pass(FoldAffineForward(), before, X, modified=False)


def test_statistics_of_the_normalization_stay_known() -> None:
    before = network(f"{AFFINE['BatchNormalization']}  y = Conv (a, w)")
    after = check_pass(FoldAffineForward(), before, X, rtol=0)
    found = Normal.of(after.graph[0].outputs[0])
    assert found is not None
    np.testing.assert_array_equal(found.mean, WEIGHTS["mean"])
    np.testing.assert_array_equal(found.std, np.sqrt(POWERS))


def test_a_whole_network_with_normalization_behind_its_activations() -> None:
    """Was: 0 % driven by spikes."""
    text = f"""
        n1 = {NORM} (r, scale, bias, mean, var)
        c2 = Conv <{SAME}> (n1, v, k)  r2 = Relu (c2)
        n2 = {NORM} (r2, above, bias, mean, var)
        p2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (n2)
        c3 = Conv <{SAME}> (p2, v, k)  r3 = Relu (c3)
        g = GlobalAveragePool (r3)  f = Flatten (g)  y = Gemm (f, pooled)"""
    weights = WEIGHTS | {"v": normal(20, 4, 4, 3, 3) / 6, "k": positive(21, 4)}
    ann = model(f"(float[N,4,6,8] x) => (y) {{ r = Relu (x)  {text} }}", **weights)
    x = normal(22, 32, 4, 6, 8)
    conversion = onnx2snn.convert(ann, T=32, calibration=[{"x": x}])
    nodes = conversion.report["analysis"]["nodes"]
    convolutions = [node for node in nodes if node["op"] == "Conv"]
    assert [node["driver"] for node in convolutions] == ["spikes"] * 2
    norms = [node for node in nodes if node["op"] == "BatchNormalization"]
    assert [node["kind"] for node in norms] == ["folded", "folded"]

"""Weights as matrices, against what onnxruntime makes of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.correction.grid import Grid
from onnx2snn.correction.weights_to_fit import find_linear_map
from onnx2snn.graph import array, set_array
from onnx2snn.testing import run_ort
from tests.models import dyadic, model

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.correction.linear_map import LinearMap

ALL = Grid(100)

CONVOLUTIONS = {
    "1-D": ("", (3, 2, 9), (4, 2, 3)),
    "2-D": ("", (3, 2, 7, 6), (4, 2, 3, 2)),
    "3-D": ("pads = [1, 0, 1, 0, 1, 1]", (2, 2, 5, 4, 3), (3, 2, 3, 2, 2)),
    "groups": ("group = 2", (3, 4, 7, 6), (6, 2, 3, 2)),
    "depthwise": ("group = 4, pads = [1, 1, 1, 1]", (3, 4, 7, 6), (4, 1, 3, 3)),
    "depthwise, two outputs a channel": ("group = 3", (2, 3, 7, 6), (6, 1, 3, 3)),
    "strides": ("strides = [2, 3]", (3, 2, 9, 8), (4, 2, 3, 2)),
    "dilations": (
        "dilations = [2, 1], pads = [2, 0, 1, 0]",
        (3, 2, 9, 8),
        (4, 2, 3, 2),
    ),
    "pads": ("pads = [2, 0, 1, 1], strides = [2, 2]", (3, 2, 7, 6), (4, 2, 3, 3)),
    "same upper": (
        'auto_pad = "SAME_UPPER", strides = [2, 2]',
        (3, 2, 8, 7),
        (4, 2, 3, 2),
    ),
    "same lower": (
        'auto_pad = "SAME_LOWER", strides = [3, 2]',
        (3, 2, 8, 7),
        (4, 2, 4, 2),
    ),
    "valid": ('auto_pad = "VALID", strides = [3, 2]', (3, 2, 8, 7), (4, 2, 4, 2)),
}
TRANSPOSED = {
    "1-D": ("", (3, 2, 5), (2, 4, 3)),
    "2-D": ("", (3, 2, 5, 4), (2, 4, 3, 2)),
    "3-D": ("strides = [1, 2, 1]", (2, 2, 3, 4, 3), (2, 3, 2, 3, 2)),
    "groups": ("group = 2, strides = [2, 1]", (3, 4, 5, 4), (4, 3, 3, 2)),
    "depthwise": ("group = 4, strides = [2, 2]", (3, 4, 5, 4), (4, 1, 3, 2)),
    "strides": ("strides = [3, 2]", (3, 2, 5, 4), (2, 4, 2, 3)),
    "dilations": ("dilations = [2, 3], strides = [2, 1]", (3, 2, 5, 4), (2, 4, 3, 2)),
    "pads": ("pads = [1, 0, 2, 1], strides = [2, 2]", (3, 2, 5, 4), (2, 4, 3, 3)),
    "more cut off than the kernel reaches": (
        "pads = [2, 0, 1, 2]",
        (3, 2, 5, 4),
        (2, 4, 2, 2),
    ),
    "one tap, cut off": ("pads = [1, 0, 0, 2]", (3, 2, 5, 4), (2, 4, 1, 1)),
    "valid, a smaller output": (
        'auto_pad = "VALID", output_shape = [5, 4], dilations = [1, 2]',
        (3, 2, 6, 6),
        (2, 4, 1, 1),
    ),
    "output padding": (
        "output_padding = [1, 2], strides = [2, 3], pads = [1, 1, 1, 1]",
        (3, 2, 5, 4),
        (2, 4, 3, 3),
    ),
    "same upper": (
        'auto_pad = "SAME_UPPER", strides = [2, 2]',
        (3, 2, 5, 4),
        (2, 4, 3, 3),
    ),
    "same lower": (
        'auto_pad = "SAME_LOWER", strides = [2, 2]',
        (3, 2, 5, 4),
        (2, 4, 3, 3),
    ),
    "output shape": (
        "output_shape = [10, 8], strides = [2, 2]",
        (3, 2, 5, 4),
        (2, 4, 3, 3),
    ),
}
PRODUCTS = {
    "Gemm": ("Gemm (x, w, b)", (7, 3), (3, 4)),
    "transB": ("Gemm <transB = 1> (x, w, b)", (7, 3), (4, 3)),
    "alpha": ("Gemm <alpha = 0.5, beta = 2.0> (x, w, b)", (7, 3), (3, 4)),
    "alpha and transB": ("Gemm <alpha = -0.25, transB = 1> (x, w, b)", (7, 3), (4, 3)),
    "left": ("Gemm <alpha = 0.5> (w, x)", (3, 7), (4, 3)),
    "left, transA": ("Gemm <transA = 1> (w, x)", (3, 7), (3, 4)),
    "MatMul": ("MatMul (x, w)", (7, 3), (3, 4)),
    "MatMul, a sequence": ("MatMul (x, w)", (3, 7, 5), (5, 4)),
    "MatMul, an image of tokens": ("MatMul (x, w)", (2, 6, 5, 3), (3, 4)),
    "MatMul, left": ("MatMul (w, x)", (3, 5, 7), (4, 5)),
}
CASES = [
    *((f"Conv <{words}> (x, w, b)", x, w) for words, x, w in CONVOLUTIONS.values()),
    *(
        (f"ConvTranspose <{words}> (x, w, b)", x, w)
        for words, x, w in TRANSPOSED.values()
    ),
    *PRODUCTS.values(),
]
NAMES = [
    *(f"Conv, {name}" for name in CONVOLUTIONS),
    *(f"ConvTranspose, {name}" for name in TRANSPOSED),
    *PRODUCTS,
]
EACH_CASE = pytest.mark.parametrize("text, shape, weights", CASES, ids=NAMES)
EACH_NUMBER_OF_POSITIONS = pytest.mark.parametrize("positions", [2, 100])


def network(text: str, shape: tuple[int, ...], weights: tuple[int, ...]) -> ir.Model:
    """Return a network of one node, with weights and biases."""
    sizes = ",".join(map(str, shape))
    ann = model(f"(float[{sizes}] x) => (y) {{ y = {text} }}", w=dyadic(1, *weights),
                b=dyadic(2, channels(text, weights)))  # fmt: skip
    assert ann.graph.outputs[0].shape is not None
    return ann


def channels(text: str, weights: tuple[int, ...]) -> int:
    if text.startswith("ConvTranspose"):
        groups = int(text.split("group = ")[1][0]) if "group" in text else 1
        return weights[1] * groups
    return weights[0] if text.startswith("Conv") or "transB" in text else weights[1]


def mapped(ann: ir.Model) -> LinearMap:
    found = find_linear_map(ann.graph.node(0))
    assert found is not None
    return found


def output(ann: ir.Model, x: np.ndarray) -> np.ndarray:
    return run_ort(ann, {"x": x})["y"]


def delta_for(part: LinearMap, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return random numbers, one for each of the weights, [groups, inputs, outputs]."""
    columns, rows = part.unfold_operand(x, y.shape, ALL), part.unfold_output(y, ALL)
    delta = dyadic(5, len(columns), columns.shape[2], rows.shape[2])
    assert delta.size == array(part.weights).size
    return delta


@EACH_NUMBER_OF_POSITIONS
@EACH_CASE
def test_columns_times_a_matrix_is_what_the_node_computes_with_it(
    text: str, shape: tuple[int, ...], weights: tuple[int, ...], positions: int
) -> None:
    ann, x = network(text, shape, weights), dyadic(3, *shape, unit=16)
    part = mapped(ann)
    set_array(part.weights, np.zeros_like(array(part.weights)))
    biases = output(ann, x)
    delta = delta_for(part, x, biases)
    part.add_to_weights(delta)
    y = output(ann, x) - biases
    columns = part.unfold_operand(x, y.shape, Grid(positions, batch=2))
    assert len(columns) * columns.shape[2] == part.inputs_per_position
    found = columns @ delta
    np.testing.assert_array_equal(
        found, part.unfold_output(y, Grid(positions, batch=2))
    )
    assert np.abs(found).max() > 0


@EACH_CASE
def test_what_is_added_changes_the_output_by_as_much(
    text: str, shape: tuple[int, ...], weights: tuple[int, ...]
) -> None:
    ann, x = network(text, shape, weights), dyadic(3, *shape, unit=16)
    part, before = mapped(ann), output(ann, x)
    delta = delta_for(part, x, before)
    part.add_to_weights(delta)
    change = output(ann, x) - before
    found = part.unfold_operand(x, before.shape, ALL) @ delta
    np.testing.assert_array_equal(found, part.unfold_output(change, ALL))
    assert array(part.weights).dtype == np.float32


@EACH_NUMBER_OF_POSITIONS
def test_no_more_places_than_asked_for(positions: int) -> None:
    ann = network("Conv (x, w, b)", (3, 2, 9, 4), (4, 2, 2, 2))
    columns = mapped(ann).unfold_operand(
        dyadic(3, 3, 2, 9, 4), (3, 4, 8, 3), Grid(positions)
    )
    places = 3 * 8 * 3 if positions == 100 else 3 * 2 * 1
    assert columns.shape == (1, places, 8)


@pytest.mark.parametrize(
    "text",
    [
        "h = MatMul (x, w)  y = MatMul (h, w)",
        "y = MatMul (x, x)",
        "y = MatMul (x, three)",
        "y = Gemm <transA = 1> (x, w)",
        "y = Gemm <transB = 1> (w, x)",
        "s = ReduceSum <keepdims = 0> (x, first)  y = MatMul (s, w)",
        "s = Shape (x)  r = Reshape (x, s)  y = MatMul (r, w)",
        "y = Add (x, w)",
    ],
    ids=["shared", "no constant", "a stack of matrices", "transA", "left, transB", "a vector",
         "unknown rank", "no product"],
)  # fmt: skip
def test_what_is_no_matrix(text: str) -> None:
    ann = model(f"(float[4,4] x) => (y) {{ {text} }}", w=dyadic(1, 4, 4),
                three=dyadic(2, 2, 4, 4), first=np.array([0]))  # fmt: skip
    if "Reshape" in text:
        ann.graph.node(1).outputs[0].shape = None
    before = array(ann.graph.initializers["w"])
    assert [find_linear_map(node) for node in ann.graph] == [None] * len(ann.graph)
    np.testing.assert_array_equal(array(ann.graph.initializers["w"]), before)


def test_a_convolution_with_weights_that_are_driven() -> None:
    ann = model(
        "(float[4,2,3,3] k) => (y) { y = Conv (image, k) }", image=dyadic(1, 1, 2, 6, 5)
    )
    assert find_linear_map(ann.graph.node(0)) is None


def test_a_matrix_without_entries_is_no_map() -> None:
    assert (
        find_linear_map(network("MatMul (x, w)", (2, 0), (0, 3)).graph.node(0)) is None
    )

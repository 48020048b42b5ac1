from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.macs import count_macs
from onnx2snn.graph import subgraphs
from tests.models import model, normal

WEIGHTS = {
    "w": normal(1, 4, 5),
    "k": normal(2, 6, 2, 3, 3),
    "t": normal(3, 4, 3, 2, 2),
    "wl": normal(4, 2, 12, 4),
    "rl": normal(5, 2, 12, 3),
    "wr": normal(6, 1, 3, 4),
    "rr": normal(7, 1, 3, 3),
    "o": normal(8, 1, 18, 6, 5),
}


def count(node: str, x: str, opset: int = 17) -> int | None:
    header = f'<ir_version: 9, opset_import: ["" : {opset}]>'
    ann = model(f"(float[{x}] x) => (y) {{ {node} }}", header, **WEIGHTS)
    return count_macs(ann.graph.node(-1))


@pytest.mark.parametrize(
    "node, x, expected",
    [
        ("y = Gemm (x, w)", "3,4", 3 * 4 * 5),
        ("y = Gemm <transA = 1> (x, w)", "4,3", 3 * 4 * 5),
        ("y = MatMul (x, w)", "1,7,4", 7 * 4 * 5),
        ("y = Conv <group = 2, pads = [1, 1, 1, 1]> (x, k)", "1,4,6,5", 6 * 6 * 5 * 2 * 9),
        ("y = ConvTranspose (x, t)", "1,4,6,5", 4 * 6 * 5 * 3 * 4),
        ('y = Einsum <equation = "nsi,io->nso"> (x, w)', "1,7,4", 7 * 4 * 5),
        ('y = Einsum <equation = "...i, io -> ...o"> (x, w)', "1,7,4", 7 * 4 * 5),
        ('y = Einsum <equation = "ab,cb->ac"> (x, x)', "3,4", 3 * 3 * 4),
        ("y = RNN <hidden_size = 3> (x, wr, rr)", "7,1,4", 7 * (3 * 4 + 3 * 3)),
        ('y = LSTM <hidden_size = 3, direction = "bidirectional"> (x, wl, rl)', "7,2,4",
         7 * 2 * (2 * 12 * 4 + 2 * 12 * 3)),
        ("y = Relu (x)", "3,4", 0),
    ],
)  # fmt: skip
def test_multiply_accumulates(node: str, x: str, expected: int) -> None:
    assert count(node, x) == expected


@pytest.mark.parametrize(
    "node, x",
    [
        ("y = MatMul (x, w)", "M,4"),
        ("y = Gemm (x, w)", "M,4"),
        ("y = Conv <group = 2> (x, k)", "1,4,H,5"),
        ("y = ConvTranspose (x, t)", "1,4,H,5"),
        ('y = Einsum <equation = "si,io->so"> (x, w)', "M,4"),
        ("y = RNN <hidden_size = 3> (x, wr, rr)", "M,1,4"),
    ],
)
def test_an_open_size_is_not_taken_for_1(node: str, x: str) -> None:
    assert count(node, x) is None


def test_a_deformed_convolution_counts_as_a_convolution() -> None:
    text = "y = DeformConv <group = 2, pads = [1, 1, 1, 1]> (x, k, o)"
    assert count(text, "1,4,6,5", 19) == 6 * 6 * 5 * 2 * 9


@pytest.mark.parametrize(
    "node", ["Conv (r, k)", "MatMul (r, w)", 'Einsum <equation = "ab,bc->ac"> (r, w)',
             "LSTM <hidden_size = 3> (r, wl, rl)"],
)  # fmt: skip
def test_shapes_that_are_not_known(node: str) -> None:
    ann = model(
        f"(float[4] x, int64[K] s) => (y) {{ r = Reshape (x, s)  y = {node} }}",
        **WEIGHTS,
    )
    ann.graph.node(0).outputs[0].shape = None
    assert count_macs(ann.graph.node(1)) is None


LOOP = (
    "h = Loop ({turns}, go, x) <body = b (int64 n, bool c, float[3,4] p) => (bool d, float[3,4] q)"
    " {{ d = Identity (c)  q = {node} }}>"
)
SCAN = (
    "h = Scan (s, x) <num_scan_inputs = 1, body = b (float[4] p, float[4] f) => (float[4] q) "
    "{ m = MatMul (f, v)  q = Add (m, p) }>"
)
IF = (
    "h = If (go) <then_branch = t () => (float[3,5] p) { p = MatMul (x, w) }, "
    "else_branch = e () => (float[3,5] q) { m = MatMul (x, v)  q = MatMul (m, w) }>"
)
INNER = {
    "v": normal(9, 4, 4),
    "s": normal(10, 4),
    "seven": np.array(7, np.int64),
    "go": np.array(1, np.bool_),
    "three": np.array(3, np.int64),
    "uneven": np.array([1, 2, 1], np.int64),
}


@pytest.mark.parametrize(
    "text, expected",
    [
        (LOOP.format(turns="seven", node="MatMul (p, v)"), 7 * 3 * 4 * 4),
        (LOOP.format(turns="turns", node="MatMul (p, v)"), None),
        (LOOP.format(turns="turns", node="Relu (p)"), 0),
        (SCAN, 3 * 4 * 4),
        (IF, 3 * 4 * 4 + 3 * 4 * 5),
    ],
)
def test_what_a_node_holds_counts(text: str, expected: int | None) -> None:
    ann = model(f"(float[3,4] x, int64 turns) => (h) {{ {text} }}", **(WEIGHTS | INNER))
    assert count_macs(ann.graph.node(0)) == expected


MAP = (
    "{sequence} h = SequenceMap (parts) <body = b (float[3,4] p) => (float[3,4] q) "
    "{{ q = MatMul (p, v) }}>"
)


@pytest.mark.parametrize(
    "sequence, expected",
    [
        ("parts = SequenceConstruct (x, x)", 2 * 3 * 4 * 4),
        ("parts = SplitToSequence <axis = 1> (x)", 4 * 3 * 4 * 4),
        ("parts = SplitToSequence <axis = 1> (x, three)", 2 * 3 * 4 * 4),
        ("parts = SplitToSequence <axis = 1> (x, uneven)", 3 * 3 * 4 * 4),
        ("parts = SplitToSequence <axis = 1> (x, turns)", None),
    ],
)
def test_each_element_of_a_mapped_sequence_counts(
    sequence: str, expected: int | None
) -> None:
    text = MAP.format(sequence=sequence)
    ann = model(f"(float[3,4] x, int64 turns) => (h) {{ {text} }}", **(WEIGHTS | INNER))
    assert count_macs(ann.graph.node(1)) == expected


def test_a_body_of_unknown_shapes() -> None:
    text = LOOP.format(turns="seven", node="MatMul (p, v)")
    ann = model(f"(float[3,4] x) => (h) {{ {text} }}", **(WEIGHTS | INNER))
    (body,) = subgraphs(ann.graph.node(0))
    body.inputs[2].shape = None
    assert count_macs(ann.graph.node(0)) is None

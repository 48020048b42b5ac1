from __future__ import annotations

import numpy as np
import onnx.shape_inference
import onnx_ir as ir
import pytest

from onnx2snn.passes.canonical.infer_shapes import InferShapes
from onnx2snn.testing import check_pass, run_ort

HEADER = '<ir_version: 8, opset_import: ["" : 17]>'


def shapes(model: ir.Model) -> dict[str | None, str]:
    return {
        v.name: str(v.shape) for node in model.graph.all_nodes() for v in node.outputs
    }


def test_shapes_and_types_are_found() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float[N,2] y) <float[3,2] w = {{1, 2, 3, 4, 5, 6}}> "
        "{ h = MatMul (x, w)  m = Greater (h, h)  f = CastLike (m, h)  y = Add (h, f) }"
    )
    feeds = {"x": np.ones((4, 3), np.float32)}
    after = check_pass(InferShapes(), before, feeds, rtol=0)
    assert shapes(after)["m"] == "[N,2]"
    m = next(v for node in after.graph for v in node.outputs if v.name == "m")
    assert m.dtype == ir.DataType.BOOL


def test_what_was_known_is_not_lost() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,6] x, int64[2] s) => (float[?,?] y) <float[batch,3] h> "
        "{ h = Reshape (x, s)  k = Relu (h)  y = Neg (k) }"
    )
    assert InferShapes()(before).modified
    assert shapes(before)["h"] == "[batch,3]"
    assert shapes(before)["k"] == "[batch,3]"
    assert not InferShapes()(before).modified


def test_a_number_replaces_a_symbol_but_not_in_the_signature() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[4,6] x) => (float[N,6] y) <float[M,6] h> "
        "{ h = Relu (x)  y = Neg (h) }"
    )
    InferShapes()(before)
    assert shapes(before) == {"h": "[4,6]", "y": "[N,6]"}


def test_what_cannot_be_inferred_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,3] x) => (float[2,3] y) {{ h = MatMul (x, x)  y = Neg (h) }}"
    )
    before.graph.node(0).attributes["foo"] = ir.AttrGraph(
        "foo", ir.Graph([], [], nodes=[])
    )
    before.opset_imports.clear()
    assert not InferShapes()(before).modified
    assert "shapes cannot be inferred" in caplog.text


def test_sequences_have_types_of_their_own() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2,3] x) => (float[a,b] y) "
        "{ s = SequenceConstruct (x, x)  y = ConcatFromSequence <axis = 0> (s) }"
    )
    after = check_pass(
        InferShapes(), before, {"x": np.ones((2, 3), np.float32)}, rtol=0
    )
    sequence = after.graph.node(0).outputs[0]
    assert sequence.type == ir.SequenceType(ir.TensorType(ir.DataType.FLOAT))


def test_subgraph() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[2] x, bool c) => (float[2] y) {{ y = If (c) <"
        "then_branch = t () => (float[2] p) { a = Neg (x)  p = Abs (a) }, "
        "else_branch = e () => (float[2] q) { q = Abs (x) }> }"
    )
    InferShapes()(before)
    assert shapes(before)["a"] == "[2]"


@pytest.mark.parametrize(
    "node",
    ["GroupNormalization <num_groups = 2> (h, s, s)", "MeanVarianceNormalization (h)"],
)
def test_operators_of_which_onnx_infers_nothing(node: str) -> None:
    before = ir.from_onnx_text(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[N,4,3,2] x) => (float[N,M] y) '
        f"<float[4] s = {{1, 1, 1, 1}}> {{ h = Relu (x)  n = {node}  y = Flatten (n) }}"
    )
    assert InferShapes()(before).modified
    assert shapes(before)["n"] == "[N,4,3,2]"
    assert [n.op_type for n in before.graph] == [
        "Relu",
        node.split(maxsplit=1)[0],
        "Flatten",
    ]
    assert not InferShapes()(before).modified


def test_sequences_stay_sequences() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,M] y) "
        "{ s = SplitToSequence <axis = 1> (x)  y = ConcatFromSequence <axis = 1> (s) }"
    )
    after = check_pass(
        InferShapes(), before, {"x": np.ones((2, 4), np.float32)}, rtol=0
    )
    assert after.graph.node(0).outputs[0].type == ir.SequenceType(
        ir.TensorType(ir.DataType.FLOAT)
    )


def test_a_graph_that_cannot_be_inferred_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "no idea"
        raise RuntimeError(message)

    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,4] y) {{ y = Relu (x) }}"
    )
    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", fail)
    assert not InferShapes()(before).modified
    assert "shapes cannot be inferred: no idea" in caplog.text


def test_what_a_loop_carries() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x, float[2] z, int64 n, bool c) => (float[A,B] y, float[A,B,C] w, "
        "float[A] u) { h, k, o = Loop (n, c, x, z) <body = b (int64 i, bool d, float[N,4] p, "
        "float[M] q) => (bool e, float[N,4] r, float[K] s, float[N,4] t) { e = Identity (d)  "
        "r = Relu (p)  t = Neg (p)  s = Concat <axis = 0> (q, q) }>  y = Neg (h)  w = Abs (o)  "
        "u = Relu (k) }"
    )
    assert InferShapes()(before).modified
    (loop,) = (node for node in before.graph if node.op_type == "Loop")
    assert [str(value.shape) for value in loop.outputs] == [
        "[N,4]",
        "[None]",
        "[unk__1,N,4]",
    ]
    assert not InferShapes()(before).modified


def test_a_loop_whose_body_says_nothing() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x, int64 n, bool c) => (float[A,B] y) {{ h = Loop (n, c, x) "
        "<body = b (int64 i, bool d, float p) => (bool e, float[K] r) { e = Identity (d)  "
        "r = Flatten (p) }>  y = Neg (h) }"
    )
    InferShapes()(before)
    assert before.graph.node(0).outputs[0].shape is None


WINDOWS = [
    "MaxPool <kernel_shape = [2, 2], strides = [3, 3], pads = [0, 0, 1, 1], ceil_mode = 1> (x)",
    "MaxPool <kernel_shape = [4, 2], auto_pad = 'SAME_UPPER', dilations = [2, 3]> (x)",
    "AveragePool <kernel_shape = [4, 2], strides = [3, 4], ceil_mode = 1> (x)",
    "LpPool <kernel_shape = [1, 2], strides = [4, 2], auto_pad = 'VALID', ceil_mode = 1> (x)",
    "ConvTranspose <auto_pad = 'SAME_UPPER', strides = [2, 2], output_padding = [1, 1]> (x, w)",
    "ConvTranspose <auto_pad = 'SAME_LOWER', strides = [1, 4], output_shape = [6, 12]> (x, w)",
    "ConvTranspose <group = 2, auto_pad = 'SAME_LOWER', strides = [3, 4]> (x, w)",
    "Resize <mode = 'linear'> (x, , s)",
    "Resize <keep_aspect_ratio_policy = 'not_larger', axes = [2, 3]> (x, , , z)",
]


@pytest.mark.parametrize("size", [(7, 10), (6, 6), (9, 12)])
@pytest.mark.parametrize("batch", ["N", "3"])
@pytest.mark.parametrize("node", WINDOWS)
def test_sizes_are_those_that_onnxruntime_computes(
    node: str, batch: str, size: tuple[int, int]
) -> None:
    """ONNX infers one more, or one less, of some of them; what follows is of that size too."""
    height, width = size
    ones = ", ".join(["1"] * 4 * 3 * 2 * 3)
    before = ir.from_onnx_text(
        f'<ir_version: 10, opset_import: ["" : 22]> g (float[{batch},4,{height},{width}] x) '
        "=> (float[A,B] y, float[C,D,E,F] k) "
        f"<float[4] s = {{1, 1, 2, 1.3}}, int64[2] z = {{5, 9}}, float[4,3,2,3] w = {{{ones}}}> "
        + f"{{ h = {node}  k = Relu (h)  y = Flatten (k) }}".replace("'", '"')
    )
    feeds = {"x": np.ones((3, 4, height, width), np.float32)}
    outputs = run_ort(before, feeds)
    assert InferShapes()(before).modified
    hidden, *_ = before.graph.node(0).outputs
    _, *sizes = outputs["k"].shape
    assert str(hidden.shape) == f"[{batch},{','.join(map(str, sizes))}]"
    k = before.graph.node(1).outputs[0]
    assert str(k.shape) == "[C,D,E,F]"
    assert not InferShapes()(before).modified


def test_size_inside_a_subgraph() -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,2,6,6] x, bool c) => (float[N,M] y) {{ y = If (c) <"
        "then_branch = t () => (float[N,P] p) { a = MaxPool <kernel_shape = [2, 2], "
        "strides = [3, 3], pads = [0, 0, 1, 1], ceil_mode = 1> (x)  p = Flatten (a) }, "
        "else_branch = e () => (float[N,Q] q) { q = Flatten (x) }> }"
    )
    InferShapes()(before)
    assert shapes(before)["a"] == "[N,2,2,2]"


@pytest.mark.parametrize(
    "declared, found",
    [
        ("[N,3]", "[N,3]"),
        ("[M,3]", "[M,3]"),
        ("[N,P]", "[N,P]"),
        ("[1,3]", "[N,3]"),
        ("[N,4]", "[N,3]"),
        ("[N,3,1]", "[N,3]"),
    ],
)
def test_outputs_are_as_declared_unless_that_is_wrong(
    declared: str, found: str
) -> None:
    before = ir.from_onnx_text(
        f"{HEADER} g (float[N,3] x) => (float{declared} y) {{ y = Relu (x) }}"
    )
    InferShapes()(before)
    assert shapes(before)["y"] == found
    assert not InferShapes()(before).modified

"""What became of each node of a file."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.analysis.provenance import (
    NodeMapping,
    Outcome,
    node_mappings,
)
from onnx2snn.analysis.source_nodes import source_nodes
from onnx2snn.conversion.import_model import import_model
from onnx2snn.conversion.pipeline import pipeline
from onnx2snn.importing import read
from onnx2snn.passes import apply
from tests.models import HEADER, normal, positive

NORM = {"s": positive(1, 4), "o": normal(2, 4), "m": normal(3, 4), "v": positive(4, 4)}
W = normal(5, 4, 3, 3, 3)


def traced(
    text: str, header: str = HEADER, **weights: np.ndarray
) -> dict[str, NodeMapping]:
    """Return what became of each node of a file, by name."""
    proto = onnx.parser.parse_model(f"{header} g {text}")
    proto.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(array), name)
        for name, array in weights.items()
    )
    return of(proto)


def of(proto: onnx.ModelProto) -> dict[str, NodeMapping]:
    source = read(proto)
    nodes = source_nodes(source.model)
    imported = import_model(source)
    ann = apply(imported.model, pipeline().simplification)
    found = node_mappings(nodes, ann.graph)
    check_partition(found, ann.graph)
    return {mapping.node.name: mapping for mapping in found}


def check_partition(found: list[NodeMapping], graph: ir.Graph) -> None:
    """Check that every node of the result belongs to one node of the file."""
    became = [node for mapping in found for node in mapping.replaced_by]
    assert len(became) == len(set(became))
    assert set(became) == set(graph)
    assert all(
        bool(mapping.replaced_by) == (mapping.outcome is Outcome.KEPT)
        for mapping in found
    )
    assert all(
        (mapping.into is None) == (mapping.outcome is not Outcome.FOLDED)
        for mapping in found
    )


def said(found: dict[str, NodeMapping]) -> dict[str, str]:
    """Return the outcomes in words: operators, ``in NODE``, or what else."""
    return {
        name: f"in {mapping.into.name}"
        if mapping.into
        else " ".join(node.op_type for node in mapping.replaced_by)
        or mapping.outcome.value
        for name, mapping in found.items()
    }


def test_a_normalization_is_part_of_its_convolution() -> None:
    found = traced(
        "(float[N,3,6,5] x) => (float[N,4,4,3] y) { [conv] c = Conv (x, w)  "
        "[norm] n = BatchNormalization (c, s, o, m, v)  [relu] y = Relu (n) }",
        w=W,
        **NORM,
    )
    assert said(found) == {"conv": "Conv", "norm": "in conv", "relu": "Relu"}


def test_a_normalization_in_front_of_weights() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,5] y) { [first] a = Relu (x)  "
        "[norm] n = BatchNormalization (a, s, o, m, v)  [dense] y = MatMul (n, w) }",
        w=normal(5, 4, 5),
        **NORM,
    )
    assert said(found) == {"first": "Relu", "norm": "in dense", "dense": "Gemm"}


def test_a_dense_layer_in_two_nodes_is_the_product_s() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,5] y) { [product] h = MatMul (x, w)  [shift] a = Add (h, b)  "
        "[relu] y = Relu (a) }",
        w=normal(5, 4, 5),
        b=normal(6, 5),
    )
    assert said(found) == {"product": "Gemm", "shift": "in product", "relu": "Relu"}


def test_nodes_that_change_nothing_are_removed() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,4] y) { [same] i = Identity (x)  [relu] r = Relu (i)  "
        "[drop] d = Dropout (r)  [plus] p = Add (d, zero)  [dense] y = MatMul (p, w)  "
        "[dead] z = Neg (x) }",
        w=normal(5, 4, 4),
        zero=np.zeros(4, np.float32),
    )
    assert said(found) == {
        "same": "removed",
        "relu": "Relu",
        "drop": "removed",
        "plus": "removed",
        "dense": "MatMul",
        "dead": "unused",
    }


def test_an_output_that_is_renamed_by_an_identity() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,4] y) { [relu] a = Relu (x)  [same] y = Identity (a) }"
    )
    assert said(found) == {"relu": "Relu", "same": "removed"}


def test_constants_and_the_arithmetic_of_shapes() -> None:
    found = traced(
        "(float[2,3,4] x) => (float[2,12] y) { [shape] s = Shape (x)  [zero] i = Constant "
        "<value = int64[1] {0}> ()  [first] f = Gather (s, i)  [rest] r = Constant "
        "<value = int64[1] {-1}> ()  [join] t = Concat <axis = 0> (f, r)  "
        "[flat] h = Reshape (x, t)  [twice] v = Mul (w, w)  [scale] g = Mul (h, v)  "
        "[relu] y = Relu (g) }",
        w=normal(5, 12),
    )
    constants = {
        name for name, mapping in found.items() if mapping.outcome is Outcome.CONSTANT
    }
    assert constants == {"shape", "zero", "first", "rest", "join", "twice"}
    kept = {name: words for name, words in said(found).items() if name not in constants}
    assert kept == {"flat": "Reshape", "scale": "Mul", "relu": "Relu"}


def test_the_arithmetic_of_a_shape_that_is_not_known_stays() -> None:
    found = traced(
        "(float[N,3,M] x, float[K] z) => (y) { [shape] s = Shape (z)  [relu] r = Relu (x)  "
        "[grow] y = Tile (r, t)  [join] t = Concat <axis = 0> (s, s, s) }"
    )
    assert said(found) == {
        "shape": "Shape",
        "join": "Concat",
        "relu": "Relu",
        "grow": "Tile",
    }


QUANTIZED = (
    "(float[N,4] x) => (float[N,4] y) { [q1] a = QuantizeLinear (x, s, z)  "
    "[d1] b = DequantizeLinear (a, s, z)  [dw] u = DequantizeLinear (w, s, z)  "
    "[dense] h = MatMul (b, u)  [relu] r = Relu (h)  [q2] c = QuantizeLinear (r, s, low)  "
    "[d2] d = DequantizeLinear (c, s, low)  [last] y = MatMul (d, u) }"
)


def test_quantizers() -> None:
    found = traced(
        QUANTIZED,
        s=np.float32(0.25),
        z=np.int8(0),
        low=np.int8(-128),
        w=np.arange(-8, 8, dtype=np.int8).reshape(4, 4),
    )
    assert said(found) == {
        "q1": "removed",
        "d1": "removed",
        "dw": "constant",
        "dense": "MatMul",
        "relu": "Clip",
        "q2": "in relu",
        "d2": "in relu",
        "last": "MatMul",
    }


FUNCTIONS = """
<ir_version: 8, opset_import: ["" : 17, "my" : 1]>
g (float[N,4] x) => (float[N,4] y) { [one] a = my.Block (x)  [two] y = my.Block (a) }
<domain: "my", opset_import: ["" : 17, "my" : 1]>
Block (x) => (y) { [drop] d = Dropout (x)  [inner] h = my.Gate (d)  [relu] y = Relu (h) }
<domain: "my", opset_import: ["" : 17]>
Gate (x) => (y) { [sigmoid] y = Sigmoid (x) }
"""


def test_nodes_in_functions_are_listed_with_the_call_in_the_graph() -> None:
    found = of(onnx.parser.parse_model(FUNCTIONS))
    calls = [mapping.node.place for mapping in found.values()]
    assert calls == ["one", "one", "one", "two", "two", "two"]
    outcomes = [(mapping.node.op, mapping.outcome.value) for mapping in found.values()]
    assert outcomes[:3] == outcomes[3:]
    assert outcomes[:3] == [
        ("Dropout", "removed"),
        ("Sigmoid", "kept"),
        ("Relu", "kept"),
    ]


def test_a_node_without_a_name_goes_by_its_output() -> None:
    found = traced("(float[N,4] x) => (float[N,4] y) { h = Neg (x)  y = Relu (h) }")
    assert list(found) == ["h", "y"]


def test_spelt_out_activations_are_one_node() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,4] y) { [low] a = Max (x, z)  [high] c = Min (a, s)  "
        "[mask] m = Greater (c, t)  [choose] y = Where (m, c, t) }",
        z=np.float32(0),
        s=np.float32(6),
        t=np.float32(3),
    )
    assert said(found) == {
        "low": "in choose",
        "high": "in choose",
        "mask": "in choose",
        "choose": "Clip",
    }


@pytest.mark.parametrize("op", ["LeakyRelu <alpha = 0.25>", "Relu"])
def test_an_activation_that_becomes_several_nodes(op: str) -> None:
    found = traced(
        f"(float[N,4] x) => (float[N,4] y) {{ [act] a = {op} (x)  [dense] y = MatMul (a, w) }}",
        w=normal(5, 4, 4),
    )
    expected = "Relu Neg Relu Mul Add" if op.startswith("Leaky") else "Relu"
    assert said(found) == {"act": expected, "dense": "MatMul"}


def test_a_pooling_that_changes_places() -> None:
    found = traced(
        "(float[N,4,6,6] x) => (float[N,4,3,3] y) { [act] a = Relu (x)  "
        "[pool] y = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a) }"
    )
    assert said(found) == {"act": "Relu", "pool": "MaxPool"}
    assert (
        found["act"].replaced_by[0].inputs[0] is found["pool"].replaced_by[0].outputs[0]
    )


def test_a_half_precision_network_is_cast_at_its_ends() -> None:
    found = traced(
        "(float16[N,4] x) => (float16[N,5] y) { [dense] h = MatMul (x, w)  [relu] y = Relu (h) }",
        w=normal(5, 4, 5).astype(np.float16),
    )
    assert said(found) == {"dense": "Cast MatMul", "relu": "Relu Cast"}


def test_branches_and_several_outputs() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,2] y, float[N,4] z) { [split] a, b = Split <axis = 1> (x)  "
        "[left] l = Relu (a)  [right] r = Sigmoid (b)  [sum] y = Add (l, r)  "
        "[join] z = Concat <axis = 1> (l, b) }"
    )
    assert said(found) == {
        "split": "Split",
        "left": "Relu",
        "right": "Sigmoid",
        "sum": "Add",
        "join": "Concat",
    }


def test_a_branch_that_is_known_takes_the_place_of_its_if() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,4] y) { [yes] c = Constant <value = bool {1}> ()  "
        "[if] y = If (c) <then_branch = t () => (float[N,4] o) { n = Neg (x)  o = Relu (n) }, "
        "else_branch = e () => (float[N,4] p) { p = Neg (x) }> }"
    )
    assert found["yes"].outcome is Outcome.CONSTANT
    assert said(found)["if"] in {"If", "Neg Relu"}


def test_an_old_file_s_initializers_are_no_inputs() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 3, opset_import: ["" : 9]> g (float[N,4] x, float[4] b) => (float[N,4] y) '
        "{ [twice] c = Add (b, b)  [shift] h = Add (x, c)  [relu] y = Relu (h) }"
    )
    proto.graph.initializer.append(onnx.numpy_helper.from_array(normal(1, 4), "b"))
    assert said(of(proto)) == {"twice": "constant", "shift": "Add", "relu": "Relu"}


def test_a_sequence_becomes_what_its_nodes_become() -> None:
    found = traced(
        "(float[N,6] x) => (float[N,4] y) { [cut] s = SplitToSequence <axis = 1> (x, n)  "
        "[take] f = SequenceAt (s, i)  [list] t = SequenceConstruct (f, f)  "
        "[join] h = ConcatFromSequence <axis = 1> (t)  [dense] y = MatMul (h, w) }",
        n=np.int64(3),
        i=np.int64(1),
        w=normal(5, 6, 4),
    )
    assert said(found) == {
        "cut": "Split",
        "take": "removed",
        "list": "removed",
        "join": "Concat",
        "dense": "MatMul",
    }


def test_weights_on_integers_are_folded_into_their_scale() -> None:
    found = traced(
        "(float[N,4] x) => (float[N,4] y) { [round] q, s, z = DynamicQuantizeLinear (x)  "
        "[scales] t = Mul (s, r)  [dense] i = MatMulInteger (q, w, z)  "
        "[real] c = Cast <to = 1> (i)  [scale] m = Mul (c, t)  [relu] y = Relu (m) }",
        r=np.float32(0.25),
        w=np.arange(-8, 8, dtype=np.int8).reshape(4, 4),
    )
    words = said(found)
    assert words["scale"] == "MatMul"
    assert words["dense"] == "in scale"
    assert words["real"] == "removed"
    assert words["relu"] == "Relu"


def test_a_pass_that_records_nothing_is_followed_by_the_names_of_values() -> None:
    model = ir.from_onnx_text(
        f"{HEADER} g (float[N,4] x) => (float[N,4] y) {{ [relu] a = Relu (x)  "
        "[tanh] b = Tanh (a)  [last] y = Neg (b) }"
    )
    nodes = source_nodes(model)
    relu = model.graph.node("relu")
    low = ir.node("Abs", relu.inputs)
    new = ir.node("Clip", low.outputs)
    model.graph.insert_before(relu, (low, new))
    ir.convenience.replace_nodes_and_values(
        model.graph, relu, [relu], [], relu.outputs, new.outputs
    )
    words = said({each.node.name: each for each in node_mappings(nodes, model.graph)})
    assert words == {"relu": "Abs Clip", "tanh": "Tanh", "last": "Neg"}

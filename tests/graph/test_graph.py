from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn import graph as g
from tests.models import model, normal

TEXT = (
    "(float[N,4] x, bool c) => (float[N,4] y, float[N,4] z) { a = Gemm (x, w, b)  r = Relu (a)  "
    "y = If (c) <then_branch = t () => (float[N,4] p) { p = Mul (r, b) }, else_branch = e () => "
    "(float[N,4] q) { q = Identity (x) }>  z = Softmax (r) }"
)


@pytest.fixture
def ann() -> ir.Model:
    return model(TEXT, w=normal(1, 4, 4), b=normal(2, 4))


def by_name(ann: ir.Model) -> dict[str | None, ir.Value]:
    values = {value.name: value for node in ann.graph for value in node.outputs}
    return values | {
        v.name: v for v in (*ann.graph.inputs, *ann.graph.initializers.values())
    }


def names(values: list[ir.Value]) -> list[str | None]:
    return [value.name for value in values]


def test_is_op() -> None:
    assert g.is_op(ir.node("Relu", []), "Conv", "Relu")
    assert g.is_op(ir.node("Relu", [], domain="ai.onnx"), "Relu")
    assert not g.is_op(ir.node("Relu", [], domain="other"), "Relu")
    assert g.is_op(ir.node("Relu", [], domain="other"), "Relu", domain="other")
    assert not g.is_op(None, "Relu")


def test_display_name(ann: ir.Model) -> None:
    gemm = ann.graph.node(0)
    assert g.display_name(gemm) == "a"
    gemm.name = "dense"
    assert g.display_name(gemm) == "dense"
    assert g.display_name(ir.node("Relu", [None])) == "Relu"


def test_constants(ann: ir.Model) -> None:
    values = by_name(ann)
    assert g.is_constant(values["w"])
    assert not g.is_constant(values["x"])
    assert not g.is_constant(None)
    np.testing.assert_array_equal(g.array(values["w"]), normal(1, 4, 4))
    with pytest.raises(ValueError, match="'x' is not a constant"):
        g.array(values["x"])
    ann.graph.inputs.append(values["w"])
    assert not g.is_constant(values["w"]), "a caller may give another weight"


def test_new_constants_get_names_of_their_own(ann: ir.Model) -> None:
    first = g.constant(ann.graph, "w", np.float32([1, 2]))
    second = g.constant(ann.graph, "w", np.float32([3]))
    inner = g.constant(ann.graph, "p", np.float32([3]))
    assert names([first, second, inner]) == ["w_1", "w_2", "p_1"]
    assert (str(first.shape), first.dtype) == ("[2]", ir.DataType.FLOAT)
    assert ann.graph.initializers["w_1"] is first


def test_constants_in_another_order_of_memory(ann: ir.Model) -> None:
    data = np.arange(6.0).reshape(2, 3).T
    value = g.constant(ann.graph, "k", data)
    proto = ir.to_proto(ann).graph.initializer[-1]
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(proto), data)
    np.testing.assert_array_equal(g.array(value), data)


def test_set_array(ann: ir.Model) -> None:
    w = by_name(ann)["w"]
    g.set_array(w, np.ones((2, 3)))
    assert (str(w.shape), w.dtype) == ("[2,3]", ir.DataType.FLOAT)
    assert g.array(w).dtype == np.float32
    with pytest.raises(ValueError, match="'x' is not a constant"):
        g.set_array(by_name(ann)["x"], np.ones(1))


def test_readers(ann: ir.Model) -> None:
    values = by_name(ann)
    assert g.has_one_reader(values["a"])
    assert not g.has_one_reader(values["r"]), "a branch and the Softmax"
    assert not g.has_one_reader(values["y"]), "an output"
    assert not g.has_one_reader(values["b"]), "the Gemm and a branch"


def test_reads(ann: ir.Model) -> None:
    gemm, _, branch, softmax = ann.graph
    assert names(g.reads(gemm)) == ["x", "w", "b"]
    assert names(g.reads(branch)) == ["c", "r", "b", "x"]
    assert names(g.reads(softmax)) == ["r"]


def test_a_subgraph_that_hands_on_what_it_captures() -> None:
    first, second = ir.val("first"), ir.val("second")
    branches = {
        name: ir.Graph([], [], nodes=[]) for name in ("then_branch", "else_branch")
    }
    branches["then_branch"].outputs.append(first)
    node = ir.node("If", [ir.val("c")], branches)
    assert names(g.reads(node)) == ["c", "first"]
    g.rewire(node, first, second)
    assert names(g.reads(node)) == ["c", "second"]


def test_dependencies(ann: ir.Model) -> None:
    gemm, relu, branch, softmax = ann.graph
    edges = g.dependency_graph(ann.graph)
    assert set(edges.edges) == {(gemm, relu), (relu, branch), (relu, softmax)}
    assert g.closure(edges, [relu]) == {relu, branch, softmax}
    assert g.closure(edges.reverse(copy=False), [branch]) == {gemm, relu, branch}
    assert g.closure(edges, []) == set()


def test_boundary(ann: ir.Model) -> None:
    values = by_name(ann)
    assert set(g.boundary([values["y"]], ())) == {values["c"], values["x"]}
    assert set(g.boundary([values["y"], None], {values["r"]})) == {
        values[name] for name in ("c", "x", "r")
    }
    assert g.boundary([values["r"], values["r"]], {values["r"]}) == [values["r"]]


def test_replace_value_reaches_subgraphs(ann: ir.Model) -> None:
    values = by_name(ann)
    g.replace_value(values["r"], values["a"])
    _, _, branch, softmax = ann.graph
    assert names(g.reads(branch)) == ["c", "a", "b", "x"]
    assert names(g.reads(softmax)) == ["a"]


def test_replace_value_of_an_output(ann: ir.Model) -> None:
    values = by_name(ann)
    values["z"].metadata_props["note"] = "kept"
    g.replace_value(values["z"], values["r"])
    assert names(list(ann.graph.outputs)) == ["y", "z"]
    assert ann.graph.outputs[1] is values["r"]
    assert values["r"].metadata_props["note"] == "kept"


def test_rewire_one_reader_and_its_subgraphs(ann: ir.Model) -> None:
    values = by_name(ann)
    branch = ann.graph.node(2)
    g.rewire(branch, values["r"], values["a"])
    g.rewire(branch, values["x"], values["a"])
    assert names(g.reads(branch)) == ["c", "a", "b", "a"]
    assert names(g.reads(ann.graph.node(3))) == ["r"]


def test_replace_node(ann: ir.Model) -> None:
    gemm, relu, _, softmax = ann.graph
    softmax.name = "head"
    softmax.metadata_props["note"] = "kept"
    new = ir.node("Sigmoid", [gemm.outputs[0]])
    g.replace_node(softmax, new)
    assert (new.name, new.metadata_props["note"], new.outputs[0].name) == (
        "head",
        "kept",
        "z",
    )
    assert str(new.outputs[0].shape) == "[N,4]"
    onnx.checker.check_model(ir.to_proto(ann), full_check=True)
    assert relu in ann.graph


def test_replace_node_and_the_dead_ones_before_it() -> None:
    ann = model("(float[N,4] x) => (y) { a = Neg (x)  d = Neg (a)  y = Relu (d) }")
    first, second, relu = ann.graph
    g.replace_node(relu, ir.node("Relu", [ann.graph.inputs[0]]), dead=(second, first))
    assert [node.op_type for node in ann.graph] == ["Relu"]
    assert names(list(ann.graph.outputs)) == ["y"]


def test_replace_node_of_no_graph() -> None:
    with pytest.raises(TypeError, match="'lost' is in no graph"):
        g.replace_node(ir.node("Relu", [None], name="lost"), ir.node("Relu", [None]))


def test_remove_unused(ann: ir.Model) -> None:
    ann.graph.outputs.pop()
    assert g.remove_unused(ann)
    assert [node.op_type for node in ann.graph] == ["Gemm", "Relu", "If"]
    assert not g.remove_unused(ann)

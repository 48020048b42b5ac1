from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest

from onnx2snn.graph import (
    NodeBuilder,
    NodeWriter,
    constant,
    forget_names,
    fresh_name,
)
from tests.models import model

TEXT = """(float[N,3] x) => (float[N,3] y) {
    a = Relu (x)
    y = Neg (a)
}"""


@pytest.fixture
def ann() -> ir.Model:
    return model(TEXT)


def op_types(graph: ir.Graph) -> list[str]:
    return [node.op_type for node in graph]


def test_a_node_of_no_graph_yet(ann: ir.Model) -> None:
    x = ann.graph.inputs[0]
    node = NodeBuilder(ann.graph).node("LeakyRelu", [x], "b", {"alpha": 0.5}, like=x)
    (output,) = node.outputs
    assert node.graph is None
    assert (node.name, output.name) == ("b", "b")
    assert (output.type, output.shape) == (x.type, x.shape)
    assert node.attributes.get_float("alpha") == 0.5
    assert op_types(ann.graph) == ["Relu", "Neg"]


def test_a_node_at_the_end(ann: ir.Model) -> None:
    output = NodeBuilder(ann.graph).add("Abs", [ann.graph.inputs[0]], "b")
    assert op_types(ann.graph) == ["Relu", "Neg", "Abs"]
    assert output.producer() is ann.graph[-1]
    assert output.type is None
    assert output.shape is None


def test_nodes_in_front_of_another_stand_in_the_order_they_came(ann: ir.Model) -> None:
    builder = NodeBuilder.before(ann.graph[1])
    inner = builder.add("Abs", [ann.graph[0].outputs[0]], "b")
    builder.add("Exp", [inner], "c")
    assert op_types(ann.graph) == ["Relu", "Abs", "Exp", "Neg"]


@pytest.mark.parametrize("taken", ["x", "a", "y"])
def test_a_name_that_is_taken_gets_a_number(ann: ir.Model, taken: str) -> None:
    builder = NodeBuilder(ann.graph)
    x = ann.graph.inputs[0]
    names = [builder.add("Abs", [x], taken).name for _ in range(2)]
    assert names == [f"{taken}_1", f"{taken}_2"]
    assert constant(ann.graph, taken, np.zeros(2)).name == f"{taken}_3"
    assert builder.value(taken, like=x).name == f"{taken}_4"


def test_every_output_gets_a_name_and_a_node_keeps_its_own(ann: ir.Model) -> None:
    node = ir.node("Split", [ann.graph.inputs[0]], num_outputs=2, name="halves")
    first = NodeBuilder(ann.graph).put(node, "part")
    assert first is node.outputs[0]
    assert node.name == "halves"
    assert [output.name for output in node.outputs] == ["part", "part_1"]


def test_names_inside_subgraphs_are_taken() -> None:
    ann = model(
        """(float[N,3] x, bool c) => (float[N,3] y) {
            y = If (c) <
                then_branch = t () => (float[N,3] p) { p = Neg (x) },
                else_branch = e () => (float[N,3] q) { q = Abs (x) }
            >
        }"""
    )
    assert fresh_name(ann.graph, "p") == "p_1"
    assert fresh_name(ann.graph, "q") == "q_1"


def test_names_that_others_gave_are_known_once_forgotten(ann: ir.Model) -> None:
    assert fresh_name(ann.graph, "b") == "b"
    ann.graph[0].outputs[0].name = "c"
    forget_names(ann.graph)
    assert fresh_name(ann.graph, "c") == "c_1"
    assert fresh_name(ann.graph, "b") == "b"
    assert fresh_name(ann.graph, "a") == "a"


def test_a_writer_derives_names_from_its_node(ann: ir.Model) -> None:
    writer = NodeWriter(ann.graph[1])
    bound = writer.constant("max", np.float32(2))
    limited = writer.add("Min", [writer.given(0), bound])
    assert (bound.name, limited.name) == ("y.max", "y.Min")
    assert writer.given(1) is None
    assert op_types(ann.graph) == ["Relu", "Min", "Neg"]
    writer.rename(limited, "limit")
    assert ann.graph[1].name == "limit"

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.analysis.neuron_places import weighted_operand
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import ReplaceActivations
from tests.models import model, normal, single_step_graph, with_scales

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

WEIGHTS = {
    "w": normal(1, 4, 4),
    "v": normal(3, 4, 3),
    "b": normal(2, 4),
    "low": np.zeros((), np.float32),
    "high": np.array(1.5, np.float32),
    "i": np.array([1, 0], np.int64),
    "k": np.array([2], np.int64),
    "i1": np.array([1], np.int64),
    "twice": np.float32([1, 2]),
}


def network(text: str, inputs: str = "") -> ir.Model:
    """Return a graph of rows: ``a`` is a stream, ``x`` is not, a neuron fires on ``h``."""
    return model(
        f"(float[N,4] x, float[N,4] g{inputs}) => (z) "
        f"{{ a = Relu (g)  {text}  y = Relu (h)  z = MatMul (y, v) }}",
        **WEIGHTS,
    )


def kinds(ann: ir.Model) -> list[str]:
    return [
        str(classification.kind)
        for classification in find_streams(ann.graph).classifications.values()
    ]


def classification(text: str, inputs: str = "") -> tuple[str, str]:
    """Return what the node of ``h``, the last one before the neuron, becomes, and why."""
    ann = network(text, inputs=inputs)
    found = find_streams(ann.graph).classifications[ann.graph.node(-3)]
    return str(found.kind), found.reason


@pytest.mark.parametrize(
    "text",
    [
        "h = Neg (a)",
        "h = Add (a, x)",
        "h = Sub (b, a)",
        "h = Gemm (a, w, b)",
        "h = Gemm (w, a, a)",
        "h = MatMul (x, a)",
        "h = Mul (a, x)",
        "h = Div (a, x)",
        "m = Greater (x, b)  h = Where (m, a, x)",
        "h = Gather <axis = 1> (a, i)",
        "h = Concat <axis = 1> (a, x, a)",
        "e = Neg (x)  h = Mul (e, a)",
    ],
)
def test_linear(text: str) -> None:
    kind, reason = classification(text)
    assert (kind, reason.endswith("is linear in its stream")) == ("linear", True)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("h = Softmax (a)", "Softmax is not linear"),
        ("e = Softmax (a)  h = Mul (a, e)", "multiplies two streams"),
        ("h = Gemm (a, a)", "multiplies two streams"),
        ("h = Div (x, a)", "input [1] of Div is a stream"),
        ("m = Greater (a, x)  h = Where (m, x, a)", "input [0] of Where is a stream"),
        ("e = Cast <to = 7> (a)  h = GatherElements (x, e)",
         "input [1] of GatherElements is a stream"),
        ("m = Greater (a, low)  e = NonZero (m)  f = Cast <to = 1> (e)  h = ReduceSum (f)",
         "the numbers in a stream decide the size of its input"),
        ('h = Einsum <equation = "ij,ij->ij"> (a, a)', "multiplies two streams"),
    ],
)  # fmt: skip
def test_analog(text: str, reason: str) -> None:
    kind, found = classification(text)
    assert (kind, found) == ("analog", reason)


@pytest.mark.parametrize(
    "text",
    [
        "h = Max (a, x)",
        "e = Neg (x)  h = Min (e, a, x)",
        "h = ReduceMax (a)",
        "h = Abs (a)",
        "h = ReduceL2 (a)",
        "h, j = TopK (a, k)",
    ],
)
def test_max_like(text: str) -> None:
    kind, reason = classification(text)
    assert (kind, reason.endswith("grows with its stream")) == ("max-like", True)


def test_max_like_with_indices() -> None:
    text = (
        "(float[N,2,6,5] x) => (y, j) { a = Relu (x)  h, j = MaxPool <kernel_shape = [2, 2]> (a)"
        "  y = Relu (h) }"
    )
    assert kinds(model(text)) == ["spiking", "max-like", "spiking"]


def test_an_integer_result() -> None:
    ann = network("e = Cast <to = 7> (a)  h = Cast <to = 1> (e)")
    assert kinds(ann) == ["spiking", "analog", "linear", "spiking", "readout"]
    assert (
        find_streams(ann.graph).classifications[ann.graph.node(1)].reason
        == "its result is not a real number"
    )


def test_static_and_readout() -> None:
    ann = model(
        "(float[N,4] x) => (y, z, n) { s = Exp (x)  a = Relu (x)  n = Shape (a)  h = Add (a, s)  "
        "y = Relu (h)  e = Exp (y)  z = Neg (e) }"
    )
    expected = [
        "static",
        "spiking",
        "static",
        "linear",
        "spiking",
        "readout",
        "readout",
    ]
    assert kinds(ann) == expected
    streams = find_streams(ann.graph)
    assert [node.op_type for node in streams.of_kind(NodeKind.READOUT)] == [
        "Exp",
        "Neg",
    ]
    assert {value.name for value in streams.varying} == {"a", "h", "y", "e", "z"}
    assert {node.op_type for node in streams.live} == {"Exp", "Relu", "Add"}


def test_subgraphs_count_as_inputs() -> None:
    text = (
        "h = If (c) <then_branch = t () => (float[N,4] p) { p = Neg (a) }, else_branch = e () => "
        "(float[N,4] q) { q = Neg (x) }>"
    )
    assert classification(text, ", bool c") == ("analog", "If is not linear")
    other = text.replace("Neg (a)", "Exp (x)")
    assert classification(other, ", bool c") == ("static", "reads no stream")


@pytest.mark.parametrize(
    "text, spikes",
    [
        ("h = Gather <axis = 1> (a, i)", True),
        ("h = ReduceMax (a)", True),
        ("h = Max (a, x)", False),
        ("h = Resize (a, , twice)", True),
        ('h = Resize <mode = "linear"> (a, , twice)', False),
        ("h = Mul (a, b)", True),
        ("h = Div (a, b)", True),
        ("h = Mul (a, x)", False),
        ("h = Add (a, x)", False),
        ("h = Neg (a)", True),
        ("h = Add (a, a)", True),
        ("h = Sub (a, b)", False),
        ("h = Softmax (a)", False),
        ("e = Neg (a)  h = Concat <axis = 1> (a, e)", True),
        ("e = Transpose (a)  h = Transpose (e)", True),
    ],
)
def test_which_streams_are_spikes(text: str, spikes: bool) -> None:  # noqa: FBT001
    ann = network(text)
    assert (ann.graph.node(-3).outputs[0] in find_streams(ann.graph).spikes) == spikes


def test_events_are_streams_of_spikes() -> None:
    ann = model("(float[N,4] x) => (y) { h = Neg (x)  y = Relu (h) }")
    streams = find_streams(ann.graph, ann.graph.inputs)
    assert [
        classification.kind for classification in streams.classifications.values()
    ] == [
        NodeKind.LINEAR,
        NodeKind.SPIKING,
    ]
    assert ann.graph.inputs[0] in streams.spikes


def test_a_single_step_graph_is_judged_like_the_ann() -> None:
    ann = network("e = Gemm (a, w, b)  h = Softmax (e)")
    before = kinds(ann)
    ReplaceActivations()(with_scales(ann))
    after = find_streams(ann.graph).classifications
    assert [str(v.kind) for v in after.values() if v.kind is not NodeKind.STATIC][
        :2
    ] == [
        "spiking",
        "linear",
    ]
    assert sum(map(is_neuron, ann.graph)) == 2
    assert before == ["spiking", "linear", "analog", "spiking", "readout"]


def test_what_a_pass_put_in_is_not_refused() -> None:
    ann = network("e = Gemm (a, w, b)  f = Softmax (e)  h = Gemm (f, w)")
    streams = find_streams(single_step_graph(ann).graph)
    streams.check()
    assert streams.of_kind(NodeKind.REFUSED) == []


def names(values: Iterable[ir.Value]) -> list[str | None]:
    return [value.name for value in values]


@pytest.mark.parametrize(
    "node, reason",
    [
        ("Relu (h)", "a neuron takes its place"),
        ("Clip (h, low, high)", "a neuron takes its place"),
        ("Clip (h, high)", "computed on running means, a signed neuron behind it"),
        ("Tanh (h)", "computed on running means, a signed neuron behind it"),
    ],
)
def test_where_neurons_fire(node: str, reason: str) -> None:
    text = f"(float[N,4] x) => (z) {{ h = Gemm (x, w)  y = {node}  z = MatMul (y, v) }}"
    ann = model(text, **WEIGHTS)
    streams = find_streams(ann.graph)
    assert (names(streams.fired), names(streams.weight_inputs)) == (["y"], [])
    assert streams.classifications[ann.graph.node(1)].reason == reason
    assert kinds(ann) == ["static", "spiking", "readout"]
    assert names(streams.spikes) == ["y"]


def test_the_gate_of_a_product_is_analog_and_the_product_fires() -> None:
    ann = network(
        "c = Gemm (a, w, b)  s = Sigmoid (c)  p = Mul (c, s)  h = MatMul (p, w)"
    )
    streams = find_streams(ann.graph)
    assert names(streams.fired) == ["a", "p", "y"]
    found = {
        str(n.outputs[0].name): str(v.kind) for n, v in streams.classifications.items()
    }
    assert (found["s"], found["p"], found["h"]) == ("analog", "spiking", "linear")


ATTENTION = (
    "(float[N,4] x) => (y) { c = Gemm (x, w, b)  n = Softmax (c)  q = MatMul (n, w)  "
    "t = Transpose (n)  o = MatMul (q, t)  f = MatMul (o, n)  y = MatMul (f, v) }"
)


def test_what_feeds_weights_fires_on_request() -> None:
    ann = model(ATTENTION, **WEIGHTS)
    assert names(find_streams(ann.graph).weight_inputs) == []
    streams = find_streams(ann.graph, spike="all")
    assert (names(streams.fired), names(streams.weight_inputs)) == ([], ["n", "f"])
    found = [
        str(classification.kind) for classification in streams.classifications.values()
    ]
    assert found == [
        "static",
        "static",
        "linear",
        "static",
        "linear",
        "linear",
        "readout",
    ]
    driven = [n.outputs[0].name for n in ann.graph if streams.is_spike_driven(n)]
    assert driven == ["q"]
    assert names(sorted(streams.varying, key=str)) == ["f", "o", "q", "y"]


def test_the_first_weights_are_driven_by_the_input() -> None:
    text = "(float[N,4] x) => (y) { e = Exp (x)  c = Gemm (e, w, b)  n = Neg (c)  y = Gemm (n, v) }"
    ann = model(text, **WEIGHTS)
    assert names(find_streams(ann.graph, spike="all").weight_inputs) == ["n"]


def test_spikes_are_fed_as_they_are() -> None:
    text = (
        "c = MatMul (a, w)  r = Relu (c)  d = Gather <axis = 1> (r, i)  e = Exp (r)  "
    )
    text += "m = MatMul (d, v2)  n = MatMul (e, w)  h = Sub (n, m)"
    ann = model(
        f"(float[N,4] x, float[N,4] g) => (z) {{ a = Relu (g)  {text}  y = Relu (h)  "
        "z = MatMul (y, v) }",
        v2=normal(4, 2, 4),
        **WEIGHTS,
    )
    streams = find_streams(ann.graph, spike="all")
    assert names(streams.fired) == ["a", "r", "y"]
    assert names(streams.weight_inputs) == ["e"], "its exponential is no spike"
    driven = [n.outputs[0].name for n in ann.graph if streams.is_spike_driven(n)]
    assert driven == ["c", "m", "n"]
    plain = find_streams(ann.graph)
    driven = [n.outputs[0].name for n in ann.graph if plain.is_spike_driven(n)]
    assert driven == ["c", "m"]


@pytest.mark.parametrize(
    "text, driven",
    [
        ("h = MatMul (a, w)", True),
        ("h = Gemm (a, w, b)", True),
        ("h = Gemm (x, w, a)", True),
        ("s = Softmax (a)  h = MatMul (s, w)", False),
        ("h = MatMul (x, w)", False),
        ("t = Transpose (a)  h = MatMul (t, a)", False),
        ("h = Add (a, b)", False),
        ("s = Softmax (a)  h = Gemm (a, w, s)", False),
    ],
)
def test_weights_that_spikes_drive(text: str, driven: bool) -> None:  # noqa: FBT001
    ann = network(text)
    assert find_streams(ann.graph).is_spike_driven(ann.graph.node(-3)) == driven


def test_in_a_single_step_graph_neurons_are_where_they_are() -> None:
    ann = with_scales(model(ATTENTION, **WEIGHTS), spike="all")
    ReplaceActivations(spike="all")(ann)
    streams = find_streams(ann.graph)
    assert (streams.fired, streams.weight_inputs) == ([], [])
    driven = [n.outputs[0].name for n in ann.graph if streams.is_spike_driven(n)]
    assert driven == ["q"]


@pytest.mark.parametrize(
    "node, operand",
    [
        ("MatMul (x, w)", "x"),
        ("MatMul (w, x)", "x"),
        ("Gemm (x, w, x)", "x"),
        ("MatMul (x, x)", None),
        ("MatMul (w, w)", None),
        ("Mul (x, w)", None),
    ],
)
def test_what_weights_multiply(node: str, operand: str | None) -> None:
    ann = model(f"(float[4,4] x) => (y) {{ y = {node} }}", **WEIGHTS)
    found = weighted_operand(ann.graph.node(0))
    assert (None if found is None else found.name) == operand

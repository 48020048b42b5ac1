from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.passes import ReplaceActivations
from onnx2snn.streams import Kind, Streams, activations, is_activation, is_neuron, upper_bound
from tests.models import model, normal, with_scales

if TYPE_CHECKING:
    import onnx_ir as ir

WEIGHTS = {
    "w": normal(1, 4, 4),
    "b": normal(2, 4),
    "low": np.zeros((), np.float32),
    "high": np.array(1.5, np.float32),
    "i": np.array([1, 0], np.int64),
    "k": np.array([2], np.int64),
}


def network(text: str, inputs: str = "") -> ir.Model:
    """Return a graph of rows in which ``a`` is a stream, ``x`` is not, and ``y`` fires on ``h``."""
    return model(
        f"(float[N,4] x{inputs}) => (y) {{ a = Relu (x)  {text}  y = Relu (h) }}", **WEIGHTS
    )


def kinds(ann: ir.Model) -> list[str]:
    return [str(verdict.kind) for verdict in Streams(ann.graph).verdicts.values()]


def verdict(text: str, inputs: str = "") -> tuple[str, str]:
    """Return what the node of ``h``, the last one before the neuron, becomes, and why."""
    ann = network(text, inputs=inputs)
    found = Streams(ann.graph).verdicts[ann.graph.node(-2)]
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
    kind, reason = verdict(text)
    assert (kind, reason.endswith("is linear in its stream")) == ("linear", True)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("h = Softmax (a)", "Softmax is not linear"),
        ("h = Mul (a, a)", "multiplies two streams"),
        ("h = Gemm (a, a)", "multiplies two streams"),
        ("h = Div (x, a)", "input [1] of Div is a stream"),
        ("m = Greater (a, x)  h = Where (m, x, a)", "input [0] of Where is a stream"),
        ("h = Max (a, low)", "Max of a stream and a constant"),
        ("h, j = TopK (a, k)", "TopK is not linear"),
        ('h = Einsum <equation = "ij,ij->ij"> (a, a)', "multiplies two streams"),
    ],
)  # fmt: skip
def test_analog(text: str, reason: str) -> None:
    kind, found = verdict(text)
    assert (kind, found) == ("analog", reason)


@pytest.mark.parametrize(
    "text", ["h = Max (a, a)", "h = ReduceMax (a)", "e = Neg (a)  h = Min (a, e)"]
)
def test_max_like(text: str) -> None:
    kind, reason = verdict(text)
    assert (kind, reason.endswith("of streams")) == ("max-like", True)


def test_max_like_with_indices() -> None:
    text = (
        "(float[N,2,6,5] x) => (y, j) { a = Relu (x)  h, j = MaxPool <kernel_shape = [2, 2]> (a)"
        "  y = Relu (h) }"
    )
    assert kinds(model(text)) == ["spiking", "analog", "spiking"]


def test_an_integer_result() -> None:
    ann = network("e = Cast <to = 7> (a)  h = Cast <to = 1> (e)")
    assert kinds(ann) == ["spiking", "analog", "linear", "spiking"]
    assert (
        Streams(ann.graph).verdicts[ann.graph.node(1)].reason == "its result is not a real number"
    )


def test_static_and_readout() -> None:
    ann = model(
        "(float[N,4] x) => (y, z, n) { s = Exp (x)  a = Relu (x)  n = Shape (a)  h = Add (a, s)  "
        "y = Relu (h)  e = Exp (y)  z = Neg (e) }"
    )
    expected = ["static", "spiking", "static", "linear", "spiking", "readout", "readout"]
    assert kinds(ann) == expected
    streams = Streams(ann.graph)
    assert [node.op_type for node in streams.of_kind(Kind.READOUT)] == ["Exp", "Neg"]
    assert {value.name for value in streams.varying} == {"a", "h", "y", "e", "z"}
    assert {node.op_type for node in streams.live} == {"Exp", "Relu", "Add"}


def test_subgraphs_count_as_inputs() -> None:
    text = (
        "h = If (c) <then_branch = t () => (float[N,4] p) { p = Neg (a) }, else_branch = e () => "
        "(float[N,4] q) { q = Neg (x) }>"
    )
    assert verdict(text, ", bool c") == ("analog", "If is not linear")
    other = text.replace("Neg (a)", "Exp (x)")
    assert verdict(other, ", bool c") == ("static", "reads no stream")


@pytest.mark.parametrize(
    "text, spikes",
    [
        ("h = Gather <axis = 1> (a, i)", True),
        ("h = Max (a, a)", True),
        ("h = Mul (a, b)", True),
        ("h = Div (a, b)", True),
        ("h = Mul (a, x)", False),
        ("h = Add (a, x)", False),
        ("h = Neg (a)", False),
        ("h = Softmax (a)", False),
        ("e = Neg (a)  h = Concat <axis = 1> (a, e)", False),
        ("e = Transpose (a)  h = Transpose (e)", True),
    ],
)
def test_which_streams_are_spikes(text: str, spikes: bool) -> None:  # noqa: FBT001
    ann = network(text)
    assert (ann.graph.node(-2).outputs[0] in Streams(ann.graph).spikes) == spikes


def test_events_are_streams_of_spikes() -> None:
    ann = model("(float[N,4] x) => (y) { h = Neg (x)  y = Relu (h) }")
    streams = Streams(ann.graph, ann.graph.inputs)
    assert [verdict.kind for verdict in streams.verdicts.values()] == [Kind.LINEAR, Kind.SPIKING]
    assert ann.graph.inputs[0] in streams.spikes


def test_step_form_is_judged_like_the_ann() -> None:
    ann = network("e = Gemm (a, w, b)  h = Softmax (e)")
    before = kinds(ann)
    ReplaceActivations()(with_scales(ann))
    after = Streams(ann.graph).verdicts
    assert [str(v.kind) for v in after.values() if v.kind is not Kind.STATIC][:2] == [
        "spiking",
        "linear",
    ]
    assert sum(map(is_neuron, ann.graph)) == 2
    assert before == ["spiking", "linear", "analog", "spiking"]


@pytest.mark.parametrize(
    "node, bound",
    [
        ("Relu (x)", None),
        ("Clip (x, low)", None),
        ("Clip (x, low, high)", 1.5),
    ],
)
def test_activations(node: str, bound: float | None) -> None:
    ann = model(f"(float[N,4] x) => (y) {{ y = {node} }}", **WEIGHTS)
    assert is_activation(ann.graph.node(0))
    assert upper_bound(ann.graph.node(0)) == bound
    assert activations(ann.graph) == [ann.graph.node(0)]


@pytest.mark.parametrize(
    "node", ["Clip (x, high)", "Clip (x, low, low)", "Neg (x)", "Clip (x, k2)"]
)
def test_what_is_no_activation(node: str) -> None:
    ann = model(f"(float[N,4] x, float k2) => (y) {{ y = {node} }}", **WEIGHTS)
    assert activations(ann.graph) == []


def test_a_constant_and_integers_do_not_fire() -> None:
    ann = model("(int32[N,4] x) => (y, z) { y = Relu (w)  z = Relu (x) }", w=WEIGHTS["w"])
    assert activations(ann.graph) == []

from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.activations import activations
from onnx2snn.analysis.streams import NodeKind, find_streams
from onnx2snn.metadata.facts import is_excluded
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import (
    AttachFunctions,
    CarryRunningMeans,
    EmitTimeLoop,
    ExcludeNodes,
    ReplaceActivations,
)
from onnx2snn.testing import run_ort
from tests.models import dyadic, model, with_scales

CHAIN = (
    "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  a = Relu (h)  g = Gemm (a, w)  "
    "b = Relu (g)  f = Gemm (b, w)  c = Relu (f)  y = Gemm (c, w) }"
)
W = {"w": dyadic(1, 4, 4)}
SILU = (
    "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  s = Sigmoid (h)  a = Mul (h, s)  "
    "y = Gemm (a, w) }"
)
GELU = (
    "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  d = Div (h, root)  e = Erf (d)  "
    "p = Add (e, one)  a = Mul (h, p)  b = Mul (a, half)  y = Gemm (b, w) }"
)
GELU_CONSTANTS = {
    "root": np.sqrt(np.float32(2)),
    "one": np.ones([], np.float32),
    "half": np.float32(0.5) * np.ones([], np.float32),
}


def kinds(text: str, *values: str, spike: str = "activations") -> dict[str, str]:
    """Return what makes each value once ``values`` are left."""
    ann = model(text, **(W | (GELU_CONSTANTS if text is GELU else {})))
    ExcludeNodes(values)(ann)
    classifications = find_streams(ann.graph, spike=spike).classifications
    return {
        str(node.outputs[0].name): classification.kind.value
        for node, classification in classifications.items()
    }


def test_what_is_left_between_neurons_is_analog() -> None:
    assert kinds(CHAIN)["b"] == "spiking"
    found = kinds(CHAIN, "b")
    assert {name: found[name] for name in "abc"} == {
        "a": "spiking",
        "b": "analog",
        "c": "spiking",
    }
    assert found["f"] == "linear"


def test_what_is_left_behind_the_last_neuron_is_readout() -> None:
    found = kinds(CHAIN, "b", "c")
    assert [found[name] for name in "gbfcy"] == ["readout"] * 5


def test_what_is_left_before_all_neurons_is_static() -> None:
    found = kinds(CHAIN, "a")
    assert [found[name] for name in "hag"] == ["static"] * 3


def test_the_network_computes_the_same() -> None:
    x = {"x": dyadic(2, 6, 4, unit=16)}
    ann = model(CHAIN, **W)
    expected = run_ort(ann, x)["y"]
    errors = []
    for left in ((), ("b",), ("a", "b")):
        snn = model(CHAIN, **W)
        ExcludeNodes(left)(snn)
        with_scales(snn, 2.0)
        ReplaceActivations()(snn)
        CarryRunningMeans()(snn)
        EmitTimeLoop(256)(snn)
        AttachFunctions()(snn)
        errors.append(np.abs(run_ort(snn, x)["y"] - expected).max())
    assert errors[0] >= errors[1] >= errors[2]
    assert errors[0] < 0.02  # 2 / 256 a layer, times weights of about 1/4


@pytest.mark.parametrize(
    "text, named", [(SILU, "s"), (SILU, "a")] + [(GELU, v) for v in "depa"]
)
def test_a_factor_stands_for_the_activation_that_it_is_part_of(
    text: str, named: str
) -> None:
    assert kinds(text)["a"] == "spiking"
    assert "spiking" not in kinds(text, named).values()


@pytest.mark.parametrize("named", ["h", "y"])
def test_what_is_no_part_of_an_activation_changes_nothing(named: str) -> None:
    assert kinds(SILU, named) == kinds(SILU)


def test_an_activation_of_an_activation_is_its_own() -> None:
    text = (
        "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  a = Relu (h)  n = Neg (a)  "
        "b = Sigmoid (a)  u = Gemm (b, w)  v = Gemm (n, w)  y = Add (u, v) }"
    )
    found = kinds(text, "a")
    assert (found["a"], found["b"]) == ("static", "spiking")


SOFTMAX = (
    "(float[N,4] x) => (float[N,4] y) { h = Gemm (x, w)  a = Relu (h)  s = Softmax (a)  "
    "u = Gemm (s, w)  v = Gemm (s, w)  t = Add (u, v)  b = Relu (t)  y = Gemm (b, w) }"
)


def test_no_neuron_stands_in_front_of_weights_that_are_left() -> None:
    def fed(*values: str) -> list[str]:
        ann = model(SOFTMAX, **W)
        ExcludeNodes(values)(ann)
        streams = find_streams(ann.graph, spike="all")
        readers = [node for node in ann.graph if streams.is_spike_driven(node)]
        return [str(node.outputs[0].name) for node in readers]

    assert fed() == ["u", "v"]
    assert fed("u") == ["v"]
    assert fed("u", "v") == []
    assert fed("s") == []


def test_weights_that_are_left_read_the_value_as_it_is() -> None:
    ann = model(SOFTMAX, **W)
    ExcludeNodes(("u",))(ann)
    with_scales(ann, 0.5, "all")
    ReplaceActivations(spike="all")(ann)
    read = {str(node.outputs[0].name): str(node.inputs[0].name) for node in ann.graph
            if node.op_type == "Gemm" and node.inputs[0] is not None}  # fmt: skip
    assert (read["u"], read["v"]) == ("s", "s.spikes")
    assert sum(map(is_neuron, ann.graph)) == len("abs")


def test_only_annotations_are_written_and_only_once() -> None:
    ann = model(CHAIN, **W)
    before = [
        (node.op_type, [value.name for value in node.outputs]) for node in ann.graph
    ]
    assert ExcludeNodes(("b",))(ann).modified
    assert [
        (node.op_type, [v.name for v in node.outputs]) for node in ann.graph
    ] == before
    assert not ExcludeNodes(("b",))(ann).modified
    assert not ExcludeNodes()(ann).modified
    assert not ExcludeNodes(("nothing", "x"))(ann).modified
    assert [v.name for node in ann.graph for v in node.outputs if is_excluded(v)] == [
        "b"
    ]
    assert [value.name for value in activations(ann.graph)] == ["a", "c"]
    assert find_streams(ann.graph).of_kind(NodeKind.ANALOG)

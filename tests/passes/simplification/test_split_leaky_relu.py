from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.analysis.streams import find_streams
from onnx2snn.passes import SplitLeakyRelu
from onnx2snn.testing import check_pass
from tests.models import dyadic, model

if TYPE_CHECKING:
    import onnx_ir as ir

X = {"x": dyadic(1, 4, 3)}
EACH = np.float32([0.25, -0.5, 2])
WEIGHTS = {"w": dyadic(2, 3, 3), "u": dyadic(3, 3, 2), "slope": EACH}


def network(activation: str) -> ir.Model:
    text = (
        f"(float[N,3] x) => (float[N,2] y) "
        f"{{ h = MatMul (x, w)  {activation}  y = MatMul (a, u) }}"
    )
    return model(text, **WEIGHTS)


def ops(result: ir.Model) -> list[str]:
    return [node.op_type for node in result.graph]


PAIR = ["MatMul", "Relu", "Neg", "Relu", "Mul", "Add", "MatMul"]


@pytest.mark.parametrize(
    "activation",
    [
        "a = LeakyRelu <alpha = 0.25> (h)",
        "a = PRelu (h, slope)",
        "a = LeakyRelu <alpha = 4.0> (h)",
    ],
    ids=["leaky", "each channel", "steep"],
)
def test_two_rectifiers(activation: str) -> None:
    after = check_pass(SplitLeakyRelu(), network(activation), X, rtol=0)
    assert ops(after) == PAIR


def test_names() -> None:
    before = network("a = LeakyRelu <alpha = 0.25> (h)")
    before.graph[1].name = "act"
    SplitLeakyRelu()(before)
    assert [node.name for node in before.graph][1:6] == [
        "act",
        "act.flipped",
        "act.negative",
        "act.leak",
        "act.sum",
    ]
    assert before.graph[5].outputs[0].name == "a"


def test_weights_behind_the_pair_are_driven_by_spikes() -> None:
    ann = network("p = PRelu (h, slope)  b = MatMul (p, w)  a = Relu (b)")
    SplitLeakyRelu()(ann)
    streams = find_streams(ann.graph)
    assert len(streams.fired) == 3
    assert [streams.is_spike_driven(n) for n in ann.graph if n.op_type == "MatMul"] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    "activation",
    [
        "a = LeakyRelu <alpha = 1.0> (h)",
        "s = MatMul (h, w)  a = PRelu (h, s)",
        "a = Tanh (h)",
        "a = Relu (h)",
    ],
    ids=["linear", "slope of a stream", "another", "no leak"],
)
def test_left_alone(activation: str) -> None:
    before = network(activation)
    expected = ops(before)
    check_pass(SplitLeakyRelu(), before, X, modified=False)
    assert ops(before) == expected


def test_readout_is_left_alone() -> None:
    text = (
        "(float[N,3] x) => (float[N,2] y) { h = MatMul (x, w)  a = Relu (h)"
        "  b = MatMul (a, u)  y = LeakyRelu <alpha = 0.25> (b) }"
    )
    before = model(text, **WEIGHTS)
    check_pass(SplitLeakyRelu(), before, X, modified=False)

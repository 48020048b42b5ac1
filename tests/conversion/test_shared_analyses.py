"""What is known of a graph is found out once, for as long as the graph stays as it is."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.analysis import activations, streams
from onnx2snn.analysis.sharing import forget, shared, sharing
from tests.models import model

if TYPE_CHECKING:
    import onnx_ir as ir

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
FEW = {"image": np.load(DIGITS / "calibration.npz")["image"][:16]}


def as_text(graph: ir.Graph) -> str:
    """Return what an analysis sees of a graph, but for numbers."""
    return "\n".join(
        f"{node.op_type} {[v and v.name for v in node.inputs]} "
        f"{[v.name for v in node.outputs]}"
        for node in graph
    )


@pytest.fixture
def analyzed(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[tuple[str, str]]:
    """Count what is analyzed: kind of the analysis and text of the graph."""
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    analyze = streams._analyze
    find = activations._find_activations

    def counted_analyze(graph: ir.Graph, *rest: Any) -> streams.Streams:
        places = rest[-1]  # neurons at the activations, or in front of all weights
        counts["streams", f"{places} {as_text(graph)}"] += 1
        return analyze(graph, *rest)

    def counted_find(graph: ir.Graph) -> list[ir.Value]:
        counts["activations", as_text(graph)] += 1
        return find(graph)

    monkeypatch.setattr(streams, "_analyze", counted_analyze)
    monkeypatch.setattr(activations, "_find_activations", counted_find)
    return counts


@pytest.mark.parametrize("method", ["auto", "spikeconverter"])
def test_a_conversion_analyzes_each_graph_once(
    analyzed: collections.Counter[tuple[str, str]], method: str
) -> None:
    onnx2snn.convert(DIGITS / "digits.onnx", 2, FEW, method=method, hold_out=False)
    assert {kind for kind, _ in analyzed} == {"streams", "activations"}
    assert set(analyzed.values()) == {1}


def test_an_answer_is_kept_until_the_graph_changes() -> None:
    graph = model("(float[N,3] x) => (float[N,3] y) { y = Relu (x) }").graph
    asked = []

    def answer() -> int:
        asked.append(1)
        return len(asked)

    assert [shared(graph, "question", answer) for _ in range(2)] == [1, 2]
    with sharing():
        assert [shared(graph, "question", answer) for _ in range(2)] == [3, 3]
        assert shared(graph, "another", answer) == 4
        forget(graph)
        assert shared(graph, "question", answer) == 5
    assert shared(graph, "question", answer) == 6

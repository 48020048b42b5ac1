from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.data.dataset import dataset
from onnx2snn.data.input_specs import input_specs
from onnx2snn.runtime import memory
from onnx2snn.runtime.memory import rows_at_once, rows_of_all_outputs
from onnx2snn.runtime.subgraph import Subgraph
from tests.models import model, normal


@pytest.mark.parametrize(
    "numbers, time_steps, expected",
    [(2**26, 8, 64), (64 * 20, 4, 16), (64 * 20, 8, 8), (10, 1, 1)],
    ids=["room for all", "some", "fewer over more steps", "at least one"],
)
def test_rows_at_once(
    monkeypatch: pytest.MonkeyPatch, numbers: int, time_steps: int, expected: int
) -> None:
    monkeypatch.setattr(memory, "_NUMBERS", numbers)
    ann = model(
        "(float[N,4] x) => (y) { a = Relu (x)  b = MatMul (a, w)  y = Relu (b) }",
        w=normal(1, 4, 20),
    )
    data = dataset({"x": np.ones([70, 4], np.float32)}, input_specs(ann))
    values = [ann.graph[0].outputs[0], ann.graph[2].outputs[0]]
    subgraph = Subgraph(ann, values, ())
    assert rows_at_once(subgraph, data, (), time_steps, 64) == expected


@pytest.mark.parametrize(
    "numbers, expected",
    [(2**26, 64), (24 * 15, 12), (24 * 5, 4), (20 * 2, 2), (10, 1)],
    ids=["room for all", "in fours", "four", "two of the largest", "at least one"],
)
def test_rows_of_all_outputs(
    monkeypatch: pytest.MonkeyPatch, numbers: int, expected: int
) -> None:
    monkeypatch.setattr(memory, "_NUMBERS", numbers)
    ann = model(
        "(float[N,4] x) => (y) { a = Relu (x)  b = MatMul (a, w)  y = Relu (b) }",
        w=normal(1, 4, 20),
    )
    data = dataset({"x": np.ones([70, 4], np.float32)}, input_specs(ann))
    values = [ann.graph[0].outputs[0], ann.graph[2].outputs[0]]
    subgraph = Subgraph(ann, values, ())
    assert rows_of_all_outputs(subgraph, data, (), 64) == expected

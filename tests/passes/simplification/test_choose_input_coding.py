from __future__ import annotations

import numpy as np
import pytest

from onnx2snn.analysis.streams import find_streams
from onnx2snn.data.dataset import dataset, input_specs
from onnx2snn.metadata.input_coding import EVENTS, RATE, Coding, coded_inputs, coding_of
from onnx2snn.passes import ChooseInputCoding
from tests.models import dyadic, model

NET = "(float[N,4] a, float[N,4] b) => (float[N,4] y) { h = Sub (a, b)  y = Relu (h) }"


def test_an_annotation_is_all_that_changes() -> None:
    ann = model(NET)
    before = [(node.name, node.op_type) for node in ann.graph]
    result = ChooseInputCoding(rate=("a",), events=("b",))(ann)
    assert result.modified
    assert [coding_of(value) for value in ann.graph.inputs] == [
        Coding(RATE, 1.0),
        Coding(EVENTS),
    ]
    assert [(node.name, node.op_type) for node in ann.graph] == before


def test_a_second_run_and_no_input_at_all() -> None:
    ann = model(NET)
    assert not ChooseInputCoding()(ann).modified
    assert not ChooseInputCoding(rate=("c",))(ann).modified
    ChooseInputCoding(rate=("a",))(ann)
    assert not ChooseInputCoding(rate=("a",))(ann).modified
    assert ChooseInputCoding(events=("a",))(ann).modified


def test_a_coded_input_is_a_stream_of_spikes() -> None:
    ann = model("(float[N,4] x) => (float[N,3] y) { h = Gemm (x, w)  y = Relu (h) }",
                w=dyadic(1, 4, 3))  # fmt: skip
    dense = next(iter(ann.graph))
    assert not find_streams(ann.graph).is_spike_driven(dense)
    ChooseInputCoding(rate=("x",))(ann)
    assert find_streams(ann.graph).is_spike_driven(dense)


@pytest.mark.parametrize("largest, magnitude", [(-2.5, 2.5), (0.25, 0.25), (0.0, 1.0)])
def test_a_spike_stands_for_the_largest_magnitude(
    largest: float, magnitude: float
) -> None:
    ann = model(NET)
    a = np.zeros((100, 4), np.float32)
    a[70, 2] = largest
    data = dataset({"a": a, "b": a - 7}, input_specs(ann))
    ChooseInputCoding(rate=("a",), batch_size=16, data=data)(ann)
    assert coding_of(ann.graph.inputs[0]).magnitude == magnitude


def test_inputs_by_coding() -> None:
    ann = model(NET)
    ChooseInputCoding(rate=("a",), events=("b",))(ann)
    names = {
        kinds: [value.name for value in coded_inputs(ann.graph.inputs, *kinds)]
        for kinds in ((RATE,), (EVENTS,), (RATE, EVENTS), ())
    }
    assert list(names.values()) == [["a"], ["b"], ["a", "b"], []]

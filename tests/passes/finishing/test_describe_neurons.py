"""Names and texts of neurons in an emitted network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import onnx2snn
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.passes import DescribeNeurons
from tests.models import model, normal

if TYPE_CHECKING:
    import onnx_ir as ir

ANN = (
    "(float[N,4] x) => (float[N,3] y) { h = MatMul (x, w) [first] a = Relu (h)"
    " g = MatMul (a, u) [second] b = Relu (g) y = MatMul (b, v) }"
)


def ann() -> ir.Model:
    return model(ANN, w=normal(1, 4, 6), u=normal(2, 6, 5), v=normal(3, 5, 3))


def values_of_neurons(snn: ir.Model) -> list[str]:
    neurons = filter(is_neuron, snn.graph.all_nodes())
    return [str(value.name) for neuron in neurons for value in neuron.outputs]


@pytest.mark.parametrize("layout", ["loop", "multistep"])
def test_values_of_neurons_are_named_after_the_activation(layout: str) -> None:
    snn = onnx2snn.convert(ann(), 4, normal(4, 32, 4), method="rmp", layout=layout)
    assert values_of_neurons(snn.ir_model) == [
        "first/spike", "first/v", "second/spike", "second/v",
    ]  # fmt: skip


def test_neurons_and_the_loop_say_what_they_are() -> None:
    snn = onnx2snn.convert(ann(), 4, normal(4, 32, 4), method="rmp").ir_model
    texts = [node.doc_string for node in snn.graph.all_nodes() if node.doc_string]
    assert texts == [
        "All layers advance by one time step in each iteration.",
        "Neurons in the place of Relu 'first'. Thresholds: calibration.",
        "Neurons in the place of Relu 'second'. Thresholds: calibration.",
    ]


@pytest.mark.parametrize("options", [{}, {"schedule": "layerwise"}])
def test_nothing_but_names_and_texts_changes(options: dict[str, str]) -> None:
    data = normal(4, 32, 4)
    skipped = onnx2snn.convert(
        ann(), 4, data, skip_passes=["describe-neurons"], **options
    )
    snn = skipped.ir_model.clone()
    assert DescribeNeurons()(snn).modified
    assert not DescribeNeurons()(snn).modified
    x = normal(5, 8, 4)
    before = onnx2snn.load(skipped).run(x)
    after = onnx2snn.load(snn).run(x)
    np.testing.assert_array_equal(before["y"], after["y"])
    assert [value.name for value in snn.graph.outputs] == ["y"]


def test_a_name_that_is_taken_gets_a_number() -> None:
    spelled = ANN.replace("h = MatMul (x, w)", "[mine] h = MatMul (x, w)")
    other = model(spelled, w=normal(1, 4, 6), u=normal(2, 6, 5), v=normal(3, 5, 3))
    value = next(node for node in other.graph if node.name == "mine").outputs[0]
    value.name = "first/spike"
    snn = onnx2snn.convert(other, 4, normal(4, 32, 4), method="rmp").ir_model
    assert "first/spike_1" in values_of_neurons(snn)

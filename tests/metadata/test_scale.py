from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.graph.quantization import along_axis
from onnx2snn.metadata.scale import QuantizerRange, Scale
from tests.models import model


def relu() -> ir.Value:
    return model("(float[N,3] x) => (y) { y = Relu (x) }").graph.node(0).outputs[0]


def test_a_scale_survives_the_file() -> None:
    values = np.array([0.1, 2.5, 1e-30], np.float32)
    ann = model("(float[N,3] x) => (y) { y = Relu (x) }")
    Scale(values, 1, "batch-norm", (0, 2)).write(ann.graph.node(0).outputs[0])
    data = ir.to_proto(ann).SerializeToString()
    found = Scale.read(
        ir.from_proto(onnx.load_from_string(data)).graph.node(0).outputs[0]
    )
    assert found is not None
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == np.float32
    assert (found.axis, found.origin, found.dead) == (1, "batch-norm", (0, 2))


def test_no_scale() -> None:
    assert Scale.read(relu()) is None
    assert not Scale.erase(relu())


def test_a_later_scale_replaces_an_earlier_one() -> None:
    value = relu()
    for number in (1, 2):
        Scale(np.array([number], np.float32), None, "graph").write(value)
    found = Scale.read(value)
    assert found is not None
    assert found.values.tolist() == [2]
    assert Scale.erase(value)
    assert Scale.read(value) is None
    assert not value.metadata_props


@pytest.mark.parametrize(
    "axis, rank, shape",
    [(1, 4, (1, 3, 1, 1)), (0, 1, (3,)), (2, 3, (1, 1, 3)), (1, 2, (1, 3))],
)
def test_channels_lie_along_their_axis(
    axis: int, rank: int, shape: tuple[int, ...]
) -> None:
    scale = Scale(np.array([1, 2, 3], np.float32), axis, "graph")
    assert scale.shaped(rank).shape == shape
    assert scale.shaped(rank).ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize("rank", [0, 1, 2, 4])
def test_one_number_broadcasts_to_any_rank(rank: int) -> None:
    scale = Scale(np.array([7], np.float32), None, "graph")
    assert np.broadcast_to(scale.shaped(rank), [2] * rank).shape == (2,) * rank
    assert along_axis(scale.values, None, rank).size == 1


def test_a_quantizer_s_range_is_noted_and_erased() -> None:
    value = ir.Value(name="a")
    assert QuantizerRange.read(value) is None
    QuantizerRange(np.float32([0.5, 2]), 1, 255).write(value)
    found = QuantizerRange.read(value)
    assert found is not None
    assert (found.values.tolist(), found.axis, found.levels) == ([0.5, 2], 1, 255)
    assert Scale.read(value) is None
    assert QuantizerRange.erase(value)
    assert not QuantizerRange.erase(value)

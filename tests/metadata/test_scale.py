from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from onnx2snn.graph.quantization import along_axis
from onnx2snn.metadata.scale import QUANTIZER_RANGE, SCALE, QuantizerRange, Scale
from tests.models import model


def relu() -> ir.Value:
    return model("(float[N,3] x) => (y) { y = Relu (x) }").graph.node(0).outputs[0]


def test_a_scale_survives_the_file() -> None:
    values = np.array([0.1, 2.5, 1e-30], np.float32)
    ann = model("(float[N,3] x) => (y) { y = Relu (x) }")
    scale = Scale(values, 1, "batch-norm", (0, 2))
    SCALE.write(ann.graph.node(0).outputs[0], scale)
    data = ir.to_proto(ann).SerializeToString()
    found = SCALE.read(
        ir.from_proto(onnx.load_from_string(data)).graph.node(0).outputs[0]
    )
    assert found is not None
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == np.float32
    assert (found.axis, found.origin, found.dead) == (1, "batch-norm", (0, 2))


def test_no_scale() -> None:
    assert SCALE.read(relu()) is None
    assert not SCALE.erase(relu())


def test_a_later_scale_replaces_an_earlier_one() -> None:
    value = relu()
    for number in (1, 2):
        SCALE.write(value, Scale(np.array([number], np.float32), None, "graph"))
    found = SCALE.read(value)
    assert found is not None
    assert found.values.tolist() == [2]
    assert SCALE.erase(value)
    assert SCALE.read(value) is None
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


def test_a_quantizer_range_is_written_and_erased() -> None:
    value = ir.Value(name="a")
    assert QUANTIZER_RANGE.read(value) is None
    QUANTIZER_RANGE.write(value, QuantizerRange(np.float32([0.5, 2]), 1, 255))
    found = QUANTIZER_RANGE.read(value)
    assert found is not None
    assert (found.values.tolist(), found.axis, found.levels) == ([0.5, 2], 1, 255)
    assert SCALE.read(value) is None
    assert QUANTIZER_RANGE.erase(value)
    assert not QUANTIZER_RANGE.erase(value)

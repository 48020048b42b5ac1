from __future__ import annotations

import numpy as np

import onnx2snn
from onnx2snn.graph import is_op
from onnx2snn.passes import ReplaceMaxPool
from tests.models import model, normal

TEXT = """(float[N,2,6,6] x) => (float[N,2,P,Q] z) {
  m = MaxPool <kernel_shape = [2,2], strides = [2,2], pads = [1,0,1,0]> (x)
  g = GlobalMaxPool (m)
  z = Add (m, g)
}"""


def test_means_take_the_place_of_maxima() -> None:
    given = model(TEXT)
    assert ReplaceMaxPool()(given).modified
    first, second, _ = given.graph
    assert is_op(first, "AveragePool")
    assert first.attributes["count_include_pad"].as_int() == 1
    assert first.attributes["pads"].as_ints() == (1, 0, 1, 0)
    assert is_op(second, "GlobalAveragePool")
    assert [value.name for value in given.graph.outputs] == ["z"]
    assert not ReplaceMaxPool()(given).modified


def test_dilated_pools_and_those_whose_indices_are_read_stay() -> None:
    given = model(
        """(float[N,2,6,6] x) => (float[N,2,P,Q] z, int64[N,2,R,S] i) {
          z = MaxPool <kernel_shape = [2,2], dilations = [2,2]> (x)
          y, i = MaxPool <kernel_shape = [2,2]> (x)
        }"""
    )
    assert not ReplaceMaxPool()(given).modified


def test_a_network_for_a_chip_has_means_of_spikes() -> None:
    ann = model(
        """(float[N,3,8,8] x) => (float[N,4] z) {
          c = Conv <pads = [1,1,1,1]> (x, A)
          r = Relu (c)
          m = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r)
          f = Flatten (m)
          z = Gemm <transB = 1> (f, G)
        }""",
        A=normal(1, 4, 3, 3, 3) / 4,
        G=normal(2, 4, 64) / 8,
    )
    data = {"x": normal(3, 64, 3, 8, 8)}
    snn = onnx2snn.convert(ann, T=8, target="speck", calibration=data)
    operators = {node.op_type for node in snn.ir_model.graph.all_nodes()}
    assert "AveragePool" in operators
    assert "MaxPool" not in operators
    assert "IntegrateAndFire" in operators
    assert np.isfinite(snn.network.run(data)["z"]).all()

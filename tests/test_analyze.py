"""What ``analyze`` says of a whole network."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

import onnx2snn
from onnx2snn import cli

DIGITS = Path(__file__).parents[1] / "examples" / "digits" / "digits.onnx"
LINEAR = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[N,2] x) => (float[N,2] y) <float[2,2] w = {1.0, -0.5, 0.25, 0.5}> { y = MatMul (x, w) }
"""


@pytest.fixture(scope="module")
def digits() -> onnx2snn.Analysis:
    return onnx2snn.analyze(DIGITS)


def test_the_network_is_described_as_it_will_be_converted(digits: onnx2snn.Analysis) -> None:
    assert "BatchNormalization" in {node.op_type for node in onnx.load(DIGITS).graph.node}
    assert "BatchNormalization" not in {node["op"] for node in digits["nodes"]}
    assert digits == onnx2snn.convert(DIGITS, T=4).report["analysis"]


def test_a_pooling_is_judged_where_it_will_stand(digits: onnx2snn.Analysis) -> None:
    found = [(node["op"], node["kind"]) for node in digits["nodes"]]
    pools = [at for at, (op, _) in enumerate(found) if op == "MaxPool"]
    assert len(pools) == 2
    assert all(found[at + 1] == ("Relu", "spiking") for at in pools)
    assert found[pools[0]] == ("MaxPool", "static")  # behind the Relu it would be max-like
    assert found[pools[1]] == ("MaxPool", "max-like")  # what it pools now are currents


@pytest.mark.parametrize("strict, code", [(["--strict"], 1), ([], 0)])
def test_a_network_without_activations_is_named(
    strict: list[str], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "linear.onnx"
    path.write_bytes(onnx.parser.parse_model(LINEAR).SerializeToString())
    assert cli.main(["analyze", str(path), "--quiet", *strict]) == code
    assert "no activation that a spiking neuron can replace" in capsys.readouterr().err

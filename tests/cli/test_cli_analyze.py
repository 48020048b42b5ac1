"""``onnx2snn analyze``: what each node becomes, as the command line shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn import cli
from tests.models import model, normal

if TYPE_CHECKING:
    import pytest

ANN = str(Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx")


def test_analyze_strict_exits_with_1_if_a_node_stays_analog(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["analyze", ANN, "--strict", "--quiet"]) == 0
    assert cli.main(["analyze", chain, "--strict", "--quiet"]) == 1
    assert cli.main(["analyze", chain, "--quiet"]) == 0
    capsys.readouterr()
    assert cli.main(["analyze", chain, "--strict", "--json"]) == 1
    kinds = {
        node["op"]: node["kind"]
        for node in json.loads(capsys.readouterr().out)["nodes"]
    }
    assert kinds["Softmax"] == "analog"


def test_strict_names_the_nodes_that_stay_analog_even_when_quiet(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["analyze", chain, "--strict", "--quiet"]) == 1
    assert "Softmax" in capsys.readouterr().err


def test_analyze_prints_every_node(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["analyze", chain]) == 0
    out = capsys.readouterr().out
    for expected in ("last_relu", "Softmax", "analog", "spiking", "driven by spikes"):
        assert expected in out


def test_weights_without_spikes_are_told_beside_the_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A GRU was "spiking", none analog, beside "81.4 % analog" in the next line."""
    ann = model(
        "(float[2,N,3] x) => (float[N,4] y) { h = MatMul (x, w)  a = Relu (h)"
        "  z, f = GRU <hidden_size = 4> (a, p, q)  g = Squeeze (f, axis)"
        "  b = Relu (g)  y = MatMul (b, q4) }",
        w=normal(1, 3, 3),
        p=normal(2, 1, 12, 3),
        q=normal(3, 1, 12, 4),
        q4=normal(4, 4, 4),
        axis=np.array([0]),
    )
    ir.save(ann, tmp_path / "gru.onnx")
    assert cli.main(["analyze", str(tmp_path / "gru.onnx")]) == 0
    out = capsys.readouterr().out
    assert "spiking (analog)" in out
    assert "(1 with analog weights)" in out


def test_linear_weights_on_real_numbers_are_told_from_those_on_spikes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ann = model(
        "(float[N,3,4,4] x) => (float[N,3,8,8] y) { h = Conv (x, f)  a = Relu (h)"
        '  s = Resize <mode = "linear"> (a, , scales)  k = Conv (s, f)  b = Relu (k)'
        "  l = Conv (b, f)  c = Relu (l)  y = Conv (c, f) }",
        f=normal(1, 3, 3, 1, 1),
        scales=np.array([1, 1, 2, 2], np.float32),
    )
    ir.save(ann, tmp_path / "resize.onnx")
    assert cli.main(["analyze", str(tmp_path / "resize.onnx")]) == 0
    out = capsys.readouterr().out
    assert out.count("linear (on real numbers)") == 1
    assert out.count("linear (spike-driven)") == 1


def test_nodes_are_excluded_by_name(
    chain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def kinds(*words: str) -> dict[str, str]:
        assert cli.main(["analyze", chain, "--json", *words]) == 0
        nodes = json.loads(capsys.readouterr().out)["nodes"]
        return {node["node"]: node["kind"] for node in nodes}

    assert kinds()["last_relu"] == "spiking"
    assert kinds("--nodes-to-exclude", "last_relu")["last_relu"] == "readout"
    assert kinds("--until", "relu")["last_relu"] == "readout"
    both = kinds("--nodes-to-exclude", "relu,last_relu")
    assert both == kinds(
        "--nodes-to-exclude", "relu", "--nodes-to-exclude", "last_relu"
    )
    assert "spiking" not in both.values()
    assert cli.main(["analyze", chain, "--until", "lost_relu"]) == 1
    assert "did you mean 'last_relu'" in capsys.readouterr().err

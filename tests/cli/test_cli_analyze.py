"""``onnx2snn analyze``: what each node becomes, as the command line shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from onnx2snn import cli

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

"""Methods on the command line: listed, chosen, and changed in parts."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import onnx
import pytest

from onnx2snn import cli
from onnx2snn.methods.method import Method
from onnx2snn.methods.published import METHODS

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = str(DIGITS / "calibration.npz")
GATED = "auto: GatedDoubleThresholdIF, mse per channel, v_init 0.5"
OPI = "opi: IntegrateAndFire or DoubleThresholdIF, max per tensor, v_init 0.5"
AUGMENTED = "auto: AugmentedIF of at most 4 spikes, max per tensor, v_init 0.0"


def test_methods_lists_all_with_their_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["methods", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["methods"]
    assert [row["name"] for row in rows] == list(METHODS)
    found = {row["name"]: row for row in rows}
    assert found["spikeconverter"]["schedule"] == "layerwise"
    assert found["spikeconverter"]["levels"] == 255
    assert "2^(T-t)" in found["spikeconverter"]["spikes"]
    assert found["ftbc"]["corrections"] == ["step-bias"]
    assert found["ftbc"]["needs"] == "calibration data"
    for row in rows:
        parts = {field.name: row[field.name] for field in dataclasses.fields(Method)}
        parts["corrections"] = tuple(parts["corrections"])
        assert Method(**parts) == METHODS[row["name"]]


def test_methods_are_listed_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["methods"]) == 0
    out, err = capsys.readouterr()
    assert not err
    assert [name for name in METHODS if name not in out] == []
    assert "Frontiers" in out
    assert "255" in out


@pytest.mark.parametrize(
    "words, method",
    [
        ("", f"{GATED}, weights correction, threshold-scaling correction"),
        ("--keep-weights", f"{GATED}, threshold-scaling correction, bias correction"),
        ("--corrections headroom", f"{GATED}, threshold-scaling correction"),
        ("--corrections none", GATED),
        ("--method opi", OPI),
        (
            "--method opi --corrections weights,bias --keep-weights",
            f"{OPI}, bias correction",
        ),
        (
            "--method opi --corrections weights --corrections bias",
            f"{OPI}, weights correction, bias correction",
        ),
        (
            "--neuron augmented --threshold max --no-per-channel --v-init 0 --corrections bias",
            f"{AUGMENTED}, bias correction",
        ),
    ],
)
def test_a_method_and_its_parts(
    words: str, method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "snn.onnx")
    command = [
        "convert",
        ANN,
        "--T",
        "2",
        "--calibration",
        CALIBRATION,
        "-o",
        out,
        "--json",
    ]
    assert cli.main([*command, *words.split()]) == 0
    assert json.loads(capsys.readouterr().out)["method"] == method
    metadata = {entry.key: entry.value for entry in onnx.load(out).metadata_props}
    assert metadata["onnx2snn.method"] == method


@pytest.mark.parametrize(
    "words, message",
    [
        ("--corrections bias,luck", "corrections must be one of .*, not 'luck'"),
        (
            "--method ftbc --schedule layerwise",
            "'step-bias' needs the schedule lockstep",
        ),
        ("--method spikeconverter --schedule lockstep", "add --schedule layerwise"),
    ],
)
def test_parts_that_do_not_fit(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "snn.onnx"
    assert cli.main(["convert", ANN, "-o", str(out), *words.split()]) == 1
    assert re.search(message, " ".join(capsys.readouterr().err.split()))
    assert not out.exists()

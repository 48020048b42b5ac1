"""The default method picks the schedule for T and the latency, and says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import Options, cli
from onnx2snn.conversion.demands import DEMANDS
from onnx2snn.conversion.schedule_choice import choose_schedule
from onnx2snn.methods.schedules import SCHEDULES
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
ANN = str(DIGITS / "digits.onnx")
CALIBRATION = {"image": np.load(DIGITS / "calibration.npz")["image"][:32]}


@pytest.mark.parametrize(
    "options, name, reason",
    [
        ({}, "lockstep", "no latency is given"),
        ({"latency": 4}, "lockstep", "a latency of 4 leaves no step beyond T"),
        ({"latency": 5}, "staggered", "a latency of 5 leaves 1 step beyond T"),
        ({"latency": 13}, "staggered", "a latency of 13 leaves 9 steps beyond T"),
        ({"latency": 5, "layout": "multistep"}, "staggered", "leaves 1 step"),
        ({"schedule": "lockstep"}, "lockstep", "it is asked for"),
        ({"schedule": "staggered"}, "staggered", "it is asked for"),
        ({"method": "staggered", "latency": 5}, "staggered", "the method has it"),
        ({"method": "spikeconverter"}, "layerwise", "the method has it"),
        ({"method": "opi"}, "lockstep", "the method has it"),
    ],
)
def test_the_schedule_and_its_reason(
    options: dict[str, Any], name: str, reason: str
) -> None:
    choice = choose_schedule(Options(**options), 4)
    assert choice.name == name
    assert reason in choice.reason
    assert choice.options.chosen_method().schedule == name
    # what is chosen is chosen again
    again = choose_schedule(choice.options, 4)
    assert again.options == choice.options


@pytest.mark.parametrize(
    "options, obstacle",
    [
        ({"input_coding": "rate"}, "inputs that are rate coded, or events"),
        ({"input_coding": "image=events"}, "inputs that are rate coded, or events"),
        ({"early_exit": True}, "early_exit"),
        ({"neuron": "if"}, "staggered needs the neuron 'weighted', not 'if'"),
        ({"corrections": "step-bias"}, "'step-bias' needs the schedule lockstep"),
    ],
)
def test_what_cannot_be_staggered_stays_in_lockstep(
    options: dict[str, Any], obstacle: str
) -> None:
    choice = choose_schedule(Options(latency=9, **options), 4)
    assert choice.name == "lockstep"
    assert "with a latency of 9 layers could wait, but not" in choice.reason
    assert obstacle in choice.reason
    assert choice.options.latency is None


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.words)
def test_each_demand_is_known_to_each_schedule_and_met_by_one(demand: Any) -> None:
    for row in SCHEDULES.values():
        assert isinstance(getattr(row, demand.capability), bool)
    assert "lockstep" in demand.met_by()
    assert not demand.is_made(Options())


def test_the_report_says_why() -> None:
    report = onnx2snn.convert(ANN, 4, CALIBRATION, latency=6).report
    assert problems(report, "report-1.json") == []
    assert report["schedule"] == "staggered"
    assert "leaves 2 steps beyond T" in report["schedule_reason"]


@pytest.mark.parametrize(
    "words, expected",
    [
        (
            ["--latency", "5"],
            "T = 4, answer after 5 steps, 5 passes over the weights: staggered, as a latency of 5",
        ),
        (
            ["--latency", "5", "--input-coding", "rate"],
            "lockstep, as with a latency of 5 layers could wait, but not with what else is asked",
        ),
        (
            [],
            "T = 4, answer after 4 steps, 4 passes over the weights: lockstep, as no latency",
        ),
    ],
)
def test_the_command_line_says_why(
    words: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = str(tmp_path / "snn.onnx")
    assert cli.main(["convert", ANN, "-o", output, "--T", "4", *words]) == 0
    assert expected in " ".join(capsys.readouterr().out.split())

"""The parts of a method are said once; what does them, and what shows them, agrees."""

from __future__ import annotations

import dataclasses
import inspect
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import onnx2snn
from onnx2snn import cli
from onnx2snn.calibration.threshold_rules import RULES
from onnx2snn.conversion.options import Options
from onnx2snn.correction.corrections import OF_LAYERS
from onnx2snn.methods.corrections import CORRECTIONS, WEIGHTS
from onnx2snn.methods.method import Method
from onnx2snn.methods.neurons import NEURONS
from onnx2snn.methods.number_range import Range
from onnx2snn.methods.parts import PARTS
from onnx2snn.methods.schedules import SCHEDULES
from onnx2snn.methods.threshold_rules import THRESHOLD_RULES
from onnx2snn.ops import ALL_OPS
from onnx2snn.schedules import is_layer_loop, time_loops

if TYPE_CHECKING:
    from onnx2snn.methods.parts import Part

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"
EACH_PART = pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)


def fields(cls: type) -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(cls)}


def test_each_rule_for_thresholds_is_computed() -> None:
    assert list(THRESHOLD_RULES) == list(RULES)


def test_each_correction_is_computed_in_the_order_of_the_table() -> None:
    assert list(CORRECTIONS) == [WEIGHTS, *OF_LAYERS]


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_schedule_is_written(name: str) -> None:
    conversion = onnx2snn.convert(DIGITS, T=2, schedule=name)
    assert conversion.report["schedule"] == name
    loops = time_loops(conversion.ir_model.graph)
    assert all(map(is_layer_loop, loops)) == (name == "layerwise")


@pytest.mark.parametrize("name", NEURONS)
def test_each_neuron_has_operators_that_take_its_parameters(name: str) -> None:
    neuron = NEURONS[name]
    for operator in neuron.operators:
        inputs = ALL_OPS[operator].inputs
        parameters = [part for part in PARTS if part in inputs]
        if operator != "DoubleThresholdIF":
            assert tuple(parameters) == neuron.parameters


@EACH_PART
def test_a_part_is_a_field_of_a_method(part: Part) -> None:
    field = fields(Method)[part.name]
    assert field.default == part.default
    assert str(field.type).removesuffix("[str, ...]") == part.kind.__name__


@EACH_PART
def test_a_part_is_an_option_that_leaves_the_method_as_it_is(part: Part) -> None:
    field = fields(Options)[part.name]
    assert field.default is None
    assert field.type == f"{fields(Method)[part.name].type} | None"


@pytest.mark.parametrize("cls", [Method, Options])
@EACH_PART
def test_docstrings_say_what_the_table_says(cls: type, part: Part) -> None:
    words = " ".join((inspect.getdoc(cls) or "").split())
    assert "{parts}" not in words
    facts = part.facts()
    assert f" {part.name}: {facts[0].upper()}{facts[1:]}." in words


@EACH_PART
def test_the_help_says_what_the_table_says(
    part: Part, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["convert", "--help-all"])
    words = " ".join(capsys.readouterr().out.split())
    assert f"--{part.name.replace('_', '-')}" in words
    assert part.help in words
    for choice in part.choices:
        assert choice in words


def test_a_class_without_docstrings_keeps_none() -> None:
    """``python -OO`` takes them away."""
    from onnx2snn.methods.parts import document_parts  # noqa: PLC0415

    bare = type("Bare", (), {})
    assert document_parts(bare).__doc__ is None


@pytest.mark.parametrize(
    "numbers, inside, outside, words",
    [
        (Range(0, 1), [0, 0.5, 1], [-0.1, 1.1, math.nan], "0 to 1"),
        (Range(1, 2, is_open=True), [1.1, 2], [1, 2.1], "above 1 and at most 2"),
        (Range(1, 9, is_whole=True), [1, 9, 4.0], [0, 1.5, 10, math.nan], "1 to 9"),
    ],
)
def test_ranges(
    numbers: Range, inside: list[float], outside: list[float], words: str
) -> None:
    assert all(value in numbers for value in inside)
    assert not any(value in numbers for value in outside)
    assert str(numbers) == words
    assert str(dataclasses.replace(numbers, unit="a step")) == f"{words} a step"

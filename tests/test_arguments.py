"""Arguments by wrong names, by older names, and of other types."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.arguments import (
    checked_keywords,
    checked_value,
    did_you_mean,
    near_names,
)
from onnx2snn.errors import OptionError


@pytest.mark.parametrize(
    "wrong, near",
    [
        ("t", ["T"]),
        ("Neuron", ["neuron"]),
        ("nuron", ["neuron"]),
        ("per-channel", ["per_channel"]),
        ("thr", ["threshold"]),
        ("", []),
        ("weather", []),
        (5, []),
    ],
)
def test_near_names(wrong: object, near: list[str]) -> None:
    assert near_names(wrong, ["T", "neuron", "per_channel", "threshold"]) == near


def test_a_hint_names_the_nearest_first() -> None:
    hint = did_you_mean("conv1", ["relu1", "conv2", "conv10"])
    assert hint == "; did you mean 'conv10' or 'conv2'?"
    assert not did_you_mean("x", ["relu1"])


@pytest.mark.parametrize(
    "value, kind, expected",
    [
        (8, int, 8),
        (np.int32(8), int, 8),
        (np.float32(0.5), float, 0.5),
        (2, float, 2),
        (np.True_, bool, True),
        ("if", str, "if"),
    ],
)
def test_values_of_a_kind(value: object, kind: type, expected: object) -> None:
    found = checked_value("option", value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value, kind, described",
    [
        ("8", int, "a whole number, not '8'"),
        (8.0, int, r"a whole number, not 8\.0"),
        (True, int, "a whole number, not True"),
        (True, float, "a number, not True"),
        ("x", float, "a number, not 'x'"),
        (1, bool, "True or False, not 1"),
        (None, str, "a text, not None"),
    ],
)
def test_values_of_another_kind(value: object, kind: type, described: str) -> None:
    with pytest.raises(OptionError, match=f"^seed must be {described}$"):
        checked_value("seed", value, kind)


@checked_keywords("neuron", steps="T")
def function(x: object, T: int = 8, **others: Any) -> tuple[object, ...]:  # noqa: N803
    return x, T, others


def test_keywords_reach_the_function() -> None:
    assert function(1, T=2, neuron="if") == (1, 2, {"neuron": "if"})
    assert function(1, 2) == (1, 2, {})
    assert list(inspect.signature(function).parameters) == ["x", "T", "others"]


def test_an_older_name_of_a_keyword_works() -> None:
    assert function(1, steps=3) == (1, 3, {})
    with pytest.raises(OptionError, match="T is given twice, once by an older name"):
        function(1, T=2, steps=3)
    with pytest.raises(OptionError, match=r"no argument 'step'; did you mean 'T'\?"):
        function(1, step=3)


def test_a_wrong_keyword_is_told_with_the_nearest() -> None:
    with pytest.raises(
        OptionError, match=r"^function\(\) has no argument 't'; did you"
    ):
        function(1, t=3)
    with pytest.raises(OptionError, match=r"no argument 'weather'$"):
        function(1, weather="fine")


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: onnx2snn.convert("a.onnx", t=3), r"convert\(\) .*'t'; .*'T'"),
        (lambda: onnx2snn.convert("a.onnx", nuron="if"), "'nuron'; .*'neuron'"),
        (lambda: onnx2snn.analyze("a.onnx", untill="x"), r"analyze\(\) .*'until'"),
        (lambda: onnx2snn.evaluate("a.onnx", {}, an="b"), r"evaluate\(\) .*'ann'"),
        (lambda: onnx2snn.evaluate("a.onnx", {}, time_step=1), "did you mean 'T'"),
        (lambda: onnx2snn.load("a.onnx", run_time="ort"), r"load\(\) .*'runtime'"),
        (lambda: onnx2snn.pipeline(t=3), r"pipeline\(\) has no argument 't'; .*'T'"),
        (lambda: onnx2snn.Options(sead=3), r"Options\(\) .*'sead'; .*'seed'"),
    ],
)
def test_public_functions_know_their_keywords(call: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        call()

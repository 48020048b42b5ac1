"""Older names keep working, wherever they can be given."""

from __future__ import annotations

import pytest

import onnx2snn
from onnx2snn.conversion.options import Options
from onnx2snn.methods.corrections import CORRECTIONS
from onnx2snn.methods.method import Method
from onnx2snn.methods.names import CORRECTION, PASS, RENAMED, split_names
from onnx2snn.passes import PASSES, CorrectLayers

EACH_CORRECTION = pytest.mark.parametrize("old, new", RENAMED[CORRECTION].items())


def test_older_names_lead_to_present_ones_and_are_none_themselves() -> None:
    for kind, names in ((CORRECTION, CORRECTIONS), (PASS, PASSES)):
        assert set(RENAMED[kind].values()) <= set(names)
        assert set(RENAMED[kind]).isdisjoint(names)


@EACH_CORRECTION
def test_corrections(old: str, new: str) -> None:
    assert Method(corrections=(old,)) == Method(corrections=(new,))
    given = Options(corrections=f"{old},bias")  # type: ignore[arg-type]
    assert given.corrections == (new, "bias")
    assert given.chosen_method().corrections == (new, "bias")
    assert CorrectLayers(corrections=(old,)).corrections == (new,)


@pytest.mark.parametrize("old, new", RENAMED[PASS].items())
def test_passes_to_skip(old: str, new: str) -> None:
    options = Options(skip_passes=(old,))
    assert options == Options(skip_passes=(new,))
    assert new in PASSES
    assert new not in onnx2snn.pipeline(options).names()


def test_names_may_come_in_one_text() -> None:
    assert split_names("a, b") == ("a", "b")
    assert split_names(["a,b", "c"]) == ("a", "b", "c")

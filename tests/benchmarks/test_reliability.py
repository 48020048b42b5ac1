"""A sample of the hostile models, and how their outcomes are judged."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

if not hasattr(os, "fork"):
    pytest.skip("cases run in forked processes", allow_module_level=True)

from benchmarks import reliability
from benchmarks.reliability_case import OUTPUT, Case, Outcome, problem_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "outcome, problem",
    [
        (Outcome(1, "error: m.onnx is empty", 0.1), None),
        (Outcome(2, "usage: ...", 0.1), None),
        (Outcome(None, "", 90.0), "no end in 90 s"),
        (Outcome(-11, "", 0.1), "exit status -11"),
        (Outcome(1, "Traceback (most recent call last)", 0.1), "Traceback"),
        (Outcome(1, "error: 'a\x1b[31m'", 0.1), "x1b"),
        (Outcome(1, "x" * 5000, 0.1), "a message of 5000 characters"),
    ],
)
def test_an_outcome_is_judged(
    outcome: Outcome, problem: str | None, tmp_path: Path
) -> None:
    found = problem_of(outcome, tmp_path, {})
    assert found is None if problem is None else problem in str(found)


def test_files_that_a_command_leaves_are_judged(tmp_path: Path) -> None:
    tmp_path.joinpath(OUTPUT).write_bytes(b"half")
    refused = Outcome(1, "error", 0.1)
    done = Outcome(0, "", 0.1)
    assert problem_of(refused, tmp_path, {}) == "an output in spite of the refusal"
    found = problem_of(done, tmp_path, {})
    assert found == "an output that onnxruntime does not open"
    tmp_path.joinpath("leftover").write_bytes(b"")
    assert "leftover" in str(problem_of(refused, tmp_path, {}))


def test_a_page_has_a_row_a_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        Case("good", lambda _: None),
        Case("bad", lambda folder: f"left {len(list(folder.iterdir()))}"),
    ]
    monkeypatch.setattr(reliability, "STORE", tmp_path / "rows.json")
    monkeypatch.setattr(reliability, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(reliability, "all_classes", lambda: {"some": lambda: cases})
    monkeypatch.setattr(sys, "argv", ["reliability"])
    reliability.main()
    assert "FAILED some: bad: left 0" in capsys.readouterr().out
    assert json.loads((tmp_path / "rows.json").read_text())["some"]["cases"] == 2
    assert "| some | 2 | 1 | bad |" in (tmp_path / "page.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", reliability.all_classes())
def test_every_class_is_without_failures(name: str) -> None:
    row = reliability.measure(name, reliability.all_classes()[name])
    assert row["failures"] == []

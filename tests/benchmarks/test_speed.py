"""What the benchmark of speed keeps of earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import speed, speed_page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def row(
    network: str, milliseconds: float, time_steps: int = 8, threads: int = 1
) -> dict[str, object]:
    return {
        "network": network,
        "batch": 1,
        "T": time_steps,
        "threads": threads,
        "form": "Loop",
        "milliseconds": milliseconds,
        "passes": 1.5,
        "low": 1.0,
        "high": 2.0,
    }


def test_networks_that_were_not_measured_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "speed.json"
    known = [row("ResNet-20", 1), row("VGG-16 shape", 2), row("MobileNetV2", 3)]
    rows.write_text(json.dumps(known))
    monkeypatch.setattr(speed, "ROWS", rows)
    found = speed.with_known([row("VGG-16 shape", 20)])
    assert found == [known[0], row("VGG-16 shape", 20), known[2]]


def test_other_steps_and_threads_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "speed.json"
    rows.write_text(json.dumps([row("ResNet-20", 1), row("ResNet-20", 2, 4)]))
    monkeypatch.setattr(speed, "ROWS", rows)
    new = row("ResNet-20", 3, 8, threads=2)
    found = speed.with_known([new])
    assert found == [new, row("ResNet-20", 1), row("ResNet-20", 2, 4)]


def test_the_page_has_the_usual_setting_apart_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "performance.md"
    markers = [
        speed_page.START,
        speed_page.END,
        speed_page.SETTINGS_START,
        speed_page.SETTINGS_END,
    ]
    page.write_text("\n".join(markers) + "\n")
    monkeypatch.setattr(speed_page, "PAGE", page)
    rows = [row("A", 1), row("A", 1, 4), row("A", 1, 16, threads=2), row("B", 1)]
    speed_page.write_page(rows)
    usual, by_settings = page.read_text().split(speed_page.END)
    assert "| form | A, batch 1 | B, batch 1 |" in usual
    assert usual.count("1.50 (1.00 to 2.00)") == 2
    lines = [line for line in by_settings.splitlines() if line.startswith("| A")]
    assert [line[:13] for line in lines] == [
        "| A | 1 | 1 |",
        "| A | 1 | 1 |",
        "| A | 1 | 2 |",
    ]
    assert "| B" not in by_settings

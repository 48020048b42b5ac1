"""What the benchmark of speed keeps of earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import speed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def row(network: str, milliseconds: float) -> dict[str, object]:
    return {"network": network, "milliseconds": milliseconds}


def test_networks_that_were_not_measured_keep_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "speed.json"
    known = [row("ResNet-20", 1), row("VGG-16 shape", 2), row("MobileNetV2", 3)]
    rows.write_text(json.dumps(known))
    monkeypatch.setattr(speed, "ROWS", rows)
    found = speed.with_known([row("VGG-16 shape", 20)])
    assert found == [known[0], row("VGG-16 shape", 20), known[2]]

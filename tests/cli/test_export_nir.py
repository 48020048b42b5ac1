from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onnx2snn.cli import main
from tests.exporting.networks import images, network

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("nir", reason="the extra nir is not installed")


def test_the_command_prints_what_was_written_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snn = tmp_path / "snn.onnx"
    network("pools").save(snn)
    data = tmp_path / "test.npz"
    np.savez(data, x=images(6), y=np.zeros(6, int))
    path = tmp_path / "net.nir"
    command = ["export-nir", str(snn), "-o", str(path), "--data", str(data)]
    assert main([*command, "--reader", "snntorch"]) == 0
    printed = capsys.readouterr().out
    assert f"wrote {path}" in printed
    assert "snntorch, predicted" in printed
    assert "feed the input 'x'" in printed
    assert "convert again with --for nir-hard-reset" in printed or "100.00" in printed
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["name"] == "generic"
    assert report == json.loads((tmp_path / "net.nir.json").read_text())

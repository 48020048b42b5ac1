"""The page on conversions, and the networks that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from benchmarks import conversion
from benchmarks.speed_networks import bottleneck_network
from onnx2snn.runtime.sessions import open_session, run_session

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ROW = {
    "width": 4,
    "megabytes_of_weights": 0.9,
    "images": 3,
    "T": 2,
    "cpu_seconds": 12.34,
    "seconds": 20.6,
    "peak_megabytes": 1234,
    "seed": 7,
}


def test_the_part_is_written_between_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{conversion.START}\nold\n{conversion.END}\n\nbehind\n")
    monkeypatch.setattr(conversion, "PAGE", page)
    conversion.write_part([ROW])
    once = page.read_text()
    assert once.startswith("before\n\n")
    assert once.endswith("\n\nbehind\n")
    assert "old" not in once
    assert "| 0.9 | 12 | 21 | 1,234 |" in once
    assert "3 calibration images of 224 x 224 and T = 2" in once
    assert "seed 7" in once
    conversion.write_part([ROW])
    assert page.read_text() == once


def test_the_network_has_the_shape_of_resnet_50() -> None:
    ann = bottleneck_network(4)
    onnx.checker.check_model(ann, full_check=True)
    convolutions = [node for node in ann.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 53
    x = np.ones((1, 3, 224, 224), np.float32)
    (scores,) = run_session(open_session(ann), {"x": x})
    assert scores.shape == (1, 1000)
    assert np.isfinite(scores).all()

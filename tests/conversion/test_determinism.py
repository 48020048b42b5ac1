"""The same network, data, options and seed give the same bytes, whatever else is different."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

import onnx2snn
from tests.models import model, normal

ROOT = Path(__file__).parents[2]
X = normal(1, 60, 6)
WAYS: dict[str, dict[str, Any]] = {
    "lockstep": {"schedule": "lockstep"},
    "multistep": {"schedule": "lockstep", "layout": "multistep"},
    "layerwise": {"schedule": "layerwise"},
    "staggered": {"schedule": "staggered"},
    "uncorrected": {"corrections": "none"},
    "corrected": {"hold_out": False},
}


@pytest.fixture(scope="module")
def ann(tmp_path_factory: pytest.TempPathFactory) -> Path:
    proto = model(
        "(float[N,6] x) => (float[N,3] y) { h = MatMul (x, w)  a = Relu (h)  c = MatMul (a, u)  "
        "d = Relu (c)  y = MatMul (d, v) }",
        w=normal(2, 6, 8),
        u=normal(4, 8, 8),
        v=normal(3, 8, 3),
    )
    path = tmp_path_factory.mktemp("first") / "ann.onnx"
    ir.save(proto, path)
    np.savez(path.with_name("x.npz"), x=X)
    return path


def digest(ann: Path, data: object, way: str) -> str:
    converted = onnx2snn.convert(ann, 4, data, **WAYS[way])
    return hashlib.sha256(converted.serialize()).hexdigest()


@pytest.mark.parametrize("way", WAYS)
def test_forms_of_data_folders_and_names(ann: Path, tmp_path: Path, way: str) -> None:
    expected = digest(ann, ann.with_name("x.npz"), way)
    np.savez_compressed(tmp_path / "other.npz", x=X, y=np.arange(len(X)))
    for rows in (7, 20):
        feeds = [X[start : start + rows] for start in range(0, len(X), rows)]
        assert digest(ann, feeds, way) == expected
    elsewhere = tmp_path / "with spaces and ä" / "another name.onnx"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(ann.read_bytes())
    assert digest(elsewhere, tmp_path / "other.npz", way) == expected


def test_another_process_with_other_hashes_and_threads(
    ann: Path, tmp_path: Path
) -> None:
    """Neither a home directory nor a locale is needed."""
    words = ["convert", str(ann), "--calibration", str(ann.with_name("x.npz"))]
    words += ["--T", "4", "--schedule", "lockstep", "-o", "snn.onnx"]
    surroundings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "2",
        "LC_ALL": "C",
        "HOME": "/nonexistent",
    }
    subprocess.run(  # noqa: S603 (our own)
        [sys.executable, "-m", "onnx2snn", *words],
        check=True,
        cwd=tmp_path,
        env=surroundings,
    )
    found = hashlib.sha256(tmp_path.joinpath("snn.onnx").read_bytes()).hexdigest()
    assert found == digest(ann, ann.with_name("x.npz"), "lockstep")

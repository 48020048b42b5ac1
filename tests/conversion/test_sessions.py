"""The number of models that one conversion opens in onnxruntime.

The network has four activations. Import opens the original and the imported model once each,
to compare them; calibration opens the subgraph of the activations. The corrections, layer by
layer, open subgraphs of both networks for each layer: they are counted apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnxruntime
import pytest

import onnx2snn

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "examples" / "digits"
ACTIVATIONS = 4
T = 8
CALIBRATED = {"calibration": DIGITS / "calibration.npz"}
NO_CORRECTION = {"corrections": ()}


@pytest.fixture(scope="module", autouse=True)
def _opened_once() -> None:
    """Open what is kept open: single nodes, and neurons in the native library."""
    onnx2snn.convert(DIGITS / "digits.onnx", T, **CALIBRATED)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the list of all models opened from now on."""
    models: list[object] = []

    class CountedSession(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, model: object, *args: object, **options: object) -> None:
            models.append(model)
            super().__init__(model, *args, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", CountedSession)
    return models


@pytest.mark.parametrize(
    "options, most",
    [
        ({"check": False, **CALIBRATED}, 1),
        (CALIBRATED, 3),
        ({}, 7),
    ],
    ids=["calibration", "import and calibration", "import, and no data"],
)
def test_import_and_calibration(
    opened: list[object], options: Mapping[str, Any], most: int
) -> None:
    onnx2snn.convert(DIGITS / "digits.onnx", T, **NO_CORRECTION, **options)
    assert 0 < len(opened) <= most


def test_corrections_open_four_subgraphs_a_layer_at_most(opened: list[object]) -> None:
    onnx2snn.convert(DIGITS / "digits.onnx", T, **NO_CORRECTION, **CALIBRATED)
    before = len(opened)
    onnx2snn.convert(DIGITS / "digits.onnx", T, **CALIBRATED, hold_out=False)
    corrections = len(opened) - 2 * before
    assert corrections <= 1 + 4 * ACTIVATIONS


def test_one_module_opens_sessions() -> None:
    package = Path(onnx2snn.__file__).parent
    modules = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "InferenceSession(" in path.read_text(encoding="utf-8")
    ]
    assert modules == ["runtime/sessions.py"]

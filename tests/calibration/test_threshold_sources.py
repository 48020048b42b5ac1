"""The order in which the sources of thresholds are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.analysis.activations import activations
from onnx2snn.calibration import threshold_sources
from onnx2snn.calibration.scales import ThresholdOptions
from onnx2snn.calibration.threshold_sources import (
    SOURCES,
    ThresholdSearch,
    find_scales,
)
from onnx2snn.metadata.scale import Scale
from tests.models import model

if TYPE_CHECKING:
    import pytest

OPTIONS = ThresholdOptions(
    time_steps=4, rule="max", per_channel=True, batch_size=8, seed=0
)


def test_the_sources_in_their_order() -> None:
    assert [source.__name__ for source in SOURCES] == [
        "trained_thresholds",
        "calibration_data",
        "quantizer_ranges",
        "batch_norm_statistics",
        "synthetic_inputs",
    ]


def test_a_source_is_asked_for_what_none_before_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann = model("(float[N,3] x) => (y) { a = Relu (x)  b = Relu (a)  y = Relu (b) }")
    values = activations(ann.graph)
    asked = []

    def knowing(name: str) -> threshold_sources.Source:
        def source(search: ThresholdSearch) -> threshold_sources.Scales:
            asked.append([value.name for value in search.missing])
            scale = Scale(np.float32([1]), None, name)
            return {value: scale for value in search.missing if value.name == name}

        return source

    sources = tuple(knowing(name) for name in ("b", "a", "none", "y", "late"))
    monkeypatch.setattr(threshold_sources, "SOURCES", sources)
    found = find_scales(ThresholdSearch(ann, values, OPTIONS))
    assert asked == [["a", "b", "y"], ["a", "y"], ["y"], ["y"]]
    assert [scale.origin for scale in found.values()] == ["b", "a", "y"]

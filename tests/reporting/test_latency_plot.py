"""The picture of the error against the latency."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn.reporting.latency_plot import draw_latency_section
from onnx2snn.reporting.report_page import render_page
from tests.reporting.test_report_page import Page
from tests.schema import problems

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def curve_of(errors: dict[int, float]) -> Any:
    points = [
        {"latency_steps": latency, "relative_error": error}
        for latency, error in errors.items()
    ]
    return {"samples": 64, "points": points}


def test_no_curve_no_section() -> None:
    assert draw_latency_section(None, 4) == ""


def test_each_point_stands_where_it_belongs_and_the_own_one_is_marked() -> None:
    text = draw_latency_section(curve_of({4: 0.4, 6: 0.2, 8: 0.1}), 6)
    Page(text)
    places = re.findall(
        r'class="(mark[ own]*)" style="left:([\d.]+)%;bottom:([\d.]+)%', text
    )
    assert places == [
        ("mark", "0.00", "100.00"),
        ("mark own", "50.00", "50.00"),
        ("mark", "100.00", "25.00"),
    ]
    assert 'points="0.00,0.00 50.00,50.00 100.00,75.00"' in text
    assert "64 calibration samples" in text


@pytest.mark.parametrize(
    "errors",
    [
        {4: 0.3},
        {4: 0.0},
        {8: 1e-9, 9: 1e-10},
        {4: 123.0, 5: 60.0},
        dict.fromkeys(range(4, 80), 0.5),
    ],
)
def test_marks_on_the_axes_are_few_and_hold_all(errors: dict[int, float]) -> None:
    text = draw_latency_section(curve_of(errors), 4)
    heights = [float(found) for found in re.findall(r"bottom:([\d.]+)%", text)]
    assert min(heights) == 0
    assert max(heights) == 100
    marked = re.findall(r'<span style="left:[\d.]+%">(\d+)</span>', text)
    assert 1 <= len(marked) <= 9
    assert min(errors) <= int(marked[0])
    assert int(marked[-1]) <= max(errors)


def test_latencies_are_marked_at_round_numbers() -> None:
    text = draw_latency_section(curve_of({4: 0.7, 13: 0.2, 22: 0.1}), 13)
    marked = re.findall(r'<span style="left:[\d.]+%">(\d+)</span>', text)
    assert marked == ["5", "10", "15", "20"]


def test_the_page_of_a_conversion_has_it() -> None:
    calibration = {"image": np.load(DIGITS / "calibration.npz")["image"][:64]}
    conversion = onnx2snn.convert(
        str(DIGITS / "digits.onnx"), 4, calibration, latency=5
    )
    report = conversion.report
    assert problems(report, "report-1.json") == []
    curve = report["latency_curve"]
    assert curve is not None
    assert 5 in {point["latency_steps"] for point in curve["points"]}
    shown = Page(render_page(report))
    assert shown.count("polyline") == 1
    assert "Error against latency" in shown.text
    assert "staggered, as a latency of 5" in shown.text
    plain = onnx2snn.convert(str(DIGITS / "digits.onnx"), 4, calibration).report
    assert plain["latency_curve"] is None
    assert "Error against latency" not in Page(render_page(plain)).text

"""The charts on the page of a conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.reporting.charts import Chart
    from onnx2snn.reporting.report import CurvePoint, LayerReport

__all__ = ["chart_of_latency", "chart_of_thresholds"]

_WIDTH = 290
_ROW = 20
"""Height of a layer, in pixels."""


def chart_of_latency(points: Sequence[CurvePoint], latency_steps: int) -> Chart:
    """Return the error against the latency; the point of the network itself is large.

    Args:
        points: The curve.
        latency_steps: The latency of the network.
    """
    values = [
        {**point, "own": point["latency_steps"] == latency_steps} for point in points
    ]
    return {
        "width": _WIDTH,
        "height": 190,
        "data": {"values": values},
        "encoding": {
            "x": {
                "field": "latency_steps",
                "type": "quantitative",
                "title": "latency in steps",
                "scale": {"zero": False},
                "axis": {"tickMinStep": 1, "tickCount": 6, "grid": False},
            },
            "y": {
                "field": "relative_error",
                "type": "quantitative",
                "title": "relative error of the outputs",
                "axis": {"tickCount": 5},
            },
        },
        "layer": [{"mark": {"type": "line", "color": "var(--linear)"}}, _POINTS],
    }


_POINTS = {
    "mark": {"type": "point", "filled": True, "opacity": 1},
    "encoding": {
        "size": {"condition": {"test": "datum.own", "value": 200}, "value": 45},
        "color": {
            "condition": {"test": "datum.own", "value": "var(--spiking)"},
            "value": "var(--linear)",
        },
    },
}
"""The points of a curve, that of the network itself larger and in the color of neurons."""


def chart_of_thresholds(layers: Sequence[LayerReport]) -> Chart:
    """Return the ranges of the thresholds, a row for each layer of neurons."""
    return {
        "width": 200,
        "height": {"step": _ROW},
        "data": {"values": [_thresholds_of(layer) for layer in layers]},
        "encoding": {
            "y": {
                "field": "layer",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"labelLimit": 130, "ticks": False, "domain": False},
            },
            "x": {
                "type": "quantitative",
                "scale": {"type": "log", "nice": False},
                "title": "threshold, in units of the activation",
                "axis": {"tickCount": 4, "format": "~g"},
            },
        },
        "layer": [
            _span("low", "high", {"type": "rule", "color": "var(--quiet)"}),
            _span(
                "first", "third", {"type": "bar", "color": "var(--spiking)", "size": 9}
            ),
            {
                "mark": {
                    "type": "tick",
                    "color": "var(--text)",
                    "thickness": 2,
                    "size": 14,
                },
                "encoding": {"x": {"field": "median"}},
            },
        ],
    }


def _span(low: str, high: str, mark: dict[str, Any]) -> Chart:
    return {"mark": mark, "encoding": {"x": {"field": low}, "x2": {"field": high}}}


def _thresholds_of(layer: LayerReport) -> dict[str, float | str]:
    first, median, third = layer["v_threshold_quartiles"]
    return {
        "layer": layer["name"],
        "low": layer["v_threshold_min"],
        "first": first,
        "median": median,
        "third": third,
        "high": layer["v_threshold_max"],
    }

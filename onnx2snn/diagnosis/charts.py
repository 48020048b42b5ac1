"""The charts on the page of a diagnosis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx2snn.diagnosis.layer_errors import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from onnx2snn.diagnosis.histograms import Histogram
    from onnx2snn.diagnosis.layer_errors import LayerError
    from onnx2snn.diagnosis.rasters import Raster
    from onnx2snn.reporting.charts import Chart

__all__ = ["chart_of_errors", "chart_of_raster", "chart_of_scores", "chart_of_values"]

_WIDTH = 280
_ROW = 22
"""Height of a layer, in pixels."""

_PARTS = {
    "clipping": ("var(--analog)", "triangle-up"),
    "quantization": ("var(--linear)", "square"),
    "inherited": ("var(--text)", "stroke"),
    "unevenness": ("var(--max-like)", "diamond"),
}
"""Part of an error to its color and shape."""


def chart_of_scores(scores: Mapping[int, float], ann: float | None, name: str) -> Chart:
    """Return a score against T, and that of the ANN.

    Args:
        scores: Number of time steps to the score.
        ann: The score of the ANN; None if it has none.
        name: Name of the score.
    """
    layers = [_line_of_network(scores)]
    if ann is not None:
        layers += _line_of_ann(min(scores), max(scores), ann)
    return {
        "width": _WIDTH,
        "height": 200,
        "layer": layers,
        "encoding": {
            "x": {
                "field": "T",
                "type": "quantitative",
                "title": "T, time steps",
                "scale": {"type": "log", "base": 2, "nice": False},
                "axis": {"values": list(scores), "format": "d", "grid": False},
            },
            "y": {
                "field": "score",
                "type": "quantitative",
                "title": name,
                "axis": {"tickCount": 6},
            },
        },
    }


def _line_of_network(scores: Mapping[int, float]) -> Chart:
    points = [{"T": t, "score": score} for t, score in scores.items()]
    mark = {
        "type": "line",
        "color": "var(--spiking)",
        "point": {"size": 50, "filled": True, "fill": "var(--spiking)"},
    }
    return {"data": {"values": points}, "mark": mark}


def _line_of_ann(first: int, last: int, score: float) -> list[Chart]:
    """Return a line at the score of the ANN, and its name."""
    ends = [{"T": t, "score": score} for t in (first, last)]
    line = {"type": "line", "color": "var(--quiet)", "strokeDash": [6, 4]}
    name = {
        "type": "text",
        "align": "left",
        "baseline": "bottom",
        "dy": -4,
        "text": "ANN",
    }
    return [
        {"data": {"values": ends}, "mark": line},
        {"data": {"values": ends[:1]}, "mark": name},
    ]


def chart_of_errors(layers: Sequence[LayerError]) -> Chart:
    """Return the errors of layers as bars, and the parts of each as marks."""
    return {
        "width": 190,
        "height": {"step": _ROW},
        "encoding": {
            "y": {
                "field": "layer",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {
                    "domain": False,
                    "labelExpr": "truncate(datum.label, 18, 'left')",
                    "labelLimit": 140,
                    "ticks": False,
                },
            },
            "x": {
                "field": "value",
                "type": "quantitative",
                "title": "% of the activation",
                "axis": {"tickCount": 5},
            },
        },
        "layer": [_bars_of_errors(layers), _marks_of_parts(layers)],
    }


def _bars_of_errors(layers: Sequence[LayerError]) -> Chart:
    errors = [{"layer": each.name, "value": 100 * each.error} for each in layers]
    mark = {"type": "bar", "color": "var(--bar)", "height": 14}
    return {"data": {"values": errors}, "mark": mark}


def _marks_of_parts(layers: Sequence[LayerError]) -> Chart:
    parts = [
        {"layer": each.name, "value": 100 * each.parts[part], "part": part}
        for each in layers
        for part in PARTS
    ]
    colors, shapes = zip(*(_PARTS[part] for part in PARTS), strict=True)
    by_part = {"field": "part", "type": "nominal", "legend": {"columns": 2}}
    return {
        "data": {"values": parts},
        "mark": {"type": "point", "size": 40, "opacity": 1, "strokeWidth": 2},
        "encoding": {
            "color": by_part | {"scale": {"domain": PARTS, "range": colors}},
            "shape": by_part | {"scale": {"domain": PARTS, "range": shapes}},
        },
    }


def chart_of_values(histogram: Histogram) -> Chart:
    """Return the shares of values that are not 0, of the ANN as bars and of spikes as a line."""
    rows: list[dict[str, Any]] = []
    for place, (ann, snn) in enumerate(zip(histogram.ann, histogram.snn, strict=True)):
        number = histogram.first + place
        if number:
            middle = number * histogram.width
            low, high = middle - histogram.width / 2, middle + histogram.width / 2
            rows.append({"low": low, "high": high, "ann": 100 * ann, "snn": 100 * snn})
    axis = {"type": "quantitative", "title": "value, in thresholds"}
    return {
        "width": _WIDTH,
        "height": 120,
        "data": {"values": rows},
        "encoding": {
            "x": axis | {"field": "low", "axis": {"tickCount": 6, "grid": False}},
            "y": {
                "type": "quantitative",
                "title": "% of values",
                "axis": {"tickCount": 3},
            },
        },
        "layer": [
            {
                "mark": {"type": "bar", "color": "var(--bar)"},
                "encoding": {"x2": {"field": "high"}, "y": {"field": "ann"}},
            },
            {
                "mark": {
                    "type": "line",
                    "interpolate": "step-after",
                    "color": "var(--spiking)",
                },
                "encoding": {"y": {"field": "snn"}},
            },
        ],
    }


def chart_of_raster(raster: Raster) -> Chart:
    """Return the spikes of some neurons: a row for each, a mark for each step with a spike."""
    steps = len(raster.spikes[0]) if raster.spikes else 1
    return {
        "width": _WIDTH,
        "height": {"step": 14},
        "data": {"values": list(_spikes_of(raster))},
        "mark": {"type": "tick", "thickness": 3, "height": 10},
        "encoding": {
            "x": {
                "field": "step",
                "type": "quantitative",
                "title": "step",
                "scale": {"domain": [0.5, steps + 0.5], "nice": False},
                "axis": {"tickMinStep": 1, "tickCount": 8, "format": "d"},
            },
            "y": {
                "field": "neuron",
                "type": "nominal",
                "sort": None,
                "scale": {"domain": list(map(str, raster.neurons))},
                "title": None,
                "axis": {"domain": False, "ticks": False},
            },
            "color": {
                "field": "spike",
                "type": "nominal",
                "legend": None,
                "scale": {
                    "domain": ["positive", "negative"],
                    "range": ["var(--spiking)", "var(--linear)"],
                },
            },
        },
    }


def _spikes_of(raster: Raster) -> Iterator[dict[str, Any]]:
    for neuron, train in zip(raster.neurons, raster.spikes, strict=True):
        for step, spike in enumerate(train, 1):
            if spike:
                kind = "negative" if spike < 0 else "positive"
                yield {"neuron": str(neuron), "step": step, "spike": kind}

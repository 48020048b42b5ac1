"""The picture of a sweep: score over T, a line for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError
from onnx2snn.reporting.charts import check_library, draw_picture
from onnx2snn.storage.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    import os

    from onnx2snn.reporting.charts import Chart
    from onnx2snn.sweeping.sweep import Sweep

__all__ = ["check_plot", "write_plot"]

_MOST_LINES = 6
"""Lines in one panel: more cannot be told apart."""

_FORMATS = (".svg", ".png", ".pdf")

_WIDTH, _HEIGHT = 380, 230
"""Of a panel, in pixels: readable on a telephone."""

_ANN = "ANN"

_COLORS = ("linear", "spiking", "max-like", "analog", "readout", "text")
"""Of the lines of a panel, in their order."""


def check_plot(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, what no picture can be written to.

    Raises:
        OptionError: The name has another ending, or the library that draws is not installed.
        OutputError: The file cannot be written.
    """
    check_writable(path)
    if not str(path).endswith(_FORMATS):
        endings = ", ".join(_FORMATS)
        message = f"plot: {str(path)!r} must end in one of {endings}"
        raise OptionError(message)
    check_library()


def write_plot(sweep: Sweep, path: str | os.PathLike[str]) -> None:
    """Draw a sweep, six methods a panel at most.

    Raises:
        OptionError: The name has another ending, or the library that draws is not installed.
        OutputError: The file cannot be written.
    """
    check_plot(path)
    ending = str(path).rpartition(".")[2]
    drawn = draw_picture(_chart_of(sweep), ending)
    write_whole(path, lambda file: file.write(drawn))


def _chart_of(sweep: Sweep) -> Chart:
    methods = sweep.methods
    groups = [
        methods[start : start + _MOST_LINES]
        for start in range(0, len(methods), _MOST_LINES)
    ]
    panels = [_panel(sweep, group) for group in groups]
    return {"vconcat": panels, "resolve": {"scale": {"color": "independent"}}}


def _panel(sweep: Sweep, group: list[str]) -> Chart:
    cells = [cell for method in group for cell in sweep.of_method(method)]
    points = [
        {"T": cell.T, "score": cell.score, "line": cell.method}
        for cell in cells
        if cell.score is not None
    ]
    layers = [
        {
            "data": {"values": points},
            "mark": {"type": "line", "point": {"size": 40, "filled": True}},
        }
    ]
    if sweep.ann_score is not None:
        layers.append(_line_of_ann(sweep))
    lines = [*group, _ANN] if sweep.ann_score is not None else group
    colors = [f"var(--{name})" for name in _COLORS[: len(group)]]
    color = {
        "field": "line",
        "type": "nominal",
        "scale": {"domain": lines, "range": [*colors, "var(--static)"]},
        "legend": {"columns": 4},
    }
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": layers,
        "encoding": {
            "x": _axis_of_steps(sweep),
            "y": _axis_of_scores(sweep),
            "color": color,
        },
    }


def _line_of_ann(sweep: Sweep) -> Chart:
    ends = {min(cell.T for cell in sweep.cells), max(cell.T for cell in sweep.cells)}
    score = sweep.ann_score
    points = [{"T": end, "score": score, "line": _ANN} for end in sorted(ends)]
    return {
        "data": {"values": points},
        "mark": {"type": "line", "strokeDash": [6, 4], "point": len(ends) == 1},
    }


def _axis_of_steps(sweep: Sweep) -> Chart:
    steps = sorted({cell.T for cell in sweep.cells})
    return {
        "field": "T",
        "type": "quantitative",
        "title": "T, time steps",
        "scale": {"type": "log", "base": 2, "nice": False},
        "axis": {"values": steps, "format": "d", "grid": False},
    }


def _axis_of_scores(sweep: Sweep) -> Chart:
    return {
        "field": "score",
        "type": "quantitative",
        "title": sweep.score_name,
        "scale": {"zero": False},
        "axis": {"tickCount": 6},
    }

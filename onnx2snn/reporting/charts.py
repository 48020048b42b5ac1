"""Charts in Vega-Lite, drawn once: as SVG in a page, or as a picture of their own.

A chart is its specification without the data's frame: marks and encodings. Colors are those of
the page, by their names, so that a chart follows the page into the dark.
"""

from __future__ import annotations

import importlib
import json
import re
from html import escape
from typing import Any, TypeAlias

from onnx2snn.errors import OptionError
from onnx2snn.reporting.colors import on_white

__all__ = ["Chart", "check_library", "draw_figure", "draw_picture", "try_figure"]

Chart: TypeAlias = "dict[str, Any]"
"""A specification in Vega-Lite, without configuration."""

_TEXT = 12
"""Size of all letters, in pixels: a chart is as wide as a phone, and is not made smaller there."""

_CONFIG = {
    "aria": False,  # a figure says what it shows, and a table beside it has the numbers
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "axis": {
        "domainColor": "var(--quiet)",
        "gridColor": "var(--line)",
        "labelColor": "var(--text)",
        "labelFontSize": _TEXT,
        "tickColor": "var(--quiet)",
        "titleColor": "var(--quiet)",
        "titleFontSize": _TEXT,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "var(--text)",
        "labelFontSize": _TEXT,
        "labelLimit": 280,
        "orient": "top",
        "direction": "horizontal",
        "title": None,
    },
    "text": {"fill": "var(--text)", "fontSize": _TEXT},
    "view": {"stroke": None},
}


def check_library() -> None:
    """Refuse, before long work, to draw without the library.

    Raises:
        OptionError: It is not installed.
    """
    _library()


def draw_figure(chart: Chart, alt: str, caption: str = "") -> str:
    """Return a figure for a page.

    Args:
        chart: The chart.
        alt: It in a sentence, for those who do not see it.
        caption: Text above it; empty for none.

    Raises:
        OptionError: The library is not installed.
    """
    drawn = _library().vegalite_to_svg(_as_json(chart))
    inner = re.sub(r' (xmlns(:\w+)?|version|class)="[^"]*"', "", drawn)
    label = escape(alt, quote=True)
    svg = inner.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    above = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{above}{svg}</figure>"


def try_figure(chart: Chart, alt: str, caption: str = "") -> str:
    """Return a figure as ``draw_figure`` does, or a line that says what to install for it."""
    try:
        return draw_figure(chart, alt, caption)
    except OptionError as error:
        return f'<p class="quiet">{escape(caption or alt)} {escape(str(error))}</p>'


def draw_picture(chart: Chart, ending: str) -> bytes:
    """Return a picture on white.

    Args:
        chart: The chart.
        ending: ``svg``, ``png`` or ``pdf``.

    Raises:
        OptionError: The library is not installed.
    """
    text = on_white(_as_json({"background": "white"} | chart))
    drawn = getattr(_library(), f"vegalite_to_{ending}")(text)
    return drawn.encode() if isinstance(drawn, str) else bytes(drawn)


def _as_json(chart: Chart) -> str:
    """Return the whole specification; halves of letters, as strange names have, are replaced."""
    whole = {"config": _CONFIG, "padding": 6} | chart
    text = json.dumps(whole, ensure_ascii=False)
    return text.encode(errors="replace").decode()


def _library() -> Any:  # noqa: ANN401 (a module that need not be there)
    try:
        return importlib.import_module("vl_convert")
    except ImportError as error:
        message = "charts need vl-convert: pip install 'onnx2snn[plot]'"
        raise OptionError(message) from error

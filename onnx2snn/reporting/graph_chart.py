"""The graph of an ANN with what became of each node: nodes in a column, long edges as arcs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from onnx2snn.reporting.charts import try_figure
from onnx2snn.reporting.page_parts import draw_folded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from onnx2snn.reporting.analysis import NodeAnalysis
    from onnx2snn.reporting.charts import Chart

__all__ = ["draw_graph"]

_NOT_SHOWN = ("constant",)
"""Kinds of nodes that the graph is easier to read without."""

_ROW = 18
"""Height of a node, in pixels."""

_WIDTH, _LEFT, _RIGHT = 330, -4, 18
"""Width in pixels, and where that begins and ends: nodes stand at 0, arcs to the left."""

_LETTERS = 38
"""Letters of a name that have room."""


_MANY = 80
"""Nodes from which on the graph is folded away at first."""


def draw_graph(nodes: Sequence[NodeAnalysis]) -> str:
    """Return the section with the nodes of a file, in its order.

    Args:
        nodes: The nodes.
    """
    words = (
        "The nodes in the order of the file, without constants, and what became of them; lines "
        "lead from each to those that read it."
    )
    alt = "The graph; the table of nodes says the same."
    return draw_folded(
        "Graph",
        f'<p class="quiet">{words}</p>',
        try_figure(_chart_of_graph(nodes), alt),
        is_open=len(nodes) <= _MANY,
    )


def _chart_of_graph(nodes: Sequence[NodeAnalysis]) -> Chart:
    shown = [node for node in nodes if node["kind"] not in _NOT_SHOWN]
    points = [
        {"x": 0, "y": place, "kind": node["kind"], "label": _label(node)}
        for place, node in enumerate(shown)
    ]
    bottom = len(shown) - 0.5
    return {
        "width": _WIDTH,
        "height": max(_ROW * len(shown), 1),
        "encoding": {"x": _axis("x", [_LEFT, _RIGHT]), "y": _axis("y", [-0.5, bottom])},
        "layer": [
            _chart_of_edges(shown),
            {
                "data": {"values": points},
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"color": _colors_of_kinds(shown)},
            },
            {
                "data": {"values": points},
                "mark": {"type": "text", "align": "left", "dx": 10},
                "encoding": {"text": {"field": "label"}},
            },
        ],
    }


def _chart_of_edges(nodes: Sequence[NodeAnalysis]) -> Chart:
    return {
        "data": {"values": list(_draw_edges(nodes))},
        "mark": {
            "type": "line",
            "interpolate": "basis",
            "color": "var(--quiet)",
            "strokeWidth": 1,
        },
        "encoding": {"detail": {"field": "edge"}, "order": {"field": "order"}},
    }


def _colors_of_kinds(nodes: Sequence[NodeAnalysis]) -> Chart:
    kinds = list(dict.fromkeys(node["kind"] for node in nodes))
    return {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": kinds, "range": [f"var(--{kind})" for kind in kinds]},
        "legend": {"columns": 4},
    }


def _axis(name: str, domain: list[float]) -> Chart:
    """Return an axis that is not drawn, from top to bottom."""
    scale = {"domain": domain, "nice": False, "reverse": name == "y"}
    return {"field": name, "type": "quantitative", "axis": None, "scale": scale}


def _label(node: NodeAnalysis) -> str:
    name = node["node"]
    if not name.endswith(node["op"]):
        name = f"{node['op']} {name}"
    return name if len(name) <= _LETTERS else "…" + name[-_LETTERS:]


def _draw_edges(nodes: Sequence[NodeAnalysis]) -> Iterator[dict[str, Any]]:
    """Yield the points of the lines from each node to those that it reads."""
    places = {node["node"]: place for place, node in enumerate(nodes)}
    for end, node in enumerate(nodes):
        for read in node["reads"]:
            begin = places.get(read)
            if begin is None or begin >= end:
                continue
            depth = min(math.log2(end - begin), -_LEFT)
            line = [(0, begin), (-depth, begin + 0.3), (-depth, end - 0.3), (0, end)]
            for order, (x, y) in enumerate(line):
                edge = f"{begin} {end}"
                yield {"x": x, "y": y, "edge": edge, "order": order}

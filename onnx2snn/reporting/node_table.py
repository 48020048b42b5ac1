"""The nodes of a file as a table: what became of each, and why."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from onnx2snn.analysis.drivers import DRIVERS, Driver
from onnx2snn.reporting.page_parts import Cell, Heading, draw_name, draw_table
from onnx2snn.reporting.summary import write_macs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx2snn.reporting.analysis import NodeAnalysis

__all__ = ["draw_nodes", "node_links"]


def node_links(nodes: Sequence[NodeAnalysis]) -> dict[str, str]:
    """Return the name of each node of the simplified network to the id of the row that it is in."""
    return {
        name: f"node-{place}"
        for place, node in enumerate(nodes)
        for name in node["became"]
    }


def draw_nodes(nodes: Sequence[NodeAnalysis], counts: Mapping[str, int]) -> str:
    """Return boxes that choose the kinds that are shown, and the table.

    Args:
        nodes: The nodes.
        counts: Number of nodes of each kind.
    """
    boxes = "".join(_draw_choice(kind, count) for kind, count in counts.items())
    headings = [Heading("node"), Heading("became"), Heading("MACs", is_number=True)]
    attributes = [
        f'id="node-{place}" data-kind="{node["kind"]}"'
        for place, node in enumerate(nodes)
    ]
    table = draw_table(
        headings, map(_draw_node, nodes), attributes=attributes, name="nodes"
    )
    return f'<fieldset class="kinds" aria-label="kinds that are shown">{boxes}</fieldset>{table}'


def _draw_choice(kind: str, count: int) -> str:
    if not count:
        return ""
    return (
        f'<label><input type="checkbox" value="{kind}" checked>'
        f'<span class="dot" style="background:var(--{kind})"></span>{count:,} {kind}</label>'
    )


def _draw_node(node: NodeAnalysis) -> list[Cell]:
    kind, driver = node["kind"], node["driver"]
    words = kind if driver is None else f"{kind}, {DRIVERS[Driver(driver)]}"
    below = escape(node["op"])
    if node["place"]:
        below += f" in {draw_name(node['place'])}"
    name = draw_name(node["node"])
    chip = f'<span class="chip" style="border-color:var(--{kind})">{words}</span>'
    reason = draw_name(node["reason"])
    macs = node["macs"]
    return [
        Cell(f'{name}<br><span class="quiet">{below}</span>', node["node"]),
        Cell(f'{chip}<br><span class="quiet">{reason}</span>', kind),
        Cell(write_macs(macs), -1 if macs is None else macs),
    ]

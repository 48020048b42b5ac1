"""The report of a conversion as a page to look at: one file, nothing to fetch."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from onnx2snn.analysis.drivers import DRIVERS, NOT_SPIKES, Driver
from onnx2snn.reporting.charts import try_figure
from onnx2snn.reporting.energy_table import draw_energy
from onnx2snn.reporting.graph_chart import draw_graph
from onnx2snn.reporting.node_table import draw_nodes, node_links
from onnx2snn.reporting.page_parts import (
    Cell,
    Heading,
    draw_cards,
    draw_facts,
    draw_folded,
    draw_name,
    draw_number,
    draw_section,
    draw_table,
    draw_wide_table,
    fill_page,
)
from onnx2snn.reporting.report_charts import chart_of_latency, chart_of_thresholds
from onnx2snn.reporting.summary import (
    describe_drivers,
    describe_shortfall,
    write_macs,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onnx2snn.reporting.analysis import Analysis
    from onnx2snn.reporting.operations import Macs
    from onnx2snn.reporting.report import LatencyCurve, LayerReport, Report

__all__ = ["render_in_frame", "render_page"]


def render_page(report: Report) -> str:
    """Return ``report`` as HTML that needs no other file.

    Charts are left out where the library that draws them is not installed.
    """
    nodes = report["analysis"]["nodes"]
    sections = [
        draw_cards(_facts(report)),
        _draw_arithmetic(report),
        _draw_latency(report["latency_curve"], report["latency_steps"]),
        draw_section(
            "Nodes of the file", draw_nodes(nodes, report["analysis"]["counts"])
        ),
        draw_graph(nodes),
        _draw_thresholds(report),
        draw_section("Provenance", draw_facts(_provenance(report))),
    ]
    title = f"{report['source']} as a spiking network"
    return fill_page(title, _describe_method(report), sections)


def render_in_frame(report: Report) -> str:
    """Return the head of the page as a frame in another page: its facts, and charts of them."""
    sections = [
        draw_cards(_facts(report)),
        _draw_arithmetic(report),
        _draw_latency(report["latency_curve"], report["latency_steps"]),
        _draw_thresholds(report),
    ]
    title = f"{report['source']} as a spiking network"
    page = fill_page(title, _describe_method(report), sections)
    return (
        f'<iframe title="{escape(title)}" srcdoc="{escape(page)}" '
        'style="width: 100%; height: 32rem; border: 0"></iframe>'
    )


def _describe_method(report: Report) -> str:
    codings = [
        f"{name} ({coding['kind']})" for name, coding in report["input_coding"].items()
    ]
    schedule = report["schedule"]
    if "schedule_reason" in report:
        schedule += f", as {report['schedule_reason']}"
    return f"{report['method']}; {schedule}; inputs: {', '.join(codings)}"


def _facts(report: Report) -> list[tuple[str, str]]:
    """Return the numbers at the top of the page, with what they count."""
    analysis = report["analysis"]
    percent = analysis["spike_driven_percent"]
    driven = "?" if percent is None else f"{percent:.1f} %"
    held_up = sum(analysis["operations"][driver] for driver in NOT_SPIKES)
    facts = [
        (f"{report['T']:,}", "time steps"),
        (f"{report['latency_steps']:,}", "steps until the answer"),
        (f"{report['weight_passes']:,}", "passes over the weights"),
        (f"{len(report['layers']):,}", "layers of neurons"),
        (driven, "of the arithmetic on spikes"),
        (f"{held_up:,}", "operations on real numbers"),
        (f"{report['calibration_samples']:,}", "calibration samples"),
    ]
    if (activity := report["activity"]) is not None:
        facts.append((f"{activity['spikes']:,.0f}", "spikes a sample, measured"))
    return facts


def _draw_arithmetic(report: Report) -> str:
    analysis = report["analysis"]
    macs = analysis["macs"]
    bars = "".join(_draw_bar(driver, macs) for driver in Driver)
    legend = "".join(_draw_legend(driver, macs) for driver in Driver)
    label = escape(describe_drivers(analysis), quote=True)
    return draw_section(
        "What drives the arithmetic",
        f"<p>{escape(_describe_work(analysis))}</p>",
        f"<p>{escape(describe_shortfall(analysis))}</p>",
        f'<div class="stack" role="img" aria-label="{label}">{bars}</div>',
        f'<ul class="legend">{legend}</ul>',
        draw_energy(report["energy"], report["activity"], macs, report["T"]),
    )


def _describe_work(analysis: Analysis) -> str:
    total = analysis["macs"]["total"]
    if total is None:
        return f"{describe_drivers(analysis)}."
    return f"{total:,} multiply-accumulates a sample."


def _share(macs: Macs, driver: Driver) -> float:
    """Return the multiply-accumulates of a driver in percent of all; 0 if they are not known."""
    count = macs[driver]
    if not macs["total"] or count is None:
        return 0.0
    return 100 * count / macs["total"]


def _draw_bar(driver: Driver, macs: Macs) -> str:
    if not _share(macs, driver):
        return ""
    share = f"{_share(macs, driver):.3f}%"
    return f'<i style="width:{share};background:var(--{driver})"></i>'


def _draw_legend(driver: Driver, macs: Macs) -> str:
    share = f"{_share(macs, driver):.1f} %"
    if macs["total"] is None:
        share = "?"
    count = write_macs(macs[driver]) or "0"
    return (
        f'<li><span class="dot" style="background:var(--{driver})"></span>{driver}: '
        f"{share}, {count} {DRIVERS[driver]}</li>"
    )


def _draw_latency(curve: LatencyCurve | None, latency_steps: int) -> str:
    """Return the section with the curve; empty if there is none."""
    if curve is None:
        return ""
    words = (
        "The least relative error of the outputs, against the ANN's, that was found with at most "
        f"so many steps to the answer, on {curve['samples']:,} calibration samples and before "
        "corrections; which layers wait was chosen by it. The large mark is this network."
    )
    rows = [
        [
            draw_number(point["latency_steps"]),
            draw_number(point["relative_error"], ".3g"),
        ]
        for point in curve["points"]
    ]
    headings = [Heading("steps", is_number=True), Heading("error", is_number=True)]
    chart = chart_of_latency(curve["points"], latency_steps)
    return draw_section(
        "Error against latency",
        f'<p class="quiet">{words}</p>',
        try_figure(chart, "Error against latency; the table below has the numbers."),
        "<details><summary>The numbers</summary>",
        draw_table(headings, rows, sorts=False, name="few"),
        "</details>",
    )


def _draw_thresholds(report: Report) -> str:
    layers = report["layers"]
    words = (
        "In units of the activation. The line runs from the smallest to the largest threshold of "
        "a layer, the bar holds the middle half, the mark is the median."
    )
    if not layers:
        return ""
    headings = [
        Heading("layer"),
        *(
            Heading(name, is_number=True)
            for name in ("smallest", "median", "largest", "number")
        ),
        Heading("from"),
    ]
    links = node_links(report["analysis"]["nodes"])
    rows = [_threshold_row(layer, links) for layer in layers]
    alt = "Ranges of the thresholds; the table below has the numbers."
    return draw_folded(
        "Thresholds",
        f'<p class="quiet">{words}</p>',
        try_figure(chart_of_thresholds(layers), alt),
        draw_wide_table("thresholds of the layers", draw_table(headings, rows)),
    )


def _threshold_row(layer: LayerReport, links: Mapping[str, str]) -> list[Cell]:
    name = draw_name(layer["name"])
    link = links.get(layer["name"])
    median = layer["v_threshold_quartiles"][1]
    return [
        Cell(name if link is None else f'<a href="#{link}">{name}</a>'),
        draw_number(layer["v_threshold_min"], ".4g"),
        draw_number(median, ".4g"),
        draw_number(layer["v_threshold_max"], ".4g"),
        draw_number(layer["thresholds"]),
        Cell(escape(layer["threshold_origin"])),
    ]


def _provenance(report: Report) -> dict[str, str]:
    return {
        "file": report["source"],
        "SHA-256 of the file": report["source_sha256"] or "unknown",
        "SHA-256 of the calibration data": report["calibration_sha256"] or "none",
        "weights": report["weights"],
        "layout of time": report["layout"],
    }

"""The report of a conversion as a page to look at: one file, nothing to fetch."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from onnx2snn.analysis.drivers import DRIVERS, NOT_SPIKES, Driver
from onnx2snn.reporting.latency_plot import draw_latency_section
from onnx2snn.reporting.log_scale import LogScale
from onnx2snn.reporting.summary import (
    describe_drivers,
    describe_shortfall,
    write_macs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx2snn.reporting.analysis import Analysis, NodeAnalysis
    from onnx2snn.reporting.energy import Energy
    from onnx2snn.reporting.operations import Macs
    from onnx2snn.reporting.report import LayerReport, Report

__all__ = ["render_page"]

_TEMPLATE = "report_page.html"


def render_page(report: Report) -> str:
    """Return ``report`` as HTML that needs no other file."""
    template = files("onnx2snn.reporting").joinpath(_TEMPLATE)
    text = {name: escape(value) for name, value in _texts(report).items()}
    return Template(template.read_text(encoding="utf-8")).substitute(
        text | _elements(report)
    )


def _texts(report: Report) -> dict[str, str]:
    """Return the texts of the page, still to be escaped, by their names in the template."""
    analysis = report["analysis"]
    energy = report["energy"]
    source_digest = report["source_sha256"] or "unknown"
    data_digest = report["calibration_sha256"] or "none"
    return {
        "title": f"{report['source']} as a spiking network",
        "method": _describe_method(report),
        "total": _describe_work(analysis),
        "shares": describe_drivers(analysis),
        "shortfall": describe_shortfall(analysis),
        "break_even": _describe_break_even(energy["break_even_rate"]),
        "ac_pj": str(energy["ac_pj"]),
        "mac_pj": str(energy["mac_pj"]),
        "footer": f"SHA-256 of the file {source_digest}; of the calibration data {data_digest}",
    }


def _describe_method(report: Report) -> str:
    codings = [
        f"{name} ({coding['kind']})" for name, coding in report["input_coding"].items()
    ]
    schedule = report["schedule"]
    if "schedule_reason" in report:
        schedule += f", as {report['schedule_reason']}"
    return f"{report['method']}; {schedule}; inputs: {', '.join(codings)}"


def _describe_work(analysis: Analysis) -> str:
    total = analysis["macs"]["total"]
    if total is None:
        return f"{describe_drivers(analysis)}."
    return f"{total:,} multiply-accumulates a sample."


def _describe_break_even(rate: float | None) -> str:
    if rate is None:
        return ""
    return (
        f"The two are equal at {rate:.3g} spikes a step for each input of the weights."
    )


def _elements(report: Report) -> dict[str, str]:
    """Return the HTML elements of the page by their names in the template."""
    analysis = report["analysis"]
    macs = analysis["macs"]
    cards = [_draw_card(number, label) for number, label in _facts(report)]
    kinds = [_draw_choice(kind, count) for kind, count in analysis["counts"].items()]
    return {
        "cards": "".join(cards),
        "stack": "".join(_draw_bar(driver, macs) for driver in Driver),
        "legend": "".join(_draw_legend(driver, macs) for driver in Driver),
        "latency": draw_latency_section(
            report["latency_curve"], report["latency_steps"]
        ),
        "energy": _draw_energy(report["energy"], report["T"]),
        "layers": _draw_layers(report["layers"]),
        "kinds": "".join(kinds),
        "nodes": "\n".join(map(_draw_node, analysis["nodes"])),
    }


def _facts(report: Report) -> list[tuple[str, str]]:
    """Return the numbers at the top of the page, with what they count."""
    analysis = report["analysis"]
    percent = analysis["spike_driven_percent"]
    driven = "?" if percent is None else f"{percent:.1f} %"
    held_up = sum(analysis["operations"][driver] for driver in NOT_SPIKES)
    return [
        (f"{report['T']:,}", "time steps"),
        (f"{report['latency_steps']:,}", "steps until the answer"),
        (f"{report['weight_passes']:,}", "passes over the weights"),
        (f"{len(report['layers']):,}", "layers of neurons"),
        (driven, "of the arithmetic on spikes"),
        (f"{held_up:,}", "operations on real numbers"),
        (f"{report['calibration_samples']:,}", "calibration samples"),
    ]


def _share(macs: Macs, driver: Driver) -> float:
    """Return the multiply-accumulates of a driver in percent of all; 0 if they are not known."""
    count = macs[driver]
    if not macs["total"] or count is None:
        return 0.0
    return 100 * count / macs["total"]


def _draw_card(number: str, label: str) -> str:
    return f'<div class="card"><b>{escape(number)}</b>{escape(label)}</div>'


def _draw_bar(driver: Driver, macs: Macs) -> str:
    if not _share(macs, driver):
        return ""
    share = f"{_share(macs, driver):.3f}%"
    return f'<i style="width:{share};background:var(--{driver})" title="{driver}"></i>'


def _draw_legend(driver: Driver, macs: Macs) -> str:
    share = f"{_share(macs, driver):.1f} %"
    if macs["total"] is None:
        share = "?"
    count = write_macs(macs[driver]) or "0"
    return (
        f'<li><span class="dot" style="background:var(--{driver})"></span>{driver}: '
        f"{share}, {count} {DRIVERS[driver]}</li>"
    )


def _draw_energy(energy: Energy, time_steps: int) -> str:
    most = f"this network at T = {time_steps}, if every spike that can be sent is"
    return _draw_energy_row("the ANN", energy["ann_nj"]) + _draw_energy_row(
        most, energy["snn_most_nj"]
    )


def _draw_energy_row(name: str, nanojoules: float | None) -> str:
    microjoules = "?" if nanojoules is None else f"{nanojoules / 1000:,.3f}"
    return f'<tr><td>{name}</td><td class="number">{microjoules}</td></tr>'


def _draw_layers(layers: Sequence[LayerReport]) -> str:
    """Return a box plot of the thresholds of each layer, and the axis below."""
    smallest = min((layer["v_threshold_min"] for layer in layers), default=0.1)
    largest = max((layer["v_threshold_max"] for layer in layers), default=1.0)
    scale = LogScale.around(smallest, largest)
    rows = [_draw_layer(layer, scale) for layer in layers]
    return "\n".join([*rows, _draw_axis(scale)])


def _draw_axis(scale: LogScale) -> str:
    marks = [
        f'<span style="left:{scale.position(tick):.2f}%">{tick:.3g}</span>'
        for tick in scale.ticks()
    ]
    axis = f'<div class="axis">{"".join(marks)}</div>'
    return f'<div class="layer"><span></span>{axis}<span></span></div>'


def _draw_layer(layer: LayerReport, scale: LogScale) -> str:
    smallest = layer["v_threshold_min"]
    largest = layer["v_threshold_max"]
    low = scale.position(smallest)
    high = scale.position(largest)
    quartiles = layer["v_threshold_quartiles"]
    first, median, third = (scale.position(value) for value in quartiles)
    shapes = [
        _draw_rectangle("range", low, high, top=8, height=2),
        _draw_rectangle("box", first, third, top=4, height=10),
        _draw_rectangle("median", median - 0.15, median + 0.15, top=2, height=14),
    ]
    origin = escape(layer["threshold_origin"])
    title = f"{smallest:.4g} to {largest:.4g}"
    return (
        f'<div class="layer"><span>{escape(layer["name"])}</span>'
        f'<svg viewBox="0 0 100 18" preserveAspectRatio="none"><title>{title}</title>'
        f"{''.join(shapes)}</svg><span>{layer['thresholds']:,}, {origin}</span></div>"
    )


def _draw_rectangle(
    name: str, left: float, right: float, *, top: int, height: int
) -> str:
    width = max(right - left, 0.3)
    return f'<rect class="{name}" x="{left:.3f}" y="{top}" width="{width:.3f}" height="{height}"/>'


def _draw_choice(kind: str, count: int) -> str:
    if not count:
        return ""
    return (
        f'<label><input type="checkbox" value="{kind}" checked>'
        f'<span class="dot" style="background:var(--{kind})"></span>{count:,} {kind}</label>'
    )


def _draw_node(node: NodeAnalysis) -> str:
    kind = node["kind"]
    driver = node["driver"]
    words = kind if driver is None else f"{kind}, {DRIVERS[Driver(driver)]}"
    name = escape(node["node"])
    reason = escape(node["reason"])
    if node["place"]:
        name += f'<br><span class="quiet">in {escape(node["place"])}</span>'
    return (
        f'<tr data-kind="{kind}"><td>{name}</td><td>{escape(node["op"])}</td>'
        f'<td><span class="chip" style="border-color:var(--{kind})">{words}</span></td>'
        f'<td>{reason}</td><td class="number">{write_macs(node["macs"])}</td></tr>'
    )

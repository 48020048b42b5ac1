"""The report of a conversion as a page to look at: one file, nothing to fetch."""

from __future__ import annotations

import math
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx2snn.reporting.analysis import NodeAnalysis
    from onnx2snn.reporting.energy import Energy
    from onnx2snn.reporting.report import LayerReport, Report

__all__ = ["page"]

_DRIVERS = {
    "spikes": "driven by spikes, in every step",
    "analog": "on real numbers, in every step",
    "static": "once, before the first step",
    "readout": "once, after the last step",
}
"""What can drive a multiply-accumulate, in the order drawn."""

_MOST_TICKS = 8


def page(report: Report) -> str:
    """Return ``report`` as HTML that needs no other file."""
    macs = report["analysis"]["macs"]
    text = {name: escape(value) for name, value in _texts(report).items()}
    parts = {
        "cards": "".join(_card(*fact) for fact in _facts(report)),
        "stack": "".join(_bar(name, macs) for name in _DRIVERS),
        "legend": "".join(_legend(name, macs) for name in _DRIVERS),
        "energy": _energy_rows(report["energy"], report["T"]),
        "layers": _layers(report["layers"]),
        "kinds": "".join(
            _choice(*item) for item in report["analysis"]["counts"].items()
        ),
        "nodes": "\n".join(map(_node, report["analysis"]["nodes"])),
    }
    template = (
        files("onnx2snn.reporting")
        .joinpath("report_page.html")
        .read_text(encoding="utf-8")
    )
    return Template(template).substitute(text | parts)


def _texts(report: Report) -> dict[str, str]:
    macs, energy = report["analysis"]["macs"], report["energy"]
    rate = energy["break_even_rate"]
    codings = (
        f"{name} ({coding['kind']})" for name, coding in report["input_coding"].items()
    )
    return {
        "title": f"{report['source']} as a spiking network",
        "method": f"{report['method']}; {report['schedule']}; inputs: {', '.join(codings)}",
        "total": f"{macs['total']:,}",
        "shares": ", ".join(f"{name} {_percent(macs, name)}" for name in _DRIVERS),
        "break_even": ""
        if rate is None
        else f"The two are equal at {rate:.3g} spikes a step for each input of the weights.",
        "ac_pj": str(energy["ac_pj"]),
        "mac_pj": str(energy["mac_pj"]),
        "footer": f"SHA-256 of the file {report['source_sha256'] or 'unknown'}; "
        f"of the calibration data {report['calibration_sha256'] or 'none'}",
    }


def _facts(report: Report) -> list[tuple[str, str]]:
    counts = report["analysis"]["counts"]
    return [
        (f"{report['T']:,}", "time steps"),
        (f"{len(report['layers']):,}", "layers of neurons"),
        (
            f"{report['analysis']['spike_driven_percent']:.1f} %",
            "of the arithmetic on spikes",
        ),
        (f"{counts['analog']:,}", "nodes stay analog"),
        (f"{report['calibration_samples']:,}", "calibration samples"),
    ]


def _card(number: str, label: str) -> str:
    return f'<div class="card"><b>{escape(number)}</b>{escape(label)}</div>'


def _share(macs: Mapping[str, int], driver: str) -> float:
    return 100 * macs[driver] / macs["total"] if macs["total"] else 0.0


def _percent(macs: Mapping[str, int], driver: str) -> str:
    return f"{_share(macs, driver):.1f} %"


def _bar(driver: str, macs: Mapping[str, int]) -> str:
    if not macs[driver]:
        return ""
    share = f"{_share(macs, driver):.3f}%"
    return f'<i style="width:{share};background:var(--{driver})" title="{driver}"></i>'


def _legend(driver: str, macs: Mapping[str, int]) -> str:
    return (
        f'<li><span class="dot" style="background:var(--{driver})"></span>{driver}: '
        f"{_percent(macs, driver)}, {macs[driver]:,} {_DRIVERS[driver]}</li>"
    )


def _energy_rows(energy: Energy, time_steps: int) -> str:
    rows = {
        "the ANN": energy["ann_nj"],
        f"this network at T = {time_steps}, if every spike that can be sent is": energy[
            "snn_most_nj"
        ],
    }
    return "".join(
        f'<tr><td>{name}</td><td class="number">{value / 1000:,.3f}</td></tr>'
        for name, value in rows.items()
    )


def _layers(layers: Sequence[LayerReport]) -> str:
    low = math.log10(min((layer["v_threshold_min"] for layer in layers), default=0.1))
    high = math.log10(max((layer["v_threshold_max"] for layer in layers), default=1.0))
    margin = max(0.05 * (high - low), 0.05)
    scale = _Scale(low - margin, high + margin)
    rows = [_layer(layer, scale) for layer in layers]
    marks = "".join(
        f'<span style="left:{scale.at(tick):.2f}%">{tick:.3g}</span>'
        for tick in scale.ticks()
    )
    axis = f'<div class="layer"><span></span><div class="axis">{marks}</div><span></span></div>'
    return "\n".join([*rows, axis])


class _Scale:
    """A logarithmic scale, drawn from 0 to 100."""

    def __init__(self, low: float, high: float) -> None:
        """Take the decimal logarithms of both ends."""
        self._low = low
        self._high = high

    def at(self, value: float) -> float:
        """Return where ``value`` is."""
        return 100 * (math.log10(value) - self._low) / (self._high - self._low)

    def ticks(self) -> list[float]:
        """Return round numbers on the scale, not too many; at least two numbers."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [digit * 10.0**power for power in powers for digit in digits]
            shown = [value for value in found if 0 <= self.at(value) <= 100]
            if len(shown) <= _MOST_TICKS:
                break
        if len(shown) < 2:
            length = self._high - self._low
            return [10 ** (self._low + part * length) for part in (0.1, 0.9)]
        return shown[:: -(-len(shown) // _MOST_TICKS)]


def _layer(layer: LayerReport, scale: _Scale) -> str:
    first, median, third = (scale.at(value) for value in layer["v_threshold_quartiles"])
    low, high = scale.at(layer["v_threshold_min"]), scale.at(layer["v_threshold_max"])
    shapes = [
        _rectangle("range", low, high, 8, 2),
        _rectangle("box", first, third, 4, 10),
        _rectangle("median", median - 0.15, median + 0.15, 2, 14),
    ]
    count, origin = layer["thresholds"], escape(layer["threshold_origin"])
    title = f"{layer['v_threshold_min']:.4g} to {layer['v_threshold_max']:.4g}"
    return (
        f'<div class="layer"><span>{escape(layer["name"])}</span>'
        f'<svg viewBox="0 0 100 18" preserveAspectRatio="none"><title>{title}</title>'
        f"{''.join(shapes)}</svg><span>{count:,}, {origin}</span></div>"
    )


def _rectangle(name: str, left: float, right: float, top: int, height: int) -> str:
    width = max(right - left, 0.3)
    return f'<rect class="{name}" x="{left:.3f}" y="{top}" width="{width:.3f}" height="{height}"/>'


def _choice(kind: str, count: int) -> str:
    if not count:
        return ""
    return (
        f'<label><input type="checkbox" value="{kind}" checked>'
        f'<span class="dot" style="background:var(--{kind})"></span>{count:,} {kind}</label>'
    )


def _node(node: NodeAnalysis) -> str:
    count = "?" if node["macs"] is None else f"{node['macs']:,}" if node["macs"] else ""
    kind = node["kind"] + (", spike-driven" if node["spike_driven"] else "")
    name, reason = escape(node["node"]), escape(node["reason"])
    if node["place"]:
        name += f'<br><span class="quiet">in {escape(node["place"])}</span>'
    return (
        f'<tr data-kind="{node["kind"]}"><td>{name}</td><td>{escape(node["op"])}</td>'
        f'<td><span class="chip" style="border-color:var(--{node["kind"]})">{kind}</span></td>'
        f'<td>{reason}</td><td class="number">{count}</td></tr>'
    )

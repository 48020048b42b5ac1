"""The report as a page."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import Any

import pytest

import onnx2snn
from onnx2snn.reporting.report_page import render_page

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
VOID = {"meta", "br", "input", "rect"}


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its elements and text; mistakes raise."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"style", "script"}.isdisjoint(self._open):
            self.text += data
            if {"td", "th"}.intersection(self._open):
                self.rows[-1][-1] += data

    def count(self, tag: str, **attributes: str) -> int:
        names = {name.rstrip("_"): value for name, value in attributes.items()}
        return sum(
            t == tag and names.items() <= found.items() for t, found in self.elements
        )


@pytest.fixture(scope="module")
def conversion() -> onnx2snn.Conversion:
    return onnx2snn.convert(
        DIGITS / "digits.onnx", calibration=DIGITS / "calibration.npz", T=4
    )


@pytest.fixture
def report(conversion: onnx2snn.Conversion) -> Any:
    return json.loads(json.dumps(conversion.report))


def test_every_node_and_every_layer_is_on_the_page(report: Any) -> None:
    shown = Page(render_page(report))
    nodes = report["analysis"]["nodes"]
    rows = [row for row in shown.rows if len(row) == 5][1:]
    assert [row[:2] for row in rows] == [[node["node"], node["op"]] for node in nodes]
    assert [row[2].split(",")[0] for row in rows] == [node["kind"] for node in nodes]
    assert shown.count("tr", data_kind="x") == 0
    assert sum("data-kind" in found for _, found in shown.elements) == len(nodes)
    assert shown.count("svg") == len(report["layers"])
    assert shown.count("rect", class_="median") == len(report["layers"])


def test_the_shares_of_the_arithmetic_fill_the_bar(report: Any) -> None:
    shown = Page(render_page(report))
    styles = [str(found["style"]) for tag, found in shown.elements if tag == "i"]
    shares = [float(style.removeprefix("width:").split("%")[0]) for style in styles]
    macs = report["analysis"]["macs"]
    assert len(shares) == sum(macs[name] > 0 for name in macs if name != "total")
    assert sum(shares) == pytest.approx(100, abs=0.01)
    assert f"{macs['total']:,} multiply-accumulates" in shown.text


def test_the_page_needs_nothing_else(report: Any) -> None:
    text = render_page(report)
    assert "http" not in text
    assert "$" not in text
    shown = Page(text)
    assert {"img", "link", "iframe"}.isdisjoint(tag for tag, _ in shown.elements)
    assert not [
        found for _, found in shown.elements if "src" in found or "href" in found
    ]


def test_names_are_text_and_no_markup(report: Any) -> None:
    name = "<script>alert('&')</script>$T"
    report["source"] = report["layers"][0]["name"] = report["analysis"]["nodes"][0][
        "node"
    ] = name
    report["analysis"]["nodes"][1]["place"] = name
    shown = Page(render_page(report))
    assert shown.count("script") == 1
    assert shown.text.count(name) == 5  # title, heading, layer, node, function


@pytest.mark.parametrize(
    "low, high", [(0.5, 0.5), (1e-6, 1e6), (0.9, 1.1), (3e-12, 4e-12), (1.0, 1000.0)]
)
def test_marks_and_bars_lie_on_the_scale(low: float, high: float, report: Any) -> None:
    for layer in report["layers"]:
        layer |= {"v_threshold_min": low, "v_threshold_max": high}
        layer["v_threshold_quartiles"] = [low, (low * high) ** 0.5, high]
    shown = Page(render_page(report))
    bars = [found for tag, found in shown.elements if tag == "rect"]
    for bar in bars:
        left, width = float(str(bar["x"])), float(str(bar["width"]))
        assert left >= 0
        assert width > 0
        assert left + width <= 100
    marks = [
        found
        for tag, found in shown.elements
        if tag == "span" and "left:" in str(found)
    ]
    places = [
        float(str(mark["style"]).removeprefix("left:").rstrip("%")) for mark in marks
    ]
    assert 2 <= len(places) <= 8
    assert places == sorted(places)
    assert all(0 <= place <= 100 for place in places)


def test_a_network_without_arithmetic_or_data(report: Any) -> None:
    report["analysis"]["macs"] = dict.fromkeys(report["analysis"]["macs"], 0)
    report["analysis"]["nodes"][0]["macs"] = None
    report["energy"]["break_even_rate"] = None
    report |= {"layers": [], "calibration_sha256": None, "source_sha256": ""}
    shown = Page(render_page(report))
    assert "of the calibration data none" in shown.text
    assert shown.count("i") == 0


def test_reports_are_written_by_their_names(
    conversion: onnx2snn.Conversion, tmp_path: Path
) -> None:
    conversion.save_report(tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == conversion.report
    conversion.save_report(tmp_path / "r.HTML")
    assert (tmp_path / "r.HTML").read_text() == render_page(conversion.report)
    with pytest.raises(
        onnx2snn.OptionError, match=r"report: .*r\.pdf' must end in \.json or \.ht"
    ):
        conversion.save_report(tmp_path / "r.pdf")
    with pytest.raises(onnx2snn.OutputError, match="there is no folder"):
        conversion.save_report(tmp_path / "no" / "r.json")
